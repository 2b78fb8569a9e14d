"""Everything that can happen has happened, in the directed programs, the sweeps and 360 random programs."""

import pytest

from cosim.build import Variant, build
from cosim.coverage.group import Bin
from cosim.coverage.groups import groups
from cosim.coverage.results import Coverage
from cosim.coverage.run import Task, measure
from tests.isa.build import build_program, program_names, xvmx_program_names

_SEEDS = 160
_INSTRUCTIONS = 30_000
_XVMX_SEEDS = 200
_XVMX_INSTRUCTIONS = 15_000
_GROUPS = (
    "traps returns instructions csrs absent_csrs pages first_stage second_stage guest_tables access_faults "
    "permissions guest_permissions"
).split()


@pytest.mark.nightly
def test_every_reachable_bin_is_hit() -> None:
    """Five million instructions."""
    tasks = [Task(), *(Task(path=build_program(name)) for name in program_names())]
    tasks += [Task(seed=seed, instructions=_INSTRUCTIONS) for seed in range(_SEEDS)]
    assert _holes(tasks, _GROUPS) == {}


@pytest.mark.nightly
def test_every_reachable_bin_of_xvmx_is_hit() -> None:
    """Three million instructions."""
    tasks = [Task(xvmx=True), *(Task(path=build_program(name)) for name in xvmx_program_names())]
    instructions = _XVMX_INSTRUCTIONS
    tasks += [Task(seed=seed, instructions=instructions, xvmx=True) for seed in range(_XVMX_SEEDS)]
    assert _holes(tasks, [name for name in groups() if name not in _GROUPS]) == {}


def _holes(tasks: list[Task], names: list[str]) -> dict[str, list[Bin]]:
    """What ``tasks`` leave out in the groups of these names; nothing may fail, nothing impossible happen."""
    coverage = Coverage()
    results = measure(build(Variant.OBSERVE), tasks, coverage)
    assert [f"{task}: {wrong}" for task, wrong in results if wrong] == []
    assert {name: wrong for name, group in groups().items() if (wrong := coverage.unexpected(group))} == {}
    return {name: found for name in names if (found := coverage.holes(groups()[name]))}
