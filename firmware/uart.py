"""The 16550 UART: registers and bits, and polled access to the machine's own one.

Registers stand one byte apart. With LCR.DLAB set, the first two are the divisor latch.
"""

from enum import IntEnum, IntFlag

from firmware.lang import fw, load8, store8, u8, u64
from rtl.isa.memory_map import UART

__all__ = ["Ier", "Iir", "Lcr", "Lsr", "Msr", "Reg", "uart_flush", "uart_put", "uart_ready", "uart_take"]


class Reg(IntEnum):
    """Register offsets, by what a read or a write means."""

    DATA = 0
    IER = 1
    IIR_FCR = 2
    LCR = 3
    MCR = 4
    LSR = 5
    MSR = 6
    SCR = 7


class Ier(IntFlag):
    """Interrupt enables."""

    RX = 1
    THRE = 2


class Iir(IntEnum):
    """Interrupt identification, highest priority first; bits 7:6 tell that FIFOs are on."""

    RX = 4
    THRE = 2
    NONE = 1
    FIFOS = 0xC0


class Lcr(IntFlag):
    """Line control."""

    DLAB = 0x80


class Lsr(IntFlag):
    """Line status."""

    DR = 0x01
    THRE = 0x20
    TEMT = 0x40


class Msr(IntFlag):
    """Modem status."""

    CTS = 0x10
    DSR = 0x20
    DCD = 0x80


@fw
def uart_put(byte: u8) -> None:
    """Send one byte, waiting for room."""
    while (load8(UART.base + Reg.LSR) & Lsr.THRE) == 0:
        pass
    store8(UART.base + Reg.DATA, byte)


@fw
def uart_flush() -> None:
    """Wait until everything has left the transmitter."""
    while (load8(UART.base + Reg.LSR) & Lsr.TEMT) == 0:
        pass


@fw
def uart_ready() -> bool:
    """Whether a received byte waits."""
    return (load8(UART.base + Reg.LSR) & Lsr.DR) != 0


@fw
def uart_take() -> u64:
    """The received byte that waits."""
    return u64(load8(UART.base + Reg.DATA))
