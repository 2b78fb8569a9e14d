"""What happens between two instructions of the guest (docs/xvmx.md, section 5)."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from cosim.model.exceptions import VmExit
from cosim.model.record import Imposed
from rtl.isa.causes import INTERRUPT_PRIORITY, VS_INTERRUPTS, Interrupt
from rtl.isa.csr_state import S_INTERRUPTS
from rtl.isa.csrs import CSRS
from rtl.isa.privilege import Privilege
from rtl.isa.xvmx import EventBits, ExitControl, ExitReason, PinControl, ProcControl

if TYPE_CHECKING:
    from cosim.model.hart import Hart

__all__ = [
    "Due",
    "What",
    "boundary_exit",
    "clear_software_interrupt",
    "due",
    "guest_pending",
    "imposed_event",
    "wakes",
]

_U = int(Privilege.U)
_SIE = CSRS["sstatus"].mask("SIE")
_STCE = CSRS["menvcfg"].mask("STCE")
_SSI, _STI, _SEI = 1 << Interrupt.SSI, 1 << Interrupt.STI, 1 << Interrupt.SEI


class What(Enum):
    """Kinds of ``Due``."""

    MACHINE = auto()
    """M mode takes interrupt ``code``."""
    GUEST = auto()
    """The guest takes interrupt ``code``, a supervisor's."""
    EXIT = auto()
    """The guest exits with ``reason``; for EXTINT because of physical interrupt ``code``."""
    POST = auto()
    """A notification is taken without an exit."""


@dataclass(frozen=True, slots=True)
class Due:
    """What happens before the guest's next instruction."""

    what: What
    code: int = 0
    reason: int = 0


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


def due(hart: "Hart", mip: int | None = None) -> Due | None:
    """What comes first; nothing changes. ``mip`` in place of the hart's own."""
    vmx, value = hart.vmx, hart.csrs.value
    pending = hart.pending() if mip is None else mip
    ready = pending & value["mie"]
    machine = ready & ~value["mideleg"]
    if machine:
        return Due(What.MACHINE, _first(machine))
    if vmx.step_due:
        return Due(What.EXIT, reason=ExitReason.STEP)
    if vmx.pin(PinControl.PREEMPT) and hart.time() >= vmx.preempt_at:
        return Due(What.EXIT, reason=ExitReason.PREEMPT)
    may_interrupt = hart.privilege == _U or value["vsstatus"] & _SIE
    if may_interrupt and vmx.proc(ProcControl.INTWIN):
        return Due(What.EXIT, reason=ExitReason.INTWIN)
    physical = ready & S_INTERRUPTS if vmx.pin(PinControl.EXTINT) else 0
    if physical:
        code = _first(physical)
        if vmx.pin(PinControl.POSTED) and code == vmx.vmcs.field["PI_VECTOR"]:
            return Due(What.POST, code)
        return Due(What.EXIT, code, ExitReason.EXTINT)
    guest = guest_pending(hart, pending) & value["vsie"]
    return Due(What.GUEST, _first(guest)) if guest and may_interrupt else None


def boundary_exit(hart: "Hart", event: Due) -> VmExit:
    """The exit of ``event``; a physical interrupt is acknowledged if the controls say so."""
    if event.reason != ExitReason.EXTINT or not hart.vmx.vmcs.field["EXIT_CTLS"] & ExitControl.ACK:
        return VmExit(event.reason)
    if event.code == Interrupt.SSI:
        hart.csrs.replace("mip", _SSI, 0)
    return VmExit(ExitReason.EXTINT, EventBits.VALID | event.code)


def imposed_event(hart: "Hart", imposed: Imposed) -> Due | None:
    """The same in lockstep: the hardware's interrupts, and EXTINT and PREEMPT exits, when it takes them."""
    value, vmx = hart.csrs.value, hart.vmx
    code, reason = imposed.interrupt, imposed.boundary_exit
    ready = hart.pending() & value["mie"] & value["mideleg"] & S_INTERRUPTS
    notified = vmx.pin(PinControl.POSTED) and value["mip"] & ready & _SSI
    if notified and imposed.posted:
        return Due(What.POST, Interrupt.SSI)
    if code is not None and not 1 << code & VS_INTERRUPTS:
        return Due(What.MACHINE, code)
    if reason == ExitReason.PREEMPT:
        return Due(What.EXIT, reason=reason)
    if vmx.step_due:
        return Due(What.EXIT, reason=ExitReason.STEP)
    if vmx.proc(ProcControl.INTWIN) and (hart.privilege == _U or value["vsstatus"] & _SIE):
        return Due(What.EXIT, reason=ExitReason.INTWIN)
    if notified and not (reason is not None and ready & _SEI):
        return Due(What.POST, Interrupt.SSI)
    if reason == ExitReason.EXTINT:
        return Due(What.EXIT, _first(ready or S_INTERRUPTS), ExitReason.EXTINT)
    return Due(What.GUEST, code - 1) if code is not None else None
