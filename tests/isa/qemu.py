"""Runs a program on QEMU's ``virt`` machine, the judge that nobody here wrote."""

import subprocess
from pathlib import Path

from tests.qemu import QEMU, QEMU_CPU

__all__ = ["run_on_qemu"]


def run_on_qemu(elf: Path, timeout: float = 20) -> int:
    """Exit status of ``elf``: 0 pass, else 128 + (failing test modulo 128)."""
    command = [QEMU, "-M", "virt", "-cpu", QEMU_CPU, "-m", "128M", "-display", "none", "-monitor", "none"]
    command += ["-serial", "none", "-bios", "none", "-kernel", str(elf)]
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL
    )
    return result.returncode
