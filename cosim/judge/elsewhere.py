"""Where QEMU is known to go on elsewhere than specified, so that what follows cannot be compared.

The model knows when a program comes to such a place. The judge then leaves out the unit that led there, and
counts why; if no unit did and the two differ, it compares what was logged before.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cosim.model.record import Record
from cosim.model.translation import Refusal, Walk
from cosim.torture.layout import CODE, USER_CODE
from rtl.isa.causes import INTERRUPT_BIT, Cause, Interrupt
from rtl.isa.csr_state import S_INTERRUPTS
from rtl.isa.csrs import CSRS
from rtl.isa.instructions import INSTRUCTIONS, Format
from rtl.isa.paging import Pte
from rtl.isa.privilege import Privilege

if TYPE_CHECKING:
    from cosim.model.hart import Hart

__all__ = [
    "ATOMICS",
    "CSR_ACCESSES",
    "Step",
    "is_one_of",
    "is_supervisors",
    "leads_elsewhere",
    "table_access",
]

ATOMICS = tuple(name for name, i in INSTRUCTIONS.items() if i.format is Format.AMO)
"""AMOs and store-conditionals."""
CSR_ACCESSES = tuple(name for name, i in INSTRUCTIONS.items() if i.format in (Format.CSR, Format.CSRI))
_HLVX = ("hlvx.hu", "hlvx.wu")
_MXR = CSRS["mstatus"].mask("MXR")
_SIP, _SIE = CSRS["sip"].number, CSRS["sie"].number
_STIP = 1 << Interrupt.STI
_STCE, _ADUE = (CSRS["menvcfg"].mask(name) for name in ("STCE", "ADUE"))
_FETCH = (Cause.FETCH_ACCESS, Cause.FETCH_PAGE_FAULT, Cause.FETCH_GUEST_PAGE_FAULT)
_LOAD = (Cause.LOAD_ACCESS, Cause.LOAD_PAGE_FAULT, Cause.LOAD_GUEST_PAGE_FAULT)
_STORE = (Cause.STORE_ACCESS, Cause.STORE_PAGE_FAULT, Cause.STORE_GUEST_PAGE_FAULT)
_KINDS = (_FETCH, _LOAD, _STORE)


def is_one_of(word: int, *names: str) -> bool:
    """Whether ``word`` is one of those instructions."""
    return any(word & INSTRUCTIONS[name].mask == INSTRUCTIONS[name].match for name in names)


def is_supervisors(word: int) -> bool:
    """sret, wfi, or an access to a CSR that is a supervisor's by its number."""
    return is_one_of(word, "sret", "wfi") or (
        is_one_of(word, *CSR_ACCESSES) and word >> 28 & 3 == Privilege.S
    )


@dataclass
class Step:
    """A step of the model: the hart after it, what it says of it, and the walks that it made."""

    hart: "Hart"
    record: Record
    walks: list[Walk]


def table_access(refusal: Refusal | None) -> bool:
    """Whether a table could not be read: no memory, or the PMP on the way to a first-stage one."""
    return bool(
        refusal
        and refusal.second is not None
        and (refusal.why == "memory" or (refusal.why == "pmp" and refusal.table is not None))
    )


def leads_elsewhere(step: Step) -> str | None:
    """Why QEMU goes on elsewhere after ``step``, or None; a name of docs/verification.md.

    ``stray`` is our own affair: some of the zoo's pages show the first page of code, where others store to,
    and whose handlers change registers that no unit may.
    """
    record = step.record
    first = step.hart.fetch_pa >> 12 == CODE >> 12 and bool(record.bits)
    if first and record.privilege != Privilege.M and record.pc >> 12 not in (CODE >> 12, USER_CODE >> 12):
        return "stray"
    for walk in step.walks:
        if why := _other_walk(step.hart, walk):
            return why
        if is_one_of(record.bits, *ATOMICS) and _dirty_in_vain(walk):
            return "amo_dirty"
    trap = step.record.trap
    if is_one_of(step.record.bits, "wfi"):
        if trap is None:
            return "wfi"
        if not trap & INTERRUPT_BIT and record.pc & 4095 >= 4096 - 4:
            return "wfi_page_end"
    if trap is None:
        return _other_sip(step)
    if trap & INTERRUPT_BIT:
        return None
    if trap in _STORE and step.record.tval & 4095 == 0 and step.record.tval != step.hart.access_address:
        return "partial_store"
    routes = {_route(step, cause) for cause in (trap, *_other_causes(step))}
    return "delegation" if len(routes) > 1 else None


