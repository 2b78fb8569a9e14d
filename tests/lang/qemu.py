"""Runs an image on QEMU's virt machine; a program ends through the test finisher."""

import subprocess
from pathlib import Path

from tests.qemu import QEMU

__all__ = ["run_qemu"]


def run_qemu(elf: Path, seconds: float = 60) -> str:
    """The console output of a bare-metal program."""
    command = [QEMU, "-M", "virt", "-cpu", "rv64,h=true", "-bios", "none", "-nographic"]
    done = subprocess.run(
        [*command, "-monitor", "none", "-serial", "stdio", "-kernel", str(elf)],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=seconds,
        check=True,
    )
    return done.stdout.decode()
