"""The programs for Xvmx check themselves on the hardware too, whatever the memory's latency."""

import pytest

from cosim.build import Variant, build
from cosim.elf import read_elf
from cosim.job import Job
from cosim.simulate import run_plain
from tests.isa.build import build_program, xvmx_program_names


@pytest.mark.parametrize("latency", [0, 1, 40])
@pytest.mark.parametrize("name", xvmx_program_names())
def test_program_passes(name: str, latency: int) -> None:
    job = Job(read_elf(build_program(name)), max_cycles=1_000_000, latency=latency)
    result = run_plain(build(Variant.FAST), job)
    assert (result.outcome, result.code) == ("exit", 0), f"{name}: test {result.code} fails"
