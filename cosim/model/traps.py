"""Traps and interrupts (privileged spec, "Trap Handling"; H chapter, "Traps").

Functions on a hart: taking a trap, returning from one, and choosing the interrupt to take.
"""

from typing import TYPE_CHECKING

from cosim.model.exceptions import Trap
from rtl.isa.causes import INTERRUPT_BIT, INTERRUPT_PRIORITY, VS_INTERRUPTS
from rtl.isa.csrs import CSRS
from rtl.isa.privilege import Privilege
from rtl.isa.xvmx import Arch

if TYPE_CHECKING:
    from cosim.model.hart import Hart

__all__ = ["interrupt_to_take", "mret", "sret", "take"]

_M, _S, _U = int(Privilege.M), int(Privilege.S), int(Privilege.U)


def _mask(register: str, *fields: str) -> int:
    return CSRS[register].mask(*fields)


_SIE, _SPIE, _SPP = (_mask("mstatus", name) for name in ("SIE", "SPIE", "SPP"))
_MIE, _MPIE, _MPP = (_mask("mstatus", name) for name in ("MIE", "MPIE", "MPP"))
_MPRV, _GVA, _MPV = (_mask("mstatus", name) for name in ("MPRV", "GVA", "MPV"))
_H_GVA, _SPV, _SPVP = (_mask("hstatus", name) for name in ("GVA", "SPV", "SPVP"))
_MPP_SHIFT = CSRS["mstatus"].field("MPP").lo


def _target(hart: "Hart", cause: int) -> tuple[int, int]:
    """(privilege, V) that handles ``cause`` (delegation: mideleg/medeleg, then hideleg/hedeleg)."""
    value = hart.csrs.value
    code = cause & ~INTERRUPT_BIT
    machine, hypervisor = ("mideleg", "hideleg") if cause & INTERRUPT_BIT else ("medeleg", "hedeleg")
    if hart.privilege == _M or not value[machine] >> code & 1:
        return _M, 0
    if hart.virt and (hart.vmx.in_guest or value[hypervisor] >> code & 1):
        return _S, 1
    return _S, 0


def _vector(tvec: int, cause: int) -> int:
    """Address of the handler: BASE, or in Vectored mode BASE + 4 * code for interrupts."""
    base = tvec & ~3
    return base + 4 * (cause & ~INTERRUPT_BIT) if tvec & 1 and cause & INTERRUPT_BIT else base


def take(hart: "Hart", cause: int, trap: Trap | None = None, tinst: int = 0) -> None:
    """Enter the handler of ``cause``; ``trap`` carries what an exception reports, None for an interrupt."""
    report = trap or Trap(cause)
    privilege, virt = _target(hart, cause)
    if privilege == _M:
        _take_machine(hart, cause, report, tinst)
    elif virt and hart.vmx.in_guest:
        hart.vmx.deliver(cause, report.tval)
    elif virt:
        _take_guest(hart, cause, report)
    else:
        _take_supervisor(hart, cause, report, tinst)
    hart.enter(privilege, virt)


def _take_machine(hart: "Hart", cause: int, report: Trap, tinst: int) -> None:
    csrs, value = hart.csrs, hart.csrs.value
    value.update(mepc=hart.pc, mcause=cause, mtval=report.tval, mtval2=report.tval2, mtinst=tinst)
    status = hart.privilege << _MPP_SHIFT
    status |= _MPIE if value["mstatus"] & _MIE else 0
    status |= _MPV if hart.virt else 0
    status |= _GVA if report.gva else 0
    csrs.replace("mstatus", _MIE | _MPIE | _MPP | _MPV | _GVA, status)
    hart.next_pc = _vector(value["mtvec"], cause)


