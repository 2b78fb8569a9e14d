"""Registers of the UART 16550A (National Semiconductor PC16550D data sheet, section 8), one byte apart."""

from enum import IntEnum, IntFlag

__all__ = ["RX_TRIGGERS", "Fcr", "Ier", "Iir", "Lcr", "Lsr", "Mcr", "Msr", "Register"]


class Register(IntEnum):
    """Byte offsets. Where two share one, reads and writes or LCR.DLAB tell them apart."""

    RBR = 0
    """Receiver buffer (read, DLAB = 0)."""
    THR = 0
    """Transmitter holding register (write, DLAB = 0)."""
    DLL = 0
    """Divisor, low byte (DLAB = 1)."""
    IER = 1
    DLM = 1
    """Divisor, high byte (DLAB = 1)."""
    IIR = 2
    """Interrupt identification (read)."""
    FCR = 2
    """FIFO control (write)."""
    LCR = 3
    MCR = 4
    LSR = 5
    MSR = 6
    SCR = 7


class Ier(IntFlag):
    """Interrupt enables."""

    ERBFI = 1 << 0
    """Received data available, and character time-out."""
    ETBEI = 1 << 1
    """Transmitter holding register empty."""
    ELSI = 1 << 2
    """Receiver line status."""
    EDSSI = 1 << 3
    """Modem status."""


class Iir(IntEnum):
    """Low four bits of IIR: the pending interrupt of the highest priority (in falling order here)."""

    LINE_STATUS = 0b0110
    DATA_AVAILABLE = 0b0100
    TIMEOUT = 0b1100
    THR_EMPTY = 0b0010
    MODEM_STATUS = 0b0000
    NONE = 0b0001


class Fcr(IntFlag):
    """FIFO control; bits 7:6 are the index into ``RX_TRIGGERS``."""

    ENABLE = 1 << 0
    CLEAR_RX = 1 << 1
    CLEAR_TX = 1 << 2


RX_TRIGGERS = (1, 4, 8, 14)
"""Characters in the receiver FIFO that raise an interrupt, by FCR[7:6]."""


class Lcr(IntFlag):
    """Line control; bits 1:0 are the word length less 5."""

    DLAB = 1 << 7


class Mcr(IntFlag):
    """Modem control."""

    DTR = 1 << 0
    RTS = 1 << 1
    OUT1 = 1 << 2
    OUT2 = 1 << 3
    LOOP = 1 << 4


class Lsr(IntFlag):
    """Line status."""

    DR = 1 << 0
    """Data ready."""
    OE = 1 << 1
    """Overrun error."""
    PE = 1 << 2
    FE = 1 << 3
    BI = 1 << 4
    THRE = 1 << 5
    """Transmitter holding register (FIFO) empty."""
    TEMT = 1 << 6
    """Transmitter empty."""


class Msr(IntFlag):
    """Modem status: four changes since the last read, then the four lines."""

    DCTS = 1 << 0
    DDSR = 1 << 1
    TERI = 1 << 2
    DDCD = 1 << 3
    CTS = 1 << 4
    DSR = 1 << 5
    RI = 1 << 6
    DCD = 1 << 7
