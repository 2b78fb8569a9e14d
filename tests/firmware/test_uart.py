"""The emulated 16550 alone."""

import pytest

from firmware.hypervisor.devices.uart import Uart, interrupt, uart_read, uart_write
from firmware.lang import addr_of, static
from firmware.lang.machine import Machine
from firmware.uart import Ier, Iir, Lcr, Lsr, Reg

uart = static(Uart)


@pytest.fixture(autouse=True)
def machine():
    with Machine() as m:
        yield m


def u():
    return addr_of(uart)


def test_bytes_to_send_are_told_apart_from_the_divisor():
    assert uart_write(u(), Reg.DATA, 0x41)
    uart_write(u(), Reg.LCR, Lcr.DLAB | 3)
    assert not uart_write(u(), Reg.DATA, 0x34)
    uart_write(u(), Reg.IER, 0x12)
    assert (int(uart_read(u(), Reg.DATA, False)), int(uart_read(u(), Reg.IER, False))) == (0x34, 0x12)
    uart_write(u(), Reg.LCR, 3)
    assert uart_read(u(), Reg.IER, False) == 0 and uart_read(u(), Reg.LCR, False) == 3


def test_transmitter_interrupt_is_cleared_by_reading_it():
    assert interrupt(u(), False) == Iir.NONE
    uart_write(u(), Reg.IER, Ier.THRE)
    assert interrupt(u(), False) == Iir.THRE
    assert uart_read(u(), Reg.IIR_FCR, False) == Iir.THRE
    assert uart_read(u(), Reg.IIR_FCR, False) == Iir.NONE
    uart_write(u(), Reg.DATA, 0x41)
    assert interrupt(u(), False) == Iir.THRE


def test_received_data_comes_before_the_transmitter():
    uart_write(u(), Reg.IER, Ier.THRE | Ier.RX)
    assert uart_read(u(), Reg.IIR_FCR, True) == Iir.RX
    assert uart_read(u(), Reg.LSR, True) == Lsr.DR | Lsr.THRE | Lsr.TEMT
    assert uart_read(u(), Reg.IIR_FCR, False) == Iir.THRE, "the transmitter's was still to be reported"


def test_fifo_bits_follow_fcr_and_scratch_is_kept():
    uart_write(u(), Reg.IIR_FCR, 1)
    assert uart_read(u(), Reg.IIR_FCR, False) == Iir.FIFOS | Iir.NONE
    uart_write(u(), Reg.IIR_FCR, 0)
    assert uart_read(u(), Reg.IIR_FCR, False) == Iir.NONE
    uart_write(u(), Reg.SCR, 0x5A)
    uart_write(u(), Reg.MCR, 0xFF)
    assert uart_read(u(), Reg.SCR, False) == 0x5A and uart_read(u(), Reg.MCR, False) == 0x1F
