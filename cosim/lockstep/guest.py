"""Whether what the hardware does between two instructions of Xvmx's guest is legal (docs/xvmx.md, section 5).

As for other interrupts there are two sets of pending bits, those that are certain and those that are
possible; the preemption timer has two values likewise.
"""

from dataclasses import dataclass

from cosim.model.hart import Hart
from cosim.model.record import Imposed
from cosim.model.xvmx.boundary import Due, What, due, guest_pending
from rtl.isa.causes import VS_INTERRUPTS, Interrupt
from rtl.isa.csr_state import S_INTERRUPTS
from rtl.isa.csrs import CSRS
from rtl.isa.privilege import Privilege
from rtl.isa.xvmx import ExitReason, PinControl

__all__ = ["Times", "guest_due", "guest_sip", "judge_exit", "judge_interrupt"]

_SIE = CSRS["sstatus"].mask("SIE")
_STI = 1 << Interrupt.STI


@dataclass(frozen=True, slots=True)
class Times:
    """Around now.

    Attributes
    ----------
    certain, possible: bits of mip
    early, late: values of mtime
    unsettled: the guest's clock or timer has just changed
    """

    certain: int
    possible: int
    early: int
    late: int
    unsettled: bool


def guest_sip(hart: Hart, times: Times) -> tuple[int, int]:
    """(certain, possible) bits of the guest's sip."""
    results = []
    for time, mip in ((times.early, times.certain), (times.late, times.possible)):
        hart.imposed = Imposed(time=time)
        results.append(guest_pending(hart, mip))
    hart.imposed = None
    certain, possible = results[0] & results[1], results[0] | results[1]
    value = hart.csrs.value
    notified = times.possible & value["mie"] & value["mideleg"] & 1 << Interrupt.SSI
    if notified and hart.vmx.pin(PinControl.POSTED):
        possible |= 1 << Interrupt.SEI  # by what the notification brings
    if times.unsettled:
        shown = hart.vmx.vmcs.field["VIRQ"]
        certain, possible = certain & ~(_STI & ~shown), possible | _STI
    return certain, possible


def judge_interrupt(hart: Hart, code: int, times: Times) -> str | None:
    """The hardware takes interrupt ``code``, a bit of mip (VS-level ones are the guest's own)."""
    value = hart.csrs.value
    if 1 << code & VS_INTERRUPTS:
        own = 1 << (code - 1)
        _, possible = guest_sip(hart, times)
        if not possible & value["vsie"] & own:
            return f"interrupt {code - 1} of the guest: not pending and enabled (sip {possible:#x} at most)"
        if hart.privilege == Privilege.S and not value["vsstatus"] & _SIE:
            return f"interrupt {code - 1} of the guest: its SIE is 0"
    elif not times.possible & value["mie"] & ~value["mideleg"] & 1 << code:
        return f"interrupt {code}: not pending, enabled and M's (mip {times.possible:#x} at most)"
    return _not_first(hart, times, What.GUEST if 1 << code & VS_INTERRUPTS else What.MACHINE)


def judge_exit(hart: Hart, reason: int, times: Times) -> str | None:
    """The hardware exits for ``reason`` at a boundary; the model knows STEP and INTWIN by itself."""
    value, vmx = hart.csrs.value, hart.vmx
    if reason == ExitReason.EXTINT:
        ready = times.possible & value["mie"] & value["mideleg"] & S_INTERRUPTS
        if not ready or not vmx.pin(PinControl.EXTINT):
            return f"exit EXTINT: no physical interrupt is possible (mip {times.possible:#x} at most)"
    elif reason == ExitReason.PREEMPT and (not vmx.pin(PinControl.PREEMPT) or times.late < vmx.preempt_at):
        return f"exit PREEMPT: the timer has {vmx.preempt_at - times.late} ticks left at least"
    if times.certain & value["mie"] & ~value["mideleg"]:
        return f"exit {reason}: an interrupt for M comes before it"
    return None


def _not_first(hart: Hart, times: Times, what: What) -> str | None:
    first = guest_due(hart, times)
    if first is None or first.what is what or first.what is What.POST:
        return None
    if what is What.MACHINE or first.what is What.GUEST:
        return None
    return f"{first} comes before it"


def guest_due(hart: Hart, times: Times) -> Due | None:
    """What is certainly due."""
    hart.imposed = Imposed(time=times.early)
    first = due(hart, times.certain)
    hart.imposed = None
    if first is not None and first.what is What.GUEST:
        certain, _ = guest_sip(hart, times)
        if not certain & 1 << first.code:
            return None
    return first
