"""The bare-metal ISA programs on the hardware, every retired instruction compared with the golden model."""

import pytest

from cosim.build import Variant, build
from cosim.elf import read_elf
from cosim.lockstep.run import compare_program, run_lockstep
from tests.isa.build import build_program, program_names, xvmx_program_names


@pytest.mark.parametrize("name", program_names() + xvmx_program_names())
def test_hardware_and_model_agree(name: str) -> None:
    assert run_lockstep(build_program(name), max_cycles=2_000_000) > 10


@pytest.mark.parametrize("latency", [0, 7, 40])
def test_memory_latency_changes_nothing(latency: int) -> None:
    simulator = build(Variant.OBSERVE)
    program = read_elf(build_program("h_two_stage"))
    assert compare_program(simulator, program, latency=latency) == compare_program(simulator, program)
