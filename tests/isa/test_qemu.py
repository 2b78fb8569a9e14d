"""Every ISA program passes on QEMU too, but for the checks it leaves out there (``#ifndef ON_QEMU``)."""

import pytest

from tests.isa.build import build_program, program_names
from tests.isa.qemu import qemu_missing, run_on_qemu

pytestmark = pytest.mark.skipif(qemu_missing() is not None, reason=qemu_missing() or "")


@pytest.mark.parametrize("name", program_names())
def test_program_passes(name: str) -> None:
    status = run_on_qemu(build_program(name, "ON_QEMU"))
    assert status == 0, f"{name}: test {status - 128} fails (modulo 128)"
