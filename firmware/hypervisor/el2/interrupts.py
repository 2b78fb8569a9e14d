"""Virtual interrupts: hvip for software and external ones, vstimecmp for the timer.

With VS interrupts delegated, a guest sees hvip's bits through its own sip (H chapter, "hvip, hip, hie").
"""

from firmware.hypervisor.clock import NEVER, due_time
from firmware.hypervisor.el2.state import State
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
def set_external(on: bool) -> None:
    """External interrupt line of the vCPU on the hart."""
    if on:
        csr.hvip |= VSEIP
    else:
        csr.hvip &= ~VSEIP


@fw
def set_external_saved(s: ptr[State], on: bool) -> None:
    """External interrupt line of a vCPU that is not on the hart."""
    if on:
        s.hvip |= VSEIP
    else:
        s.hvip &= ~VSEIP


@fw
def set_software(on: bool) -> None:
    """Software interrupt line of the vCPU on the hart."""
    if on:
        csr.hvip |= VSSIP
    else:
        csr.hvip &= ~VSSIP


@fw
def set_timer(deadline: u64) -> None:
    """Timer of the vCPU on the hart, in its own time."""
    csr.vstimecmp = deadline


@fw
def interrupt_current() -> bool:
    """Whether the vCPU on the hart has an enabled interrupt pending, its timer included."""
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
