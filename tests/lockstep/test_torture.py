"""Random programs: the hardware and the golden model agree on all they do, and would not if it were wrong."""

import pytest

from cosim.build import Variant, build
from cosim.coverage.groups import groups
from cosim.coverage.results import Coverage
from cosim.coverage.run import Task, covered, measure
from cosim.lockstep.replay import Stage
from cosim.lockstep.translation import Translations
from cosim.torture import handlers
from cosim.torture.__main__ import run_range
from cosim.torture.assembler import Assembler
from cosim.torture.program import generate
from rtl.isa.instructions import INSTRUCTIONS

_SEEDS_PER_TEST = 6
_INSTRUCTIONS = 30_000
_NIGHTLY_SEEDS = 42


@pytest.mark.parametrize("first", range(0, 8 * _SEEDS_PER_TEST, _SEEDS_PER_TEST))
def test_random_programs_agree(first: int) -> None:
    """1.4 million instructions in all, in which all visits of the zoo are made twice."""
    _agree(first, _SEEDS_PER_TEST)


@pytest.mark.nightly
@pytest.mark.parametrize("first", range(10_000, 10_000 + 40 * _NIGHTLY_SEEDS, _NIGHTLY_SEEDS))
def test_many_random_programs_agree(first: int) -> None:
    """Fifty million."""
    _agree(first, _NIGHTLY_SEEDS)


def _agree(first: int, seeds: int) -> None:
    """... and nothing happens that the coverage's rules exclude."""
    coverage = Coverage()
    tasks = [Task(seed=seed, instructions=_INSTRUCTIONS) for seed in range(first, first + seeds)]
    failures = [
        f"{task}: {mismatch}"
        for task, mismatch in measure(build(Variant.OBSERVE), tasks, coverage)
        if mismatch
    ]
    assert not failures, "\n\n".join(failures)
    assert coverage.instructions == seeds * _INSTRUCTIONS
    assert [coverage.unexpected(group) for group in groups().values()] == [[]] * len(groups())


def test_every_csr_number_from_every_mode() -> None:
    """... and with that every bin of CSR accesses; and a call of HS that HS takes."""
    simulator = build(Variant.OBSERVE)
    coverage = Coverage()
    compared, hits = covered(simulator, Task())
    coverage.add(hits, compared)
    for name in ("csrs", "absent_csrs"):
        assert coverage.holes(groups()[name]) == []
        assert coverage.unexpected(groups()[name]) == []
    assert ("ECALL_HS", "HS", "HS") in coverage.hit(groups()["traps"])


_FENCES = pytest.mark.parametrize("fence", ["sfence.vma", "hfence.vvma", "hfence.gvma"])
_WITHOUT_EFFECT = "sfence.inval.ir"
"""Orders what an sinval.vma before it did, and there is none: the hardware keeps its translations."""


def _leave_out(fence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    remap = handlers.remap_services

    def remap_without(asm: Assembler) -> None:
        op = asm.op
        asm.op = lambda name, *rest, **more: op(_WITHOUT_EFFECT) if name == fence else op(name, *rest, **more)
        remap(asm)
        asm.op = op

    monkeypatch.setattr(handlers, "remap_services", remap_without)


@_FENCES
def test_without_a_fence_translations_may_be_kept(fence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _leave_out(fence, monkeypatch)
    simulator = build(Variant.OBSERVE)
    assert not run_range(simulator, range(4), _INSTRUCTIONS)[1]


@_FENCES
def test_a_fence_without_effect_is_noticed(fence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hardware uses a translation that the fence should have ended."""
    _leave_out(fence, monkeypatch)

    def fence_executed(translations: Translations, word: int, virt: bool) -> None:
        if word == INSTRUCTIONS[_WITHOUT_EFFECT].match:
            for stage in Stage:
                translations.fence(stage)

    monkeypatch.setattr(Translations, "_fence_executed", fence_executed)
    simulator = build(Variant.OBSERVE)
    assert any(run_range(simulator, [seed], _INSTRUCTIONS)[1] for seed in range(30))


def test_seed_alone_decides() -> None:
    assert generate(3).program == generate(3).program
    assert generate(3).program.segments != generate(4).program.segments


def test_parts_are_left_out() -> None:
    whole, part = generate(5), generate(5, [2, 7], {(2, 0)})
    sizes = [len(b"".join(units)) for units in (whole.units[2][1:], whole.units[7])]
    bodies = [segment for segment in part.program.segments if 0x8001_0000 <= segment.address < 0x800F_F000]
    assert [len(body.data) - 16 for body in bodies] == sizes
