"""The bare-metal ISA programs on the hardware, every retired instruction compared with the golden model."""

import pytest

from cosim.build import Variant, build
from cosim.elf import read_elf
from cosim.errors import UserError
from cosim.lockstep.run import compare_program
from tests.isa.build import build_program, program_names, xvmx_program_names


@pytest.mark.parametrize("name", program_names() + xvmx_program_names())
def test_hardware_and_model_agree(name: str) -> None:
    program = read_elf(build_program(name))
    assert compare_program(build(Variant.OBSERVE), program, max_cycles=2_000_000) > 10


def test_to_agree_is_not_enough() -> None:
    """A program that both hang in, or that fails in both, is no success."""
    program = read_elf(build_program("h_two_stage"))
    with pytest.raises(UserError, match=r"agree, but it ended with limit after 500 cycles"):
        compare_program(build(Variant.OBSERVE), program, max_cycles=500)


@pytest.mark.parametrize("latency", [0, 7, 40])
def test_memory_latency_changes_nothing(latency: int) -> None:
    simulator = build(Variant.OBSERVE)
    program = read_elf(build_program("h_two_stage"))
    assert compare_program(simulator, program, latency=latency) == compare_program(simulator, program)
