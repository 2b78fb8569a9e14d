"""The measuring programs' sources, and how to build them.

Assembly programs (``.S`` over ``bench.inc``) leave rows of samples at ``results``; C programs (over
``workloads.h``) leave two words, cycles and instructions.
"""

import hashlib
import os
import subprocess
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path

from cosim.build import cache_folder
from cosim.errors import UserError

__all__ = ["SAMPLES", "build_program"]

SAMPLES = 100
"""Values in a row of an assembly program's results (SAMPLES of bench.inc)."""

_HERE = Path(__file__).parent
_CPU = "-mcpu=baseline_rv64-d-f+h+zicsr+zifencei"
_FLAGS = (
    "-target riscv64-freestanding-none -nostdlib -ffreestanding -mcmodel=medany -fno-stack-protector -O3 "
    f"-fno-sanitize=all {_CPU}"
).split()


@cache
def _fingerprint() -> str:
    """Of all sources and the compiler."""
    digest = hashlib.sha256(f"{_FLAGS} {version('ziglang')}".encode())
    for path in sorted(_HERE.iterdir()):
        if path.suffix in (".S", ".c", ".h", ".inc", ".ld"):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def build_program(name: str) -> Path:
    """The ELF file of program ``name``, built if the cache has none of these sources."""
    source = next((path for path in (_HERE / f"{name}.S", _HERE / f"{name}.c") if path.exists()), None)
    if source is None:
        raise UserError(f"there is no measuring program {name!r}")
    target = cache_folder() / "bench" / f"{name}-{_fingerprint()}.elf"
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_suffix(f".{os.getpid()}.part")
    command = [sys.executable, "-m", "ziglang", "cc", *_FLAGS, f"-Wl,-T,{_HERE / 'link.ld'}", f"-I{_HERE}"]
    done = subprocess.run([*command, str(source), "-o", str(draft)], capture_output=True, text=True)
    if done.returncode:
        draft.unlink(missing_ok=True)
        first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip())
        raise UserError(f"{source.name} does not build: {first}")
    draft.rename(target)
    return target
