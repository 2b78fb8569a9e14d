"""Random programs: the model's two ways to run them agree in everything that is left behind."""

import pytest

from cosim.model import Machine, Stop
from tests.isa.build import build_source
from tests.isa.soup import soup


@pytest.mark.parametrize("seed", range(12))
def test_blocks_and_steps_agree(seed: int) -> None:
    elf = build_source(f"soup_{seed}", soup(seed))
    ran, stepped = Machine(16 << 20), Machine(16 << 20)
    ran.load_elf(elf)
    stepped.load_elf(elf)
    assert ran.run(100_000).status == 0
    traps = set()
    with pytest.raises(Stop) as stop:
        for _ in range(100_000):
            traps.add(stepped.hart.step().trap)
    assert stop.value.status == 0
    assert len(traps) > 5  # it is not all one kind
    assert ran.hart.x == stepped.hart.x
    assert ran.hart.retired == stepped.hart.retired
    assert ran.hart.csrs.value == stepped.hart.csrs.value
    assert ran.bus.dram[:] == stepped.bus.dram[:]


def test_a_seed_always_gives_the_same_program() -> None:
    assert soup(5) == soup(5) != soup(6)
