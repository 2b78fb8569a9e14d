"""Runs a program on QEMU's ``virt`` machine, the judge that nobody here wrote."""

import shutil
import subprocess
from pathlib import Path

__all__ = ["qemu_missing", "run_on_qemu"]

_TOOL = "qemu-system-riscv64"
_CPU = (
    "rv64i,m=on,a=on,c=on,s=on,u=on,h=on,zicsr=on,zifencei=on,zicntr=on,zihpm=on,zihintpause=on,"
    "mmu=on,pmp=on,sv39=on,sstc=on,svadu=on,svade=on,svinval=on"
)


def qemu_missing() -> str | None:
    """Why QEMU cannot be used here, or None."""
    if shutil.which(_TOOL) is None:
        return f"{_TOOL} is not installed (apt install qemu-system-misc)"
    return None


def run_on_qemu(elf: Path, timeout: float = 20) -> int:
    """Exit status of ``elf``: 0 pass, else 128 + (failing test modulo 128)."""
    command = [_TOOL, "-M", "virt", "-cpu", _CPU, "-m", "128M", "-display", "none", "-monitor", "none"]
    command += ["-serial", "none", "-bios", "none", "-kernel", str(elf)]
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL
    )
    return result.returncode
