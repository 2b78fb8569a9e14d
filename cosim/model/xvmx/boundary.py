"""What happens between two instructions of the guest (docs/xvmx.md, section 5)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cosim.model.exceptions import VmExit
from cosim.model.record import Imposed
from rtl.isa.causes import INTERRUPT_PRIORITY, Interrupt
from rtl.isa.csr_state import S_INTERRUPTS
from rtl.isa.csrs import CSRS
from rtl.isa.privilege import Privilege
from rtl.isa.xvmx import EventBits, ExitControl, ExitReason, PinControl, ProcControl

if TYPE_CHECKING:
    from cosim.model.hart import Hart

__all__ = [
    "Taken",
    "at_boundary",
    "clear_software_interrupt",
    "extint_exit",
    "guest_pending",
    "imposed_event",
    "wakes",
]

_U = int(Privilege.U)
_SIE = CSRS["sstatus"].mask("SIE")
_STCE = CSRS["menvcfg"].mask("STCE")
_SSI, _STI, _SEI = 1 << Interrupt.SSI, 1 << Interrupt.STI, 1 << Interrupt.SEI


@dataclass(frozen=True, slots=True)
class Taken:
    """An interrupt with the supervisor's or the machine's ``code``, for the ``guest`` or for M mode."""

    code: int
    guest: bool


def _first(pending: int) -> int:
    return next(int(code) for code in INTERRUPT_PRIORITY if pending >> code & 1)


def guest_pending(hart: "Hart", physical: int | None = None) -> int:
    """The guest's sip; ``physical`` in place of mip."""
    vmx, value = hart.vmx, hart.csrs.value
    pending = vmx.vmcs.field["VIRQ"]
    if vmx.vmcs.interrupt_file:
        pending |= _SEI
    if value["menvcfg"] & _STCE and hart.guest_time() >= value["vstimecmp"]:
        pending |= _STI
    if not vmx.pin(PinControl.EXTINT):
        mip = hart.pending() if physical is None else physical
        pending |= mip & value["mideleg"] & S_INTERRUPTS
    return pending


def clear_software_interrupt(hart: "Hart", new: int) -> None:
    """The guest writes ``new`` to its sip."""
    field, value = hart.vmx.vmcs.field, hart.csrs.value
    field["VIRQ"] = field["VIRQ"] & ~_SSI | new & _SSI
    if not new & _SSI and not hart.vmx.pin(PinControl.EXTINT):
        hart.csrs.replace("mip", value["mideleg"] & _SSI, 0)


def wakes(hart: "Hart") -> bool:
    """Whether a wfi of the guest is over."""
    vmx, value = hart.vmx, hart.csrs.value
    physical = hart.pending() & value["mie"]
    if not vmx.pin(PinControl.EXTINT):
        physical &= ~value["mideleg"]
    expired = vmx.pin(PinControl.PREEMPT) and hart.time() >= vmx.preempt_at
    return bool(physical or guest_pending(hart) & value["vsie"] or expired)


def extint_exit(hart: "Hart", code: int) -> VmExit:
    """The exit of physical interrupt ``code``, acknowledged if the controls say so."""
    if not hart.vmx.vmcs.field["EXIT_CTLS"] & ExitControl.ACK:
        return VmExit(ExitReason.EXTINT)
    if code == Interrupt.SSI:
        hart.csrs.replace("mip", _SSI, 0)
    return VmExit(ExitReason.EXTINT, EventBits.VALID | code)


def at_boundary(hart: "Hart", pending: int | None = None) -> Taken | VmExit | None:
    """What is due: an interrupt, an exit, or nothing.

    Takes notifications on the way; a Trap if that is a VMX abort. ``pending`` stands in for mip.
    """
    vmx, value = hart.vmx, hart.csrs.value
    while True:
        mip = hart.pending() if pending is None else pending
        ready = mip & value["mie"]
        machine = ready & ~value["mideleg"]
        if machine:
            return Taken(_first(machine), guest=False)
        if vmx.step_due:
            return VmExit(ExitReason.STEP)
        if vmx.pin(PinControl.PREEMPT) and hart.time() >= vmx.preempt_at:
            return VmExit(ExitReason.PREEMPT)
        may_interrupt = hart.privilege == _U or value["vsstatus"] & _SIE
        if may_interrupt and vmx.proc(ProcControl.INTWIN):
            return VmExit(ExitReason.INTWIN)
        physical = ready & S_INTERRUPTS if vmx.pin(PinControl.EXTINT) else 0
        if not physical:
            break
        code = _first(physical)
        if not vmx.pin(PinControl.POSTED) or code != vmx.vmcs.field["PI_VECTOR"]:
            return extint_exit(hart, code)
        vmx.post()
        if pending is not None:
            pending &= ~(1 << code)
    guest = guest_pending(hart, pending) & value["vsie"]
    return Taken(_first(guest), guest=True) if guest and may_interrupt else None


def imposed_event(hart: "Hart", imposed: Imposed) -> Taken | VmExit | None:
    """What to do before the next instruction in lockstep: the hardware's interrupts, EXTINT and PREEMPT
    exits, and the rest of what is due here."""
    value, vmx = hart.csrs.value, hart.vmx
    if imposed.interrupt is not None:
        code = imposed.interrupt
        machine = not value["mideleg"] >> code & 1 and value["mie"] >> code & 1
        return Taken(code, guest=not machine)
    if imposed.boundary_exit == ExitReason.PREEMPT:
        return VmExit(ExitReason.PREEMPT)
    if imposed.boundary_exit == ExitReason.EXTINT:
        ready = hart.pending() & value["mie"] & S_INTERRUPTS
        return extint_exit(hart, _first(ready or S_INTERRUPTS))
    if vmx.step_due:
        return VmExit(ExitReason.STEP)
    if vmx.proc(ProcControl.INTWIN) and (hart.privilege == _U or value["vsstatus"] & _SIE):
        return VmExit(ExitReason.INTWIN)
    return None
