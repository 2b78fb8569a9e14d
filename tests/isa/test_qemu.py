"""Every ISA program passes on QEMU too, but for the checks it leaves out there (``#ifndef ON_QEMU``)."""

import pytest

from tests.isa.build import build_program, program_names
from tests.isa.qemu import run_on_qemu
from tests.qemu import needs_qemu

pytestmark = needs_qemu


@pytest.mark.parametrize("name", program_names())
def test_program_passes(name: str) -> None:
    status = run_on_qemu(build_program(name, "ON_QEMU"))
    assert status == 0, f"{name}: test {status - 128} fails (modulo 128)"
