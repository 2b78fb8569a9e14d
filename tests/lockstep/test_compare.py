"""Each thing that lockstep compares: a hardware that had it wrong would be noticed, at that very record."""

from collections.abc import Callable

import pytest

from cosim.lockstep.compare import Mismatch
from cosim.lockstep.records import Retired
from cosim.observe import STATE_NAMES
from rtl.isa.causes import Cause
from rtl.isa.csrs import CSRS
from tests.lockstep.streams import compare_stream, first, recorded

_PROGRAMS = ("h_two_stage", "h_htinst", "mprv_guest", "traps_delegation", "h_delegation", "h_vs_registers")
_GUEST_FAULTS = (Cause.FETCH_GUEST_PAGE_FAULT, Cause.LOAD_GUEST_PAGE_FAULT, Cause.STORE_GUEST_PAGE_FAULT)


def _noticed(wanted: Callable[[Retired], object], change: Callable[[Retired], Retired]) -> str:
    """What differs after ``change`` to the first record that is ``wanted``."""
    for program in _PROGRAMS:
        stream = recorded(program)
        found = first(stream, wanted)
        if found is None:
            continue
        at, one = found
        with pytest.raises(Mismatch) as caught:
            compare_stream(stream, at, change(one))
        assert caught.value.cycle == one.cycle
        return "\n".join(caught.value.wrong)
    raise AssertionError("no program has such a record")


def test_the_streams_themselves_agree() -> None:
    for program in _PROGRAMS:
        assert compare_stream(recorded(program)) > 10


@pytest.mark.parametrize(
    ("field", "wanted", "says"),
    [
        ("pc", lambda r: not r.trap, "pc"),
        ("instruction", lambda r: not r.trap, "instruction"),
        ("privilege", lambda r: not r.trap, "mode"),
        ("virt", lambda r: not r.trap, "mode"),
        ("rd", lambda r: r.rd_write, "destination"),
        ("rd_data", lambda r: r.rd_write and not r.mem_read, "destination"),
        ("fetch_paddr", lambda r: not r.trap, "fetched from"),
        ("fetch_paddr_last", lambda r: not r.trap and r.instruction & 3 == 3, "fetched from"),
        ("mem_vaddr", lambda r: r.mem_read, "load address"),
        ("mem_paddr", lambda r: r.mem_read, "load address"),
        ("mem_paddr_last", lambda r: r.mem_read, "second page"),
        ("mem_vaddr", lambda r: r.mem_write, "store address"),
        ("mem_paddr", lambda r: r.mem_write, "store address"),
        ("mem_data", lambda r: r.mem_write, "store data"),
        ("mem_size", lambda r: r.mem_write, "store size"),
        ("mem_read", lambda r: not (r.mem_read or r.mem_write or r.trap), "load"),
        ("mem_write", lambda r: r.mem_write, "store"),
        ("cause", lambda r: r.trap, "cause"),
        ("trap", lambda r: not r.trap, "trap"),
    ],
)
def test_field(field: str, wanted: Callable[[Retired], object], says: str) -> None:
    bit = (
        1 << 40
        if field in ("pc", "mem_vaddr", "mem_paddr", "mem_paddr_last", "fetch_paddr", "fetch_paddr_last")
        else 1
    )
    bit = 3 << 8 if field == "instruction" else bit
    assert says in _noticed(wanted, lambda r: r.replaced(**{field: getattr(r, field) ^ bit}))


@pytest.mark.parametrize("name", STATE_NAMES)
def test_a_register_that_changes_by_itself(name: str) -> None:
    """At a plain instruction, which must not change any."""
    said = _noticed(lambda r: r.rd_write and not r.changes, lambda r: r.replaced(state={name: 0x5A5A}))
    assert f"{name}: hardware 0x5a5a" in said


def _without(name: str) -> Callable[[Retired], Retired]:
    def change(one: Retired) -> Retired:
        return one.replaced(state={other: value for other, value in one.state.items() if other != name})

    return change


@pytest.mark.parametrize("level", ["m", "h"])
@pytest.mark.parametrize("name", ["epc", "cause", "tval", "tval2", "tinst", "status", "mode"])
def test_what_a_guest_page_fault_reports(level: str, name: str) -> None:
    """A register that the trap should have written and has not: to M, and to HS."""
    register = {
        "h": {"epc": "sepc", "cause": "scause", "tval": "stval", "tval2": "htval", "tinst": "htinst"},
        "m": {"status": "mstatus"},
    }[level].get(name, f"{level}{name}" if name != "mode" else name)
    cause = "mcause" if level == "m" else "scause"
    said = _noticed(
        lambda r: r.trap and r.state.get(cause) in _GUEST_FAULTS and register in r.state,
        _without(register),
    )
    assert f"{register}: hardware" in said


@pytest.mark.parametrize("name", ["vsepc", "vscause", "vstval", "vsstatus"])
def test_what_a_trap_to_the_guest_reports(name: str) -> None:
    said = _noticed(lambda r: r.trap and name in r.state, _without(name))
    assert f"{name}: hardware" in said


@pytest.mark.parametrize(
    ("register", "field"), [("hstatus", "GVA"), ("hstatus", "SPV"), ("hstatus", "SPVP"), ("mstatus", "GVA"),
                            ("mstatus", "MPV"), ("mstatus", "MPP")]
)  # fmt: skip
def test_status_bits_of_a_trap(register: str, field: str) -> None:
    mask = CSRS[register].mask(field)
    said = _noticed(
        lambda r: r.trap and register in r.state,
        lambda r: r.replaced(state=r.state | {register: r.state[register] ^ mask}),
    )
    assert f"{register}: hardware" in said


@pytest.mark.parametrize("word", [0x3020_0073, 0x1020_0073], ids=["mret", "sret"])
def test_a_return_without_its_effect_on_status(word: int) -> None:
    said = _noticed(
        lambda r: r.instruction == word and not r.trap and r.state,
        lambda r: r.replaced(state={}),
    )
    assert "status: hardware" in said or "mode: hardware" in said


def test_a_csr_write_that_is_lost() -> None:
    said = _noticed(
        lambda r: r.instruction & 0x7F == 0x73 and "vsscratch" in r.state,
        _without("vsscratch"),
    )
    assert "vsscratch: hardware" in said
