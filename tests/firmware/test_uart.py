"""The emulated 16550 alone."""

import pytest

from firmware.hypervisor.devices.uart import FIFOS, Uart, interrupt, uart_read, uart_write
from firmware.lang import addr_of, static
from firmware.lang.machine import Machine
from rtl.isa.uart import Ier, Iir, Lcr, Lsr, Register

uart = static(Uart)


@pytest.fixture(autouse=True)
def machine():
    with Machine() as m:
        yield m


def u():
    return addr_of(uart)


def test_bytes_to_send_are_told_apart_from_the_divisor():
    assert uart_write(u(), Register.THR, 0x41)
    uart_write(u(), Register.LCR, Lcr.DLAB | 3)
    assert not uart_write(u(), Register.THR, 0x34)
    uart_write(u(), Register.IER, 0x12)
    assert (int(uart_read(u(), Register.THR, False)), int(uart_read(u(), Register.IER, False))) == (
        0x34,
        0x12,
    )
    uart_write(u(), Register.LCR, 3)
    assert uart_read(u(), Register.IER, False) == 0 and uart_read(u(), Register.LCR, False) == 3


def test_transmitter_interrupt_is_cleared_by_reading_it():
    assert interrupt(u(), False) == Iir.NONE
    uart_write(u(), Register.IER, Ier.ETBEI)
    assert interrupt(u(), False) == Iir.THR_EMPTY
    assert uart_read(u(), Register.IIR, False) == Iir.THR_EMPTY
    assert uart_read(u(), Register.IIR, False) == Iir.NONE
    uart_write(u(), Register.THR, 0x41)
    assert interrupt(u(), False) == Iir.THR_EMPTY


def test_received_data_comes_before_the_transmitter():
    uart_write(u(), Register.IER, Ier.ETBEI | Ier.ERBFI)
    assert uart_read(u(), Register.IIR, True) == Iir.DATA_AVAILABLE
    assert uart_read(u(), Register.LSR, True) == Lsr.DR | Lsr.THRE | Lsr.TEMT
    assert uart_read(u(), Register.IIR, False) == Iir.THR_EMPTY, "the transmitter's was still to be reported"


def test_fifo_bits_follow_fcr_and_scratch_is_kept():
    uart_write(u(), Register.IIR, 1)
    assert uart_read(u(), Register.IIR, False) == FIFOS | Iir.NONE
    uart_write(u(), Register.IIR, 0)
    assert uart_read(u(), Register.IIR, False) == Iir.NONE
    uart_write(u(), Register.SCR, 0x5A)
    uart_write(u(), Register.MCR, 0xFF)
    assert uart_read(u(), Register.SCR, False) == 0x5A and uart_read(u(), Register.MCR, False) == 0x1F
