"""Everything that can happen has happened, in the directed programs, the sweep and 160 torture programs."""

import pytest

from cosim.build import Variant, build
from cosim.coverage.groups import groups
from cosim.coverage.results import Coverage
from cosim.coverage.run import Task, measure
from tests.isa.build import build_program, program_names

_SEEDS = 160
_INSTRUCTIONS = 30_000
_GROUPS = (
    "traps returns instructions csrs absent_csrs pages first_stage second_stage guest_tables access_faults "
    "permissions guest_permissions"
).split()


@pytest.mark.nightly
def test_every_reachable_bin_is_hit() -> None:
    """Five million instructions."""
    names = [name for name in program_names() if not name.startswith("xvmx")]
    tasks = [Task(), *(Task(path=build_program(name)) for name in names)]
    tasks += [Task(seed=seed, instructions=_INSTRUCTIONS) for seed in range(_SEEDS)]
    coverage = Coverage()
    assert [
        f"{task}: {wrong}" for task, wrong in measure(build(Variant.OBSERVE), tasks, coverage) if wrong
    ] == []
    holes = {name: coverage.holes(groups()[name]) for name in _GROUPS}
    assert {name: found for name, found in holes.items() if found} == {}
