"""The judge of interrupts: each way of being illegal is noticed, and what is legal passes."""

import pytest

from cosim.lockstep.interrupts import InterruptJudge
from cosim.model.machine import Machine
from rtl.isa.causes import Interrupt
from rtl.isa.csrs import CSRS
from rtl.isa.privilege import Privilege

_MIE = CSRS["mstatus"].mask("MIE")
_LATER = 1000


class _Bench:
    def __init__(self) -> None:
        self.machine = Machine(16 << 20)
        self.hart = self.machine.hart
        self.value = self.hart.csrs.value
        self.judge = InterruptJudge(self.machine)
        self.cycle = 100
        self.judge.look(self.cycle)
        self.judge.changed()

    def wait(self, cycles: int = _LATER) -> None:
        self.cycle += cycles
        self.judge.look(self.cycle)

    def retire(self, count: int) -> list[str | None]:
        verdicts = []
        for _ in range(count):
            self.wait(1)
            verdicts.append(self.judge.retired())
        return verdicts


@pytest.fixture
def bench() -> _Bench:
    return _Bench()


def test_pending_and_enabled_is_legal(bench: _Bench) -> None:
    bench.value["mie"] = 1 << Interrupt.SSI
    bench.value["mip"] = 1 << Interrupt.SSI
    bench.hart.enter(Privilege.U, 0)
    assert bench.judge.taken(Interrupt.SSI) is None


def test_not_pending(bench: _Bench) -> None:
    bench.value["mie"] = -1 & 0x1FFF
    bench.hart.enter(Privilege.U, 0)
    verdict = bench.judge.taken(Interrupt.SSI)
    assert verdict and "not pending" in verdict


@pytest.mark.parametrize("enable", [0, 1 << Interrupt.SSI])
def test_not_enabled(bench: _Bench, enable: int) -> None:
    """By mie; or by mstatus.MIE in M mode."""
    bench.value["mie"] = enable
    bench.value["mip"] = 1 << Interrupt.SSI
    verdict = bench.judge.taken(Interrupt.SSI)
    assert verdict and "not enabled" in verdict


def test_another_comes_first(bench: _Bench) -> None:
    bits = 1 << Interrupt.SSI | 1 << Interrupt.STI
    bench.value["mie"] = bench.value["mip"] = bits
    bench.value["mstatus"] |= _MIE
    verdict = bench.judge.taken(Interrupt.STI)
    assert verdict and "SSI comes before" in verdict
    assert bench.judge.taken(Interrupt.SSI) is None


def test_a_line_may_be_late_but_not_for_ever(bench: _Bench) -> None:
    """After msip rose, both taking it and not taking it are legal at first."""
    bench.value["mie"] = 1 << Interrupt.MSI
    bench.value["mstatus"] |= _MIE
    bench.machine.clint.write(0, 4, 1)
    assert bench.retire(12) == [None] * 12
    assert bench.judge.taken(Interrupt.MSI) is None
    bench.wait()
    verdicts = bench.retire(20)
    assert any(verdict and "not taken" in verdict for verdict in verdicts)


def test_timer_follows_the_hardware_cycle(bench: _Bench) -> None:
    bench.value["mie"] = 1 << Interrupt.MTI
    bench.value["mstatus"] |= _MIE
    bench.machine.clint.mtimecmp = 500
    bench.judge.changed()
    bench.wait(3000)
    verdict = bench.judge.taken(Interrupt.MTI)
    assert verdict and "not pending" in verdict
    bench.wait(3000)
    assert bench.judge.taken(Interrupt.MTI) is None


@pytest.mark.parametrize(("shown", "right"), [(0x2, True), (0, False), (0x6, False)])
def test_pending_register_reads(bench: _Bench, shown: int, right: bool) -> None:
    bench.value["mip"] = 1 << Interrupt.SSI
    verdict = bench.judge.read(CSRS["mip"].number, shown)
    assert (verdict is None) == right


def test_time_reads(bench: _Bench) -> None:
    bench.wait(10_000)
    number = CSRS["time"].number
    assert bench.judge.read(number, bench.cycle // 10) is None
    assert bench.judge.read(number, bench.cycle // 10 + 500)
