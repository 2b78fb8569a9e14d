"""The machine's own 16550 UART, polled."""

from firmware.lang import fw, load8, store8, u8, u64
from rtl.isa.memory_map import UART
from rtl.isa.uart import Lsr, Register

__all__ = ["uart_flush", "uart_put", "uart_ready", "uart_take"]


@fw
def uart_put(byte: u8) -> None:
    """Send one byte, waiting for room."""
    while (load8(UART.base + Register.LSR) & Lsr.THRE) == 0:
        pass
    store8(UART.base + Register.THR, byte)


@fw
def uart_flush() -> None:
    """Wait until everything has left the transmitter."""
    while (load8(UART.base + Register.LSR) & Lsr.TEMT) == 0:
        pass


@fw
def uart_ready() -> bool:
    """Whether a received byte waits."""
    return (load8(UART.base + Register.LSR) & Lsr.DR) != 0


@fw
def uart_take() -> u64:
    """The received byte that waits."""
    return u64(load8(UART.base + Register.RBR))
