"""The model's devices, register by register."""

import pytest

from cosim.model.devices import Clint, Finisher, Plic, Uart
from cosim.model.exceptions import Stop
from rtl.isa import plic as plic_map
from rtl.isa.memory_map import CLINT_MSIP, CLINT_MTIME, CLINT_MTIMECMP
from rtl.isa.uart import Ier, Iir, Lsr, Register


def test_clint_registers_whole_and_by_halves() -> None:
    ticks = 100
    clint = Clint(lambda: ticks, lambda: None)
    clint.write(CLINT_MTIMECMP, 8, 0x1122334455667788)
    assert clint.read(CLINT_MTIMECMP + 4, 4) == 0x11223344
    clint.write(CLINT_MTIMECMP + 4, 4, 0xAABBCCDD)
    assert clint.mtimecmp == 0xAABBCCDD55667788
    clint.write(CLINT_MTIME, 8, 5000)
    assert clint.mtime == 5000
    ticks = 130
    assert clint.read(CLINT_MTIME, 8) == 5030
    clint.write(CLINT_MSIP, 4, 0xFFFF_FFFF)
    assert clint.read(CLINT_MSIP, 4) == 1


@pytest.mark.parametrize(("value", "status"), [(0x5555, 0), (0x7777, 0), (0x3333, 1), (0x0009_3333, 9)])
def test_finisher(value: int, status: int) -> None:
    with pytest.raises(Stop) as stop:
        Finisher().write(0, 4, value)
    assert stop.value.status == status


def test_plic_claims_by_priority_and_completes() -> None:
    plic = Plic(lambda: None)
    claim = plic_map.CONTEXT + plic_map.CONTEXT_STRIDE + plic_map.CLAIM
    for source, priority in ((3, 1), (10, 5), (11, 5)):
        plic.write(plic_map.PRIORITY + 4 * source, 4, priority)
    plic.write(plic_map.ENABLE + plic_map.ENABLE_STRIDE, 4, 1 << 3 | 1 << 10 | 1 << 11)
    plic.levels = 1 << 3 | 1 << 10 | 1 << 11
    plic.update()
    assert (plic.line(0), plic.line(1)) == (False, True)
    assert [plic.read(claim, 4) for _ in range(4)] == [10, 11, 3, 0]
    plic.levels = 1 << 10
    plic.update()
    assert plic.read(claim, 4) == 0  # still being served
    plic.write(claim, 4, 10)
    assert plic.read(claim, 4) == 10


def test_plic_threshold() -> None:
    plic = Plic(lambda: None)
    plic.write(plic_map.PRIORITY + 4 * 10, 4, 3)
    plic.write(plic_map.ENABLE, 4, 1 << 10)
    plic.levels = 1 << 10
    plic.update()
    assert plic.line(0)
    plic.write(plic_map.CONTEXT + plic_map.THRESHOLD, 4, 3)
    assert not plic.line(0)


def _uart() -> tuple[Uart, bytearray, list[bool]]:
    printed, levels = bytearray(), [False]

    def line(level: bool) -> None:
        levels[0] = level

    return Uart(printed.extend, line), printed, levels


def test_uart_prints_unless_the_divisor_is_selected() -> None:
    uart, printed, _ = _uart()
    uart.write(Register.THR, 1, ord("a"))
    uart.write(Register.LCR, 1, 0x83)
    uart.write(Register.DLL, 1, ord("b"))
    uart.write(Register.DLM, 1, 1)
    assert (uart.read(Register.DLL, 1), uart.read(Register.DLM, 1)) == (ord("b"), 1)
    uart.write(Register.LCR, 1, 0x03)
    uart.write(Register.THR, 1, ord("c"))
    assert printed == b"ac"


def test_uart_transmitter_interrupt_comes_and_goes() -> None:
    uart, _, levels = _uart()
    uart.write(Register.IER, 1, Ier.ETBEI)
    assert levels == [True]
    assert uart.read(Register.IIR, 1) & 0xF == Iir.THR_EMPTY
    assert levels == [False]
    assert uart.read(Register.IIR, 1) & 0xF == Iir.NONE
    uart.write(Register.THR, 1, 65)
    assert levels == [True]


def test_uart_receives() -> None:
    uart, _, levels = _uart()
    uart.write(Register.IER, 1, Ier.ERBFI)
    uart.receive(b"hi")
    assert levels == [True]
    assert uart.read(Register.LSR, 1) & Lsr.DR
    assert uart.read(Register.IIR, 1) & 0xF == Iir.DATA_AVAILABLE
    assert [uart.read(Register.RBR, 1) for _ in range(2)] == [ord("h"), ord("i")]
    assert levels == [False]
