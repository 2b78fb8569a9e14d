"""The measuring programs' sources, and what builds them: the project's clang, or a GCC that is installed.

Assembly programs (``.S`` over ``bench.inc``) leave rows of samples at ``results``; C programs (over
``workloads.h``) leave two words, cycles and instructions.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from cosim.build import cache_folder
from cosim.errors import UserError

__all__ = ["SAMPLES", "Compiler", "build_program", "clang", "find_gcc"]

SAMPLES = 100
"""Values in a row of an assembly program's results (SAMPLES of bench.inc)."""

_HERE = Path(__file__).parent
_FLAGS = "-nostdlib -ffreestanding -mcmodel=medany -fno-stack-protector -O3".split()
_CLANG_FLAGS = (
    "-target riscv64-freestanding-none -fno-sanitize=all -mcpu=baseline_rv64-d-f+h+zicsr+zifencei".split()
)
_GCC_FLAGS = "-march=rv64imac_zicsr_zifencei -mabi=lp64 -static -no-pie -fno-pic".split()
_GCCS = ("riscv64-linux-gnu-gcc", "riscv64-unknown-elf-gcc", "riscv64-elf-gcc")


@dataclass(frozen=True)
class Compiler:
    """A compiler for RV64IMAC, without a C library.

    Attributes
    ----------
    name: with its version, for people
    command: its first words, flags included
    """

    name: str
    command: tuple[str, ...]


@cache
def clang() -> Compiler:
    """The project's own, from the ``ziglang`` package."""
    command = (sys.executable, "-m", "ziglang", "cc", *_CLANG_FLAGS, *_FLAGS)
    return Compiler(f"clang of ziglang {version('ziglang')}", command)


@cache
def find_gcc() -> Compiler | None:
    """The first cross GCC on the path, if there is one."""
    for name in _GCCS:
        if path := shutil.which(name):
            asked = subprocess.run([path, "-dumpfullversion"], capture_output=True, text=True)
            return Compiler(f"{name} {asked.stdout.strip()}", (path, *_GCC_FLAGS, *_FLAGS))
    return None


@cache
def _fingerprint(compiler: Compiler) -> str:
    """Of all sources and the compiler."""
    digest = hashlib.sha256(f"{compiler.name} {compiler.command[1:]}".encode())
    for path in sorted(_HERE.iterdir()):
        if path.suffix in (".S", ".c", ".h", ".inc", ".ld"):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def build_program(name: str, compiler: Compiler | None = None) -> Path:
    """The ELF file of program ``name``, built if the cache has none of these sources; by clang unless told
    otherwise."""
    compiler = compiler or clang()
    source = next((path for path in (_HERE / f"{name}.S", _HERE / f"{name}.c") if path.exists()), None)
    if source is None:
        raise UserError(f"there is no measuring program {name!r}")
    target = cache_folder() / "bench" / f"{name}-{_fingerprint(compiler)}.elf"
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_suffix(f".{os.getpid()}.part")
    command = [*compiler.command, f"-Wl,-T,{_HERE / 'link.ld'}", f"-I{_HERE}", str(source), "-o", str(draft)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        draft.unlink(missing_ok=True)
        first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip())
        raise UserError(f"{source.name} does not build with {compiler.name}: {first}")
    draft.rename(target)
    return target
