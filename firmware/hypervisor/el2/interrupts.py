"""Virtual interrupts: hvip for software and external ones, vstimecmp for the timer.

With VS interrupts delegated, a guest sees hvip's bits through its own sip (H chapter, "hvip, hip, hie").
In the split design the guest whose turn it is does not have the hart while the host kernel runs: its state is
changed instead.
"""

from firmware.hypervisor.clock import NEVER, due_time
from firmware.hypervisor.el2.state import State, running
from firmware.hypervisor.options import SPLIT
from firmware.lang import csr, fw, ptr, u64
from rtl.isa.causes import VS_INTERRUPTS, Interrupt

__all__ = [
    "interrupt_current",
    "interrupt_saved",
    "set_external",
    "set_external_saved",
    "set_software",
    "set_timer",
    "wake_time",
]

VSEIP = 1 << Interrupt.VSEI
VSSIP = 1 << Interrupt.VSSI
STIE = 1 << Interrupt.STI


@fw
def set_line(s: ptr[State], line: u64, on: bool) -> None:
    """An interrupt line of a vCPU that is not on the hart."""
    if on:
        s.hvip |= line
    else:
        s.hvip &= ~line


@fw
def set_external(on: bool) -> None:
    """External interrupt line of the vCPU whose turn it is."""
    if SPLIT:
        set_line(running.value, u64(VSEIP), on)
    elif on:
        csr.hvip |= VSEIP
    else:
        csr.hvip &= ~VSEIP


@fw
def set_external_saved(s: ptr[State], on: bool) -> None:
    """External interrupt line of a vCPU that is not on the hart."""
    set_line(s, u64(VSEIP), on)


@fw
def set_software(on: bool) -> None:
    """Software interrupt line of the vCPU whose turn it is."""
    if SPLIT:
        set_line(running.value, u64(VSSIP), on)
    elif on:
        csr.hvip |= VSSIP
    else:
        csr.hvip &= ~VSSIP


@fw
def set_timer(deadline: u64) -> None:
    """Timer of the vCPU whose turn it is, in its own time."""
    if SPLIT:
        running.value.vstimecmp = deadline
    else:
        csr.vstimecmp = deadline


@fw
def interrupt_current() -> bool:
    """Whether the vCPU whose turn it is has an enabled interrupt pending, its timer included."""
    if SPLIT:
        s = running.value
        now = csr.time
        return interrupt_saved(s) or wake_time(s, now) <= now
    return (csr.hip & csr.hie & VS_INTERRUPTS) != 0


@fw
def interrupt_saved(s: ptr[State]) -> bool:
    """Whether a saved vCPU has an enabled software or external interrupt pending."""
    return ((s.hvip >> 1) & s.vsie) != 0


@fw
def wake_time(s: ptr[State], now: u64) -> u64:
    """Host time at which a saved vCPU's timer interrupts it: ``now`` if it is due, all ones for never."""
    if (s.vsie & STIE) == 0:
        return u64(NEVER)
    return due_time(now, s.htimedelta, s.vstimecmp)
