"""The hart of the boards, which issues one instruction at a time and has smaller caches, against the golden
model (with the simulator's memory)."""

import pytest

from boards.config import board_config
from cosim.build import Variant, build
from cosim.elf import read_elf
from cosim.lockstep.run import compare_program
from tests.isa.build import build_program, program_names, xvmx_program_names

pytestmark = pytest.mark.nightly


@pytest.mark.parametrize("name", program_names() + xvmx_program_names())
def test_the_boards_hart_and_model_agree(name: str) -> None:
    simulator = build(Variant.OBSERVE, board_config())
    assert compare_program(simulator, read_elf(build_program(name)), max_cycles=3_000_000) > 10
