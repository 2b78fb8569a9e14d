"""The hart of the boards, which issues one instruction at a time, has smaller caches, and registers in its
long paths, against the golden model (with the simulator's memory)."""

import pytest

from boards.config import board_config
from cosim.build import Build, Variant, build
from cosim.coverage.results import Coverage
from cosim.coverage.run import Task, measure
from cosim.elf import read_elf
from cosim.lockstep.run import compare_program
from rtl.config import CoreConfig, Cuts, SocConfig
from tests.isa.build import build_program, program_names, xvmx_program_names

_INSTRUCTIONS = 30_000


def _agree(simulator: Build, seeds: range, *, xvmx: bool) -> None:
    tasks = [Task(seed=seed, instructions=_INSTRUCTIONS, xvmx=xvmx) for seed in seeds]
    coverage = Coverage()
    failures = [f"{task}: {mismatch}" for task, mismatch in measure(simulator, tasks, coverage) if mismatch]
    assert not failures, "\n\n".join(failures)
    assert coverage.instructions >= len(seeds) * _INSTRUCTIONS


@pytest.mark.parametrize("xvmx", [False, True], ids=["h", "xvmx"])
def test_random_programs_agree_on_the_boards_hart(xvmx: bool) -> None:
    _agree(build(Variant.OBSERVE, board_config()), range(600, 603), xvmx=xvmx)


@pytest.mark.nightly
@pytest.mark.parametrize("xvmx", [False, True], ids=["h", "xvmx"])
@pytest.mark.parametrize("first", range(20_000, 20_080, 20))
def test_many_random_programs_agree_on_the_boards_hart(first: int, xvmx: bool) -> None:
    _agree(build(Variant.OBSERVE, board_config()), range(first, first + 20), xvmx=xvmx)


@pytest.mark.nightly
@pytest.mark.parametrize("xvmx", [False, True], ids=["h", "xvmx"])
def test_random_programs_agree_with_pairs_and_cuts(xvmx: bool) -> None:
    simulator = build(Variant.OBSERVE, SocConfig(core=CoreConfig(cuts=Cuts.everywhere())))
    _agree(simulator, range(21_000, 21_012), xvmx=xvmx)


@pytest.mark.nightly
@pytest.mark.parametrize("name", program_names() + xvmx_program_names())
def test_the_boards_hart_and_model_agree(name: str) -> None:
    simulator = build(Variant.OBSERVE, board_config())
    assert compare_program(simulator, read_elf(build_program(name)), max_cycles=6_000_000) > 10
