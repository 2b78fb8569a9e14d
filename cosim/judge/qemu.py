"""QEMU's ``virt`` machine: whether it is here, and what a program leaves in its memory."""

import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from cosim.elf import Program
from cosim.errors import UserError
from cosim.judge.csr_units import QEMU_COUNTERS
from rtl.isa.memory_map import DRAM_BASE

__all__ = ["QEMU", "QEMU_CPU", "image", "qemu_memory", "qemu_missing"]

QEMU = "qemu-system-riscv64"
_OLDEST = 9
"""First major version that can be cut to our instruction set (``rv64i``) with Svade and Sstc by name."""

QEMU_CPU = (
    "rv64i,m=on,a=on,c=on,s=on,u=on,h=on,zicsr=on,zifencei=on,zicntr=on,zihpm=on,zihintpause=on,"
    "mmu=on,pmp=on,sv39=on,sstc=on,svadu=on,svade=on,svinval=on,"
    f"debug=off,pmu-mask={QEMU_COUNTERS:#x}"
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


def image(program: Program, memory: int) -> bytes:
    """``memory`` bytes of DRAM with ``program`` in it."""
    contents = bytearray(memory)
    for segment in program.segments:
        offset = segment.address - DRAM_BASE
        contents[offset : offset + len(segment.data)] = segment.data
    return bytes(contents)


def qemu_memory(program: Program, memory: int, timeout: float = 60) -> bytes:
    """DRAM (``memory`` bytes) when ``program``, which begins at DRAM's first address, has ended through the
    test finisher; a UserError says that it did not within ``timeout`` seconds, or that QEMU would not run.

    QEMU's memory is a file, which is read when QEMU has gone: nothing is polled.
    """
    if why := qemu_missing():
        raise UserError(why)
    with tempfile.TemporaryDirectory() as folder:
        ram = Path(folder) / "ram"
        ram.write_bytes(image(program, memory))
        command = [QEMU, "-M", "virt,memory-backend=ram", "-cpu", QEMU_CPU, "-m", f"{memory >> 10}K"]
        command += ["-object", f"memory-backend-file,id=ram,size={memory},mem-path={ram},share=on"]
        command += ["-accel", "tcg,thread=single", "-bios", "none", "-no-reboot", "-nodefaults"]
        command += ["-display", "none", "-monitor", "none", "-serial", "none"]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL
            )
        except subprocess.TimeoutExpired:
            late = f"not at its end on QEMU after {timeout:.0f} seconds: use a longer timeout"
            raise UserError(f"{program.name}: {late}") from None
        if done.returncode:
            raise UserError(
                f"{program.name}: QEMU ended with status {done.returncode}: {done.stderr.strip()}"
            )
        return ram.read_bytes()
