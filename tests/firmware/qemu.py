"""Run a `Boot` on QEMU's virt machine, cut to our instruction set: the system tests' second opinion."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from firmware.images import Boot

__all__ = ["Result", "needs_qemu", "run"]

QEMU = "qemu-system-riscv64"
CPU = (
    "rv64i,m=on,a=on,c=on,zicsr=on,zifencei=on,zicntr=on,zihpm=on,zihintpause=on,s=on,u=on,h=on,"
    "sstc=on,svinval=on,svade=on,svadu=on,sv39=on,pmp=on,mmu=on"
)

needs_qemu = pytest.mark.skipif(shutil.which(QEMU) is None, reason=f"{QEMU} is not installed")


@dataclass(frozen=True)
class Result:
    """What the run printed and QEMU's exit status, which the test finisher sets."""

    console: str
    status: int


def run(
    boot: Boot, folder: Path, *options: str, timeout: float = 60, cpu: str = CPU, text: bytes = b""
) -> Result:
    """Load the segments and run until the machine powers off; ``text`` is typed on its console."""
    command = [QEMU, "-M", "virt", "-cpu", cpu, "-m", f"{boot.memory >> 20}M", "-nographic", "-bios", "none"]
    for number, (address, raw) in enumerate(boot.segments):
        path = folder / f"segment{number}"
        path.write_bytes(raw)
        command += ["-device", f"loader,file={path},addr={address:#x},force-raw=on"]
    done = subprocess.run([*command, *options], input=text, capture_output=True, timeout=timeout, check=False)
    return Result(done.stdout.decode(errors="replace"), done.returncode)
