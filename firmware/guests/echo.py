"""Sends back what is typed, by receive interrupts of the UART through the PLIC; a full stop ends it."""

from firmware.guests.runtime import code, guest_image, power_off, print_line, print_text
from firmware.lang import csr, fw, load8, load32, module_asm, static, store8, store32, u8, wfi
from firmware.plic import PlicRegister
from rtl.isa.causes import INTERRUPT_BIT, Interrupt
from rtl.isa.csrs import CSRS
from rtl.isa.memory_map import PLIC, UART, UART_IRQ
from rtl.isa.uart import Ier, Lsr, Register

__all__ = ["image"]

PRIORITY = PLIC.base + 4 * UART_IRQ
ENABLE = PLIC.base + PlicRegister.ENABLE
THRESHOLD = PLIC.base + PlicRegister.THRESHOLD
CLAIM = PLIC.base + PlicRegister.CLAIM
EXTERNAL = INTERRUPT_BIT | Interrupt.SEI
SIE = CSRS["sstatus"].mask("SIE")
STOP = b"."[0]

ended = static(u8)


@fw(export=True)
def trap() -> None:
    """Serve the UART: send everything back that has come."""
    if csr.scause != EXTERNAL or load32(CLAIM) != UART_IRQ:
        print_line(b"echo: unexpected trap ", csr.scause)
        power_off(True)
    while (load8(UART.base + Register.LSR) & Lsr.DR) != 0:
        byte = load8(UART.base + Register.RBR)
        store8(UART.base + Register.THR, byte)
        if byte == STOP:
            ended.value = 1
    store32(CLAIM, UART_IRQ)


@fw(export=True)
def main() -> None:
    """The guest."""
    print_text(b"echo: type, and . to end\n")
    store32(PRIORITY, 1)
    store32(ENABLE, 1 << UART_IRQ)
    store32(THRESHOLD, 0)
    store8(UART.base + Register.IER, Ier.ERBFI)
    csr.sie = 1 << Interrupt.SEI
    while ended.value == 0:  # interrupts are off here, so that none slips in before wfi
        wfi()
        csr.sstatus |= SIE
        csr.sstatus &= ~SIE
    print_text(b"\necho: done\n")
    power_off(False)


module_asm(code(main, trap))

image = guest_image("echo", main, trap)
