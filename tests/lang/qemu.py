"""Runs an image on QEMU's virt machine; a program ends through the test finisher."""

import shutil
import subprocess
from pathlib import Path

import pytest

__all__ = ["needs_qemu", "run_qemu"]

needs_qemu = pytest.mark.skipif(
    shutil.which("qemu-system-riscv64") is None,
    reason="qemu-system-riscv64 is missing: apt install qemu-system-misc",
)


def run_qemu(elf: Path, seconds: float = 60) -> str:
    """The console output of a bare-metal program."""
    command = ["qemu-system-riscv64", "-M", "virt", "-cpu", "rv64,h=true", "-bios", "none", "-nographic"]
    done = subprocess.run(
        [*command, "-monitor", "none", "-serial", "stdio", "-kernel", str(elf)],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=seconds,
        check=True,
    )
    return done.stdout.decode()
