"""PMP against a byte-by-byte reading of the specification's matching rules."""

from hypothesis import given
from hypothesis import strategies as st

from cosim.model.exceptions import Access
from cosim.model.pmp import Pmp
from rtl.isa.paging import PMP_ENTRIES, PmpMatch

_entries = st.lists(
    st.tuples(
        st.sampled_from([PmpMatch.OFF, PmpMatch.TOR, PmpMatch.NAPOT]),
        st.integers(0, 63),
        st.sampled_from([0, 1, 3, 4, 5, 7]),
        st.booleans(),
    ),
    min_size=PMP_ENTRIES,
    max_size=PMP_ENTRIES,
)


def _matches(entries, n: int, page: int) -> bool:
    """Whether entry ``n`` covers page number ``page``, in units of pages."""
    mode, address = entries[n][0], entries[n][1]
    if mode == PmpMatch.OFF:
        return False
    if mode == PmpMatch.TOR:
        bottom = entries[n - 1][1] if n else 0
        return bottom <= page < address
    ones = 0
    while address >> ones & 1:
        ones += 1
    return page >> (ones + 1) == address >> (ones + 1)


@given(_entries, st.integers(0, 63), st.sampled_from([0, 1, 2]), st.sampled_from([0, 1, 3]))
def test_verdict_is_that_of_the_first_match(entries, page: int, access: int, privilege: int) -> None:
    pmp = Pmp()
    for n, (mode, address, rights, locked) in enumerate(entries):
        # bit 10 of pmpaddr is bit 12 of the address; bit 9 set makes the smallest NAPOT region two pages
        pmp.addr[n] = address << 10 | (0x200 if mode == PmpMatch.NAPOT else 0)
        pmp.cfg[n] = rights | mode << 3 | locked << 7
    first = next((n for n in range(PMP_ENTRIES) if _matches(entries, n, page)), None)
    if first is None:
        expected = privilege == 3
    else:
        rights, locked = entries[first][2], entries[first][3]
        bit = {Access.FETCH: 4, Access.LOAD: 1, Access.STORE: 2}[access]
        expected = bool(rights & bit) or (privilege == 3 and not locked)
    assert pmp.allows(page << 12 | 0x10, access, privilege) == expected


def test_smallest_region_is_one_page() -> None:
    pmp = Pmp()
    pmp.addr[0] = 5 << 10
    pmp.cfg[0] = 0x19
    assert pmp.region(0) == (0x5000, 0x6000)


def test_reserved_settings_are_not_held() -> None:
    pmp = Pmp()
    pmp.write_cfg(0x10 | 0x1A << 8 | 0x8F << 16)
    assert pmp.cfg[0] & 0x18 == 0
    assert pmp.cfg[1] == 0x18
    assert pmp.cfg[2] == 0x8F
    pmp.write_cfg(0)
    assert pmp.cfg[2] == 0x8F
    assert pmp.locked(1)  # below a locked TOR
