"""The rules for what is reachable: spot checks against the specification's sentences."""

import pytest

from cosim.coverage.group import MODES, cross
from cosim.coverage.groups import groups
from rtl.isa.csr_state import csr_states
from rtl.isa.csrs import CSRS_BY_NUMBER


def _reachable(group: str, *values: str) -> bool:
    assert len(values) == len(groups()[group].axes)
    return values in groups()[group].reachable


def test_a_cross_is_split_into_reachable_and_excluded() -> None:
    group = cross("g", "G", {"a": "xy", "b": "12"}, lambda a, b: "no y2" if a + b == "y2" else None)
    assert group.reachable == {("x", "1"), ("x", "2"), ("y", "1")}
    assert group.excluded == {"no y2": 1}


@pytest.mark.parametrize(
    ("bin_", "expected"),
    [
        (("ECALL_VS", "VS", "HS"), True),
        (("ECALL_VS", "VS", "VS"), False),
        (("ECALL_M", "M", "M"), True),
        (("ECALL_HS", "HS", "HS"), True),
        (("ECALL_U", "VU", "VS"), True),
        (("LOAD_GUEST_PAGE_FAULT", "U", "HS"), True),  # HLV with hstatus.HU
        (("FETCH_GUEST_PAGE_FAULT", "HS", "HS"), False),
        (("VIRTUAL_INSTRUCTION", "VU", "HS"), True),
        (("VIRTUAL_INSTRUCTION", "VU", "VS"), False),
        (("LOAD_PAGE_FAULT", "M", "M"), True),  # MPRV
        (("LOAD_PAGE_FAULT", "M", "HS"), False),
        (("MTI", "VU", "M"), True),
        (("MTI", "VU", "HS"), False),
        (("SSI", "M", "M"), True),
        (("VSSI", "HS", "HS"), True),
        (("VSSI", "HS", "M"), False),
        (("SGEI", "HS", "HS"), False),
        (("FETCH_MISALIGNED", "U", "M"), False),
    ],
)
def test_traps(bin_: tuple[str, ...], expected: bool) -> None:
    assert _reachable("traps", *bin_) == expected


@pytest.mark.parametrize(
    ("name", "mode", "outcomes"),
    [
        ("add", "VU", "done"),
        ("c.lw", "M", "done"),
        ("mret", "VS", "illegal"),
        ("sret", "VS", "done virtual"),
        ("sret", "U", "illegal"),
        ("wfi", "VS", "done illegal virtual"),
        ("hfence.gvma", "HS", "done illegal"),
        ("hfence.vvma", "VU", "virtual"),
        ("hlv.w", "U", "done illegal"),
        ("sfence.inval.ir", "VU", "virtual"),
        ("c.illegal", "M", "illegal"),
    ],
)
def test_instructions(name: str, mode: str, outcomes: str) -> None:
    found = {outcome for n, m, outcome in groups()["instructions"].reachable if (n, m) == (name, mode)}
    assert found == set(outcomes.split())


@pytest.mark.parametrize(
    ("name", "mode", "access", "outcomes"),
    [
        ("mstatus", "HS", "read", "illegal"),
        ("mstatus", "VS", "write", "illegal"),  # HS could not either
        ("satp", "HS", "write", "done illegal"),
        ("satp", "VS", "write", "done virtual"),
        ("hgatp", "VS", "read", "virtual"),
        ("vsatp", "HS", "read", "done"),
        ("sstatus", "VU", "read", "virtual"),
        ("sstatus", "U", "read", "illegal"),
        ("cycle", "VU", "read", "done illegal virtual"),
        ("cycle", "M", "write", "illegal"),
        ("stimecmp", "VS", "write", "done illegal virtual"),
        ("vstimecmp", "VU", "write", "illegal virtual"),
    ],
)
def test_csrs(name: str, mode: str, access: str, outcomes: str) -> None:
    bins = groups()["csrs"].reachable
    assert {bin_[3] for bin_ in bins if bin_[:3] == (name, mode, access)} == set(outcomes.split())


def test_every_number_is_either_a_register_or_absent() -> None:
    absent = {number for number, _ in groups()["absent_csrs"].reachable}
    assert absent == {f"{n:#05x}" for n in range(4096) if n not in CSRS_BY_NUMBER}
    assert {name for name, *_ in groups()["csrs"].reachable} == set(csr_states())
    assert {mode for _, mode in groups()["absent_csrs"].reachable} == set(MODES)


def test_walks() -> None:
    assert _reachable("pages", "hlvx", "1G", "4K")
    assert not _reachable("pages", "hlv", "4K", "off")
    assert _reachable("first_stage", "store", "dirty", "2", "on")
    assert not _reachable("first_stage", "load", "dirty", "2", "on")
    assert not _reachable("first_stage", "load", "misaligned", "0", "off")
    assert _reachable("guest_tables", "fetch", "0", "write", "kind", "1")
    assert not _reachable("guest_tables", "fetch", "0", "write", "invalid", "1")


def test_every_exclusion_has_a_reason() -> None:
    for group in groups().values():
        assert group.reachable
        assert all(len(reason) > 10 for reason in group.excluded)
