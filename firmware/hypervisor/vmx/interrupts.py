"""Virtual interrupts: VIRQ for software and external ones, G_STIMECMP for the timer."""

from firmware.hypervisor.clock import NEVER, due_time
from firmware.hypervisor.vmx.fields import G_SIE, G_STIMECMP, TIME_OFFSET, VIRQ
from firmware.hypervisor.vmx.state import State
from firmware.lang import csr, fw, ptr, u64, vmread, vmwrite
from rtl.isa.causes import Interrupt

__all__ = [
    "interrupt_current",
    "interrupt_saved",
    "set_external",
    "set_external_saved",
    "set_software",
    "set_timer",
    "wake_time",
]

SEI = 1 << Interrupt.SEI
SSI = 1 << Interrupt.SSI
STI = 1 << Interrupt.STI


@fw
def set_line(line: u64, on: bool) -> None:
    """A virtual interrupt of the vCPU on the hart."""
    pending = vmread(VIRQ) & ~line
    if on:
        pending |= line
    vmwrite(VIRQ, pending)


@fw
def set_external(on: bool) -> None:
    """External interrupt line of the vCPU on the hart."""
    set_line(u64(SEI), on)


@fw
def set_external_saved(s: ptr[State], on: bool) -> None:
    """External interrupt line of a vCPU that is not on the hart."""
    s.virq &= ~SEI
    if on:
        s.virq |= SEI


@fw
def set_software(on: bool) -> None:
    """Software interrupt line of the vCPU on the hart."""
    set_line(u64(SSI), on)


@fw
def set_timer(deadline: u64) -> None:
    """Timer of the vCPU on the hart, in its own time."""
    vmwrite(G_STIMECMP, deadline)


@fw
def interrupt_current() -> bool:
    """Whether the vCPU on the hart has an enabled interrupt pending, its timer included."""
    pending = vmread(VIRQ)
    if csr.time + vmread(TIME_OFFSET) >= vmread(G_STIMECMP):
        pending |= STI
    return (pending & vmread(G_SIE)) != 0


@fw
def interrupt_saved(s: ptr[State]) -> bool:
    """Whether a saved vCPU has an enabled software or external interrupt pending."""
    return (s.virq & s.sie) != 0


@fw
def wake_time(s: ptr[State], now: u64) -> u64:
    """Host time at which a saved vCPU's timer interrupts it: ``now`` if it is due, all ones for never."""
    if (s.sie & STI) == 0:
        return u64(NEVER)
    return due_time(now, s.time_offset, s.stimecmp)
