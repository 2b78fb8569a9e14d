"""A VM's 16550 UART: transmits at once, receives what the console has for the VM.

The device itself knows nothing of VMs; `uart_read` and `uart_write` tell what else is to be done.
"""

from firmware.lang import fw, ptr, struct, u64
from rtl.isa.uart import Ier, Iir, Lcr, Lsr, Msr, Register

__all__ = ["FIFOS", "Uart", "interrupt", "uart_read", "uart_write"]

FIFOS = 0xC0
"""IIR while the FIFOs are on."""


@struct
class Uart:
    """Registers that keep what is written. ``thre`` is 1 while "transmitter empty" is to be reported."""

    ier: u64
    lcr: u64
    mcr: u64
    fifo: u64
    scratch: u64
    divisor: u64
    thre: u64


@fw
def interrupt(u: ptr[Uart], received: bool) -> u64:
    """The interrupt that IIR reports; ``received`` tells that a byte waits."""
    if received and (u.ier & Ier.ERBFI) != 0:
        return Iir.DATA_AVAILABLE
    if u.thre != 0 and (u.ier & Ier.ETBEI) != 0:
        return Iir.THR_EMPTY
    return Iir.NONE


@fw
def uart_read(u: ptr[Uart], register: u64, received: bool) -> u64:
    """A register other than the receive buffer."""
    latch = (u.lcr & Lcr.DLAB) != 0
    match register:
        case Register.THR:
            if latch:
                return u.divisor & 0xFF
            return 0
        case Register.IER:
            if latch:
                return u.divisor >> 8
            return u.ier
        case Register.IIR:
            reason = interrupt(u, received)
            if reason == Iir.THR_EMPTY:  # reporting it clears it
                u.thre = 0
            return reason | u.fifo
        case Register.LCR:
            return u.lcr
        case Register.MCR:
            return u.mcr
        case Register.LSR:
            if received:
                return Lsr.THRE | Lsr.TEMT | Lsr.DR
            return Lsr.THRE | Lsr.TEMT
        case Register.MSR:
            return Msr.CTS | Msr.DSR | Msr.DCD
        case _:
            return u.scratch


@fw
def uart_write(u: ptr[Uart], register: u64, value: u64) -> bool:
    """Write a register. True if ``value`` is a byte to send."""
    latch = (u.lcr & Lcr.DLAB) != 0
    match register:
        case Register.THR:
            if latch:
                u.divisor = (u.divisor & 0xFF00) | value
            else:
                u.thre = 1
                return True
        case Register.IER:
            if latch:
                u.divisor = (u.divisor & 0xFF) | (value << 8)
            else:
                if (value & ~u.ier & Ier.ETBEI) != 0:  # newly enabled, and the transmitter is empty
                    u.thre = 1
                u.ier = value & 0xF
        case Register.IIR:
            u.fifo = 0
            if (value & 1) != 0:
                u.fifo = FIFOS
        case Register.LCR:
            u.lcr = value
        case Register.MCR:
            u.mcr = value & 0x1F
        case Register.SCR:
            u.scratch = value
        case _:
            pass
    return False
