"""Builds the programs of this folder: ``python -m tests.isa.build OUTDIR``.

Each ``programs/*.S`` file and each text of ``generate.py`` becomes one ELF, linked at the start of
DRAM. An ELF is rebuilt only when its text, the frame or the flags changed.
"""

import hashlib
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.isa.generate import generated_programs

__all__ = ["BuildError", "build_all", "build_program", "build_source", "program_names", "xvmx_program_names"]

_HERE = Path(__file__).parent
_PROGRAMS = _HERE / "programs"
_INCLUDE = _HERE / "include"
_CACHE = _HERE.parents[1] / "build" / "isa"
_FLAGS = (
    "-target",
    "riscv64-freestanding-none",
    "-mcpu=baseline_rv64-f-d+h+svinval",
    "-nostdlib",
    "-static",
    "-g",
    "-Wl,-T," + str(_INCLUDE / "link.ld"),
    "-I" + str(_INCLUDE),
)
_XVMX = "xvmx_"


class BuildError(Exception):
    """A program did not assemble or link; the message is the assembler's."""


@cache
def _sources() -> dict[str, str]:
    """Assembly text of every program by name."""
    sources = {path.stem: path.read_text() for path in sorted(_PROGRAMS.glob("*.S"))}
    return sources | dict(generated_programs())


def program_names() -> list[str]:
    """Names of the programs for the ratified architecture, in order."""
    return sorted(name for name in _sources() if not name.startswith(_XVMX))


def xvmx_program_names() -> list[str]:
    """Names of the programs for Xvmx (docs/xvmx.md), in order."""
    return sorted(name for name in _sources() if name.startswith(_XVMX))


@cache
def _frame() -> bytes:
    """Everything besides the program's own text that decides what the ELF holds."""
    files = sorted(_INCLUDE.iterdir())
    return b"".join(path.read_bytes() for path in files) + " ".join(_FLAGS).encode()


def build_program(name: str, *defines: str) -> Path:
    """The ELF of program ``name``, built if need be, with the preprocessor ``defines``."""
    return build_source(name, _sources()[name], *defines)


def build_source(name: str, source: str, *defines: str) -> Path:
    """The ELF of the assembly text ``source``, which may include the frame."""
    key = hashlib.sha256(_frame() + source.encode() + " ".join(defines).encode()).hexdigest()[:16]
    folder = _CACHE / key
    elf = folder / f"{name}.elf"
    if elf.exists():
        return elf
    folder.mkdir(parents=True, exist_ok=True)
    text = folder / f"{name}.{os.getpid()}.S"
    text.write_text(source)
    partial = folder / f"{name}.{os.getpid()}.partial"
    command = [sys.executable, "-m", "ziglang", "cc", *_FLAGS, *(f"-D{define}" for define in defines)]
    result = subprocess.run([*command, str(text), "-o", str(partial)], capture_output=True, text=True)
    if result.returncode:
        raise BuildError(f"{name} does not build:\n{result.stderr}")
    partial.rename(elf)
    text.unlink()
    return elf


def build_all(folder: Path) -> list[Path]:
    """Every program as ``folder/NAME.elf``."""
    folder.mkdir(parents=True, exist_ok=True)
    built = []
    for name in program_names() + xvmx_program_names():
        target = folder / f"{name}.elf"
        target.write_bytes(build_program(name).read_bytes())
        built.append(target)
    return built


def main() -> int:
    """Command line; returns the exit status."""
    if len(sys.argv) != 2:
        print("usage: python -m tests.isa.build OUTDIR", file=sys.stderr)
        return 2
    try:
        built = build_all(Path(sys.argv[1]))
    except (BuildError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{len(built)} programs in {sys.argv[1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
