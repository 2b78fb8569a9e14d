"""What happens around the hart changes its timing and nothing else."""

import pytest

from cosim.elf import read_elf
from cosim.errors import UserError
from cosim.job import Job, Stress
from cosim.simulate import run_plain
from rtl.isa.memory_map import DRAM_BASE
from tests.isa.build import build_program

_OWN = (DRAM_BASE + (24 << 20), 0x4000)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_programs_pass_under_stress(simulator, seed: int) -> None:
    program = read_elf(build_program("memory_stress"))
    calm = run_plain(simulator, Job(program, max_cycles=2_000_000))
    disturbed = run_plain(simulator, Job(program, max_cycles=8_000_000, stress=Stress(seed, own=_OWN)))
    assert (disturbed.outcome, disturbed.code) == ("exit", 0)
    assert disturbed.instructions == calm.instructions
    assert disturbed.cycles > calm.cycles


def test_the_seed_decides(simulator) -> None:
    program = read_elf(build_program("memory_stress"))
    cycles = [
        run_plain(simulator, Job(program, max_cycles=8_000_000, stress=Stress(seed))).cycles
        for seed in (5, 5, 6)
    ]
    assert cycles[0] == cycles[1] != cycles[2]


def test_places_outside_memory_are_refused(simulator) -> None:
    program = read_elf(build_program("memory_stress"))
    with pytest.raises(UserError, match="outside DRAM"):
        run_plain(simulator, Job(program, max_cycles=1000, stress=Stress(1, own=(0x1000, 0x1000))))
