"""QEMU as the second opinion: the mark of tests that need it."""

import pytest

from cosim.judge.qemu import QEMU, QEMU_CPU, qemu_missing

__all__ = ["QEMU", "QEMU_CPU", "needs_qemu", "qemu_missing"]

needs_qemu = pytest.mark.skipif(qemu_missing() is not None, reason=str(qemu_missing()))
