"""The bare-metal ISA programs on the hardware, every retired instruction compared with the golden model."""

import pytest

from cosim.build import Variant, build
from cosim.elf import read_elf
from cosim.job import Job
from cosim.lockstep.run import compare_job, compare_program
from tests.isa.build import build_program, program_names, xvmx_program_names


@pytest.mark.parametrize("name", program_names() + xvmx_program_names())
def test_hardware_and_model_agree(name: str) -> None:
    job = Job(read_elf(build_program(name)), max_cycles=2_000_000, memory=32 << 20)
    result = compare_job(build(Variant.OBSERVE), job).result
    assert result is not None
    assert (result.outcome, result.code) == ("exit", 0), f"{name}: test {result.code} fails"


@pytest.mark.parametrize("latency", [0, 7, 40])
def test_memory_latency_changes_nothing(latency: int) -> None:
    simulator = build(Variant.OBSERVE)
    program = read_elf(build_program("h_two_stage"))
    assert compare_program(simulator, program, latency=latency) == compare_program(simulator, program)
