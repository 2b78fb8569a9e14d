"""Random programs for Xvmx: hardware and golden model agree on all they do, and notice a fault in either."""

from collections.abc import Callable

import pytest

from cosim.build import Variant, build
from cosim.model.machine import Machine
from cosim.model.xvmx import unit
from cosim.torture.run import shrink
from cosim.torture.xvmx import generate_xvmx
from cosim.torture.xvmx_run import run_xvmx_range
from rtl.isa.xvmx import ExitReason

_SEEDS_PER_TEST = 5
_INSTRUCTIONS = 15_000
_NIGHTLY_SEEDS = 50


@pytest.mark.parametrize("first", range(0, 4 * _SEEDS_PER_TEST, _SEEDS_PER_TEST))
def test_random_programs_agree(first: int) -> None:
    _agree(first, _SEEDS_PER_TEST)


@pytest.mark.nightly
@pytest.mark.parametrize("first", range(10_000, 10_000 + 10 * _NIGHTLY_SEEDS, _NIGHTLY_SEEDS))
def test_many_random_programs_agree(first: int) -> None:
    _agree(first, _NIGHTLY_SEEDS)


def _agree(first: int, seeds: int) -> None:
    simulator = build(Variant.OBSERVE)
    compared, failures = run_xvmx_range(simulator, range(first, first + seeds), _INSTRUCTIONS)
    assert not failures, "\n\n".join(failures)
    assert compared == seeds * _INSTRUCTIONS


Fault = Callable[[pytest.MonkeyPatch], None]


def _forgets_the_stack_pointer(patch: pytest.MonkeyPatch) -> None:
    leave = unit.Vmx.exit

    def exit_(self: unit.Vmx, report, decoded) -> None:
        leave(self, report, decoded)
        self.vmcs.field["G_SP"] = 0

    patch.setattr(unit.Vmx, "exit", exit_)


def _launches_anything(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(unit, "entry_error", lambda vmcs, nos2: None)


def _enters_any_guest(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(unit, "guest_state_is_valid", lambda vmcs, sstatus, satp: True)


def _leaves_interrupts_on(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(unit, "_SIE", 0)


def _injects_again(patch: pytest.MonkeyPatch) -> None:
    enter = unit.Vmx._enter

    def entered(self: unit.Vmx) -> None:
        event = self.vmcs.field["ENTRY_EVENT"]
        enter(self)
        self.vmcs.field["ENTRY_EVENT"] = event

    patch.setattr(unit.Vmx, "_enter", entered)


@pytest.mark.parametrize(
    "fault",
    [
        _forgets_the_stack_pointer,
        _launches_anything,
        _enters_any_guest,
        _leaves_interrupts_on,
        _injects_again,
    ],
)
def test_a_fault_in_the_model_is_noticed(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    fault(monkeypatch)
    simulator = build(Variant.OBSERVE)
    assert any(run_xvmx_range(simulator, [seed], _INSTRUCTIONS)[1] for seed in range(12))


def test_seed_alone_decides() -> None:
    assert generate_xvmx(3).program == generate_xvmx(3).program
    assert generate_xvmx(3).program.segments != generate_xvmx(4).program.segments


def test_programs_exit_for_many_reasons() -> None:
    reasons = set()
    for seed in range(6):
        torture = generate_xvmx(seed)
        machine = Machine(memory=(16 << 20) + 0x1000)
        machine.load(torture.program)
        for _ in range(10_000):
            record = machine.hart.step()
            if record.vm_exit:
                reasons.add(record.trap)
    assert len(reasons) >= len(ExitReason) - 5


def test_a_failing_program_is_made_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    _leaves_interrupts_on(monkeypatch)
    simulator = build(Variant.OBSERVE)
    seed = next(seed for seed in range(12) if run_xvmx_range(simulator, [seed], 4_000)[1])
    shrunk = shrink(simulator, seed, 4_000, generate_xvmx)
    assert shrunk.mismatch is not None
    assert len(shrunk.chunks) < len(generate_xvmx(seed).units)
    assert len(list(shrunk.listing())) < 40
