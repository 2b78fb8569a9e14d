"""Run a `Boot` on QEMU's virt machine, cut to our instruction set: the system tests' second opinion."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from firmware.images import Boot
from tests.qemu import QEMU, QEMU_CPU

__all__ = ["Result", "run"]


@dataclass(frozen=True)
class Result:
    """What the run printed and QEMU's exit status, which the test finisher sets."""

    console: str
    status: int


def run(
    boot: Boot, folder: Path, *options: str, timeout: float = 60, cpu: str = QEMU_CPU, text: bytes = b""
) -> Result:
    """Load the segments and run until the machine powers off; ``text`` is typed on its console."""
    command = [QEMU, "-M", "virt", "-cpu", cpu, "-m", f"{boot.memory >> 20}M", "-nographic", "-bios", "none"]
    for number, (address, raw) in enumerate(boot.segments):
        path = folder / f"segment{number}"
        path.write_bytes(raw)
        command += ["-device", f"loader,file={path},addr={address:#x},force-raw=on"]
    done = subprocess.run([*command, *options], input=text, capture_output=True, timeout=timeout, check=False)
    return Result(done.stdout.decode(errors="replace"), done.returncode)