def _other_sip(step: Step) -> str | None:
    """QEMU shows of sip and sie in VS only what mideleg delegates, and sip.STIP not to M mode if it is
    stimecmp's."""
    record, word, value = step.record, step.record.bits, step.hart.csrs.value
    if not record.rd or word >> 20 not in (_SIP, _SIE) or not is_one_of(word, *CSR_ACCESSES):
        return None
    if record.virt:
        return "guest_sip" if value["mideleg"] & S_INTERRUPTS != S_INTERRUPTS else None
    shown = _STIP if value["menvcfg"] & _STCE and word >> 20 == _SIP else 0
    if record.privilege == Privilege.M and shown & value["mideleg"] & step.hart.pending():
        return "machine_sip"
    return None


def _dirty_in_vain(walk: Walk) -> bool:
    """Whether a store has set D in a stage's leaf, and then the second stage or the PMP refuses it.

    That D may be set or not (Svadu: a trap may occur between the update and the access). QEMU, on one
    thread, carries an AMO out as a load, which is refused, and a store.
    """
    refusal = walk.refusal
    if refusal is None or refusal.table is not None or refusal.second is False:
        return False
    passed = walk.leaves[:1] if refusal.second else walk.leaves
    return any(leaf is not None and not leaf[1] & Pte.D for leaf in passed)


def _other_walk(hart: "Hart", walk: Walk) -> str | None:
    """QEMU grants what the model's walk refuses, or the other way round."""
    refusal, space, value = walk.refusal, walk.space, hart.csrs.value
    if refusal is None:
        leaf = walk.leaves[0]
        user = leaf is not None and leaf[1] & Pte.U
        return "hlvx_sum" if walk.hlvx and user and space.privilege == Privilege.S else None
    if refusal.why == "update" or (refusal.second and refusal.write):
        return "forbidden_update"
    if refusal.second and refusal.table is not None and refusal.why == "kind" and value["mstatus"] & _MXR:
        return "implicit_mxr"
    outdated = refusal.why in ("accessed", "dirty") and not refusal.second
    if outdated and space.virt and not space.adue and value["menvcfg"] & _ADUE:
        return "guest_update"
    return None


def _other_causes(step: Step) -> tuple[int, ...]:
    """Causes that QEMU may report in place of this trap's (see ``rules``)."""
    trap, word = step.record.trap, step.record.bits
    assert trap is not None
    refusal = next((walk.refusal for walk in step.walks if walk.refusal), None)
    if trap == Cause.VIRTUAL_INSTRUCTION and is_supervisors(word):
        return (Cause.ILLEGAL_INSTRUCTION,) if step.record.privilege == Privilege.U else ()
    if trap == Cause.STORE_MISALIGNED:
        return (Cause.LOAD_MISALIGNED,)
    kind = next((kind for kind in _KINDS if trap in kind), ())
    if is_one_of(word, *_HLVX):
        return kind + _FETCH
    if table_access(refusal) or _crosses(step):
        return kind
    if trap == Cause.STORE_PAGE_FAULT and is_one_of(word, *ATOMICS):
        return kind
    return ()


def _crosses(step: Step) -> bool:
    """Whether the access may have its other faults in another page."""
    return step.hart.access_address & 4095 > 4096 - 8


def _route(step: Step, cause: int) -> int:
    """0 if ``cause`` goes to M, 1 to HS, 2 to VS."""
    value, record = step.hart.csrs.value, step.record
    if record.privilege == Privilege.M or not value["medeleg"] >> cause & 1:
        return 0
    return 2 if record.virt and value["hedeleg"] >> cause & 1 else 1
