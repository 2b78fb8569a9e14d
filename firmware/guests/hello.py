"""Prints lines, then a tick for each timer interrupt, waiting in WFI between them, and powers off."""

from firmware.guests.runtime import code, guest_image, power_off, print_line, print_text
from firmware.lang import csr, fw, module_asm, static, u64, wfi
from rtl.isa.causes import INTERRUPT_BIT, Interrupt
from rtl.isa.csrs import CSRS

__all__ = ["image"]

INTERVAL = 1000
"""Ticks of `time` between timer interrupts."""
COUNT = 5
TIMER = INTERRUPT_BIT | Interrupt.STI
SIE = CSRS["sstatus"].mask("SIE")

ticks = static(u64)


@fw(export=True)
def trap() -> None:
    """Count a timer interrupt and set the next; anything else is a failure."""
    if csr.scause != TIMER:
        print_line(b"hello: unexpected trap ", csr.scause)
        power_off(True)
    ticks.value += 1
    csr.stimecmp = csr.time + INTERVAL


@fw(export=True)
def main() -> None:
    """The guest."""
    print_text(b"hello: a guest speaks\n")
    csr.stimecmp = csr.time + INTERVAL
    csr.sie = 1 << Interrupt.STI
    seen = u64(0)
    while seen < COUNT:
        csr.sstatus &= ~SIE
        while ticks.value == seen:  # with interrupts off, so that none slips in before wfi
            wfi()
            csr.sstatus |= SIE
            csr.sstatus &= ~SIE
        seen += 1
        print_line(b"hello: tick ", seen)
    print_text(b"hello: done\n")
    power_off(False)


module_asm(code(main, trap))

image = guest_image("hello", main, trap)