def _take_supervisor(hart: "Hart", cause: int, report: Trap, tinst: int) -> None:
    csrs, value = hart.csrs, hart.csrs.value
    value.update(sepc=hart.pc, scause=cause, stval=report.tval, htval=report.tval2, htinst=tinst)
    _push_supervisor(hart, "mstatus")
    csrs.replace("hstatus", _SPV | _H_GVA, (_SPV if hart.virt else 0) | (_H_GVA if report.gva else 0))
    if hart.virt:  # SPVP keeps its value for traps from V = 0
        csrs.replace("hstatus", _SPVP, _SPVP if hart.privilege == _S else 0)
    hart.next_pc = _vector(value["stvec"], cause)


def _take_guest(hart: "Hart", cause: int, report: Trap) -> None:
    value = hart.csrs.value
    if cause & INTERRUPT_BIT:
        cause -= 1  # VS-level codes appear as the supervisor's
    value.update(vsepc=hart.pc, vscause=cause, vstval=report.tval)
    _push_supervisor(hart, "vsstatus")
    hart.next_pc = _vector(value["vstvec"], cause)


def _push_supervisor(hart: "Hart", register: str) -> None:
    """SIE to SPIE, the privilege to SPP."""
    status = _SPIE if hart.csrs.value[register] & _SIE else 0
    status |= _SPP if hart.privilege == _S else 0
    hart.csrs.replace(register, _SIE | _SPIE | _SPP, status)


def mret(hart: "Hart") -> None:
    """Return from M mode (privileged spec, "Trap-Return Instructions")."""
    csrs, status = hart.csrs, hart.csrs.value["mstatus"]
    privilege = (status & _MPP) >> _MPP_SHIFT
    virt = 1 if status & _MPV and privilege != _M and hart.vmx.allows_return() else 0
    changed = _MIE | _MPIE | _MPP | _MPV | (_MPRV if privilege != _M else 0)
    csrs.replace("mstatus", changed, _MPIE | (_MIE if status & _MPIE else 0))
    hart.next_pc = csrs.value["mepc"]
    hart.vmx.returned(privilege, virt)
    hart.enter(privilege, virt)


def sret(hart: "Hart") -> None:
    """Return from HS (or M) by hstatus.SPV and sstatus, or from VS by vsstatus."""
    csrs, value = hart.csrs, hart.csrs.value
    register = "vsstatus" if hart.virt else "mstatus"
    virt = 1 if hart.virt or (hart.vmx.arch == Arch.H and value["hstatus"] & _SPV) else 0
    status = value[register]
    changed = _SIE | _SPIE | _SPP | (_MPRV if register == "mstatus" else 0)
    csrs.replace(register, changed, _SPIE | (_SIE if status & _SPIE else 0))
    if not hart.virt:
        csrs.replace("hstatus", _SPV, 0)
    hart.next_pc = value["vsepc" if hart.virt else "sepc"]
    privilege = _S if status & _SPP else _U
    hart.vmx.returned(privilege, virt)
    hart.enter(privilege, virt)


def interrupt_to_take(hart: "Hart", pending: int | None = None) -> int | None:
    """Code of the pending and enabled interrupt that comes first, or None; ``pending`` in place of mip.

    A higher privilege's interrupts come before a lower one's; within one, INTERRUPT_PRIORITY.
    """
    value = hart.csrs.value
    ready = (hart.pending() if pending is None else pending) & value["mie"]
    if not ready:
        return None
    status, privilege = value["mstatus"], hart.privilege
    machine = ready & ~value["mideleg"]
    if machine and (privilege < _M or status & _MIE):
        return _first(machine)
    if privilege == _M:
        return None
    guest = ready & value["mideleg"] & value["hideleg"] & VS_INTERRUPTS
    supervisor = ready & value["mideleg"] & ~guest
    if supervisor and (hart.virt or privilege == _U or status & _SIE):
        return _first(supervisor)
    if guest and hart.virt and (privilege == _U or value["vsstatus"] & _SIE):
        return _first(guest)
    return None


def _first(pending: int) -> int | None:
    return next((int(code) for code in INTERRUPT_PRIORITY if pending >> code & 1), None)
