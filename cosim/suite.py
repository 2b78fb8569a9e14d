"""Many small programs, each on a machine of its own: pass or fail, and signatures."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from cosim.build import Build
from cosim.elf import read_elf
from cosim.errors import UserError
from cosim.job import Job
from cosim.result import Result
from cosim.simulate import run_plain

__all__ = ["Verdict", "find_programs", "run_suite"]


@dataclass(frozen=True)
class Verdict:
    """What became of one program; ``problem`` is empty if it passed."""

    path: Path
    problem: str
    result: Result | None = None


def find_programs(folder: Path) -> list[Path]:
    """Every ELF file of a folder, by name; other files are not looked at."""
    if not folder.is_dir():
        raise UserError(f"{folder}: not a folder; give the folder that holds the ELF files")
    found = [path for path in sorted(folder.iterdir()) if path.is_file() and _is_elf(path)]
    if not found:
        raise UserError(f"{folder}: no ELF files in it; build the programs first")
    return found


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def run_suite(
    build: Build,
    paths: list[Path],
    *,
    jobs: int,
    memory: int,
    latency: int,
    max_cycles: int,
    signatures: Path | None = None,
) -> Iterator[Verdict]:
    """Run programs, ``jobs`` at a time; verdicts come in the order of ``paths``.

    ``signatures`` is the folder where ``<name>.signature`` goes: begin_signature..end_signature as lines of
    one little-endian 32-bit word in hexadecimal.
    """

    def one(path: Path) -> Verdict:
        try:
            return _run(build, path, memory, latency, max_cycles, signatures)
        except UserError as error:
            return Verdict(path, str(error).removeprefix(f"{path}: "))

    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(one, paths)


def _run(
    build: Build, path: Path, memory: int, latency: int, max_cycles: int, signatures: Path | None
) -> Verdict:
    program = read_elf(path)
    with TemporaryDirectory(prefix="bivisor-") as folder:
        dumps = []
        raw = Path(folder, "signature")
        if signatures:
            try:
                begin, end = program.symbols["begin_signature"], program.symbols["end_signature"]
            except KeyError:
                return Verdict(path, "has no begin_signature and end_signature")
            if end > begin:
                dumps.append((begin, end - begin, raw))
        job = Job(program, memory=memory, latency=latency, max_cycles=max_cycles, dumps=dumps)
        result = run_plain(build, job)
        if signatures:
            write_signature(signatures / (path.name + ".signature"), raw.read_bytes() if dumps else b"")
    if result.outcome == "limit":
        return Verdict(path, f"still running after {max_cycles:,} cycles, at pc {result.pc:#x}", result)
    if result.outcome == "reset":
        return Verdict(path, "asked for a reset", result)
    return Verdict(path, f"ended with code {result.code}" if result.code else "", result)


def write_signature(path: Path, data: bytes) -> None:
    """Memory as lines of one little-endian 32-bit word in hexadecimal."""
    data += bytes(-len(data) % 4)
    words = (int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4))
    path.write_text("".join(f"{word:08x}\n" for word in words))
