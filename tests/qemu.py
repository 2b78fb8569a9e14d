"""QEMU as the second opinion: whether it is here, and recent enough."""

import re
import shutil
import subprocess
from functools import cache

import pytest

__all__ = ["QEMU", "QEMU_CPU", "needs_qemu", "qemu_missing"]

QEMU = "qemu-system-riscv64"
_OLDEST = 9
"""First major version that can be cut to our instruction set (``rv64i``) with Svade and Sstc by name."""

QEMU_CPU = (
    "rv64i,m=on,a=on,c=on,s=on,u=on,h=on,zicsr=on,zifencei=on,zicntr=on,zihpm=on,zihintpause=on,"
    "mmu=on,pmp=on,sv39=on,sstc=on,svadu=on,svade=on,svinval=on"
)
"""Our instruction set as a ``-cpu`` option."""


@cache
def qemu_missing() -> str | None:
    """Why QEMU cannot be used here, or None."""
    advice = "apt install -t bookworm-backports qemu-system-riscv"
    if shutil.which(QEMU) is None:
        return f"{QEMU} is not installed: {advice}"
    printed = subprocess.run([QEMU, "--version"], capture_output=True, text=True, check=True).stdout
    version = re.search(r"version (\d+)", printed)
    if version is None or int(version.group(1)) < _OLDEST:
        return f"{QEMU} is older than version {_OLDEST}: {advice}"
    return None


needs_qemu = pytest.mark.skipif(qemu_missing() is not None, reason=str(qemu_missing()))
