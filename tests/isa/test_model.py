"""Every ISA program passes on the golden model."""

import pytest

from cosim.model import run
from tests.isa.build import build_program, program_names, xvmx_program_names


@pytest.mark.parametrize("name", program_names() + xvmx_program_names())
def test_program_passes(name: str) -> None:
    result = run(build_program(name), limit=300_000)
    assert result.status is not None, f"{name} did not end"
    assert result.status == 0, f"{name}: test {result.status} fails"
