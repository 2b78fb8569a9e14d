"""Many small programs, each on a machine of its own: pass or fail, and signatures."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from cosim.build import Build
from cosim.elf import read_elf
from cosim.errors import UserError
from cosim.job import BARE_MEMORY, Job
from cosim.result import Result
from cosim.simulate import run_plain

__all__ = ["Rules", "Verdict", "find_programs", "run_suite"]


@dataclass(frozen=True)
class Rules:
    """How the programs run and when one has passed.

    Attributes
    ----------
    memory, latency, max_cycles: of the machine, see :class:`cosim.job.Job`
    until: a program that never ends (it idles in wfi) ends when it has printed this, and has passed
    fail_on: a program that prints one of these has failed, however it ends
    signatures: folder for ``<name>.signature``: begin_signature..end_signature as lines of one little-endian
        32-bit word in hexadecimal
    logs: folder for ``<name>.log``: what the program printed
    lockstep: compare every instruction with the golden model (on an observing simulator)
    """

    memory: int = BARE_MEMORY
    latency: int = 1
    max_cycles: int = 50_000_000
    until: str | None = None
    fail_on: tuple[str, ...] = ()
    signatures: Path | None = None
    logs: Path | None = None
    lockstep: bool = False


@dataclass(frozen=True)
class Verdict:
    """What became of one program; ``problem`` is empty if it passed, ``report`` has more about it."""

    path: Path
    problem: str
    result: Result | None = None
    report: str = ""


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


def run_suite(build: Build, paths: list[Path], *, jobs: int, rules: Rules) -> Iterator[Verdict]:
    """Run programs, ``jobs`` at a time; verdicts come in the order of ``paths``."""

    one = partial(_judge, build, rules)
    # In lockstep the work is Python's.
    with ProcessPoolExecutor(jobs) if rules.lockstep else ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(one, paths)


def _judge(build: Build, rules: Rules, path: Path) -> Verdict:
    try:
        return _run(build, path, rules)
    except UserError as error:
        return Verdict(path, str(error).removeprefix(f"{path}: "))


def _simulate(build: Build, path: Path, job: Job, rules: Rules) -> Result | Verdict:
    """The run's result, or a mismatch in lockstep as a verdict."""
    if not rules.lockstep:
        return run_plain(build, job)
    from cosim.lockstep.compare import Mismatch
    from cosim.lockstep.explain import bare_command, explain
    from cosim.lockstep.run import compare_job

    try:
        result = compare_job(build, job).result
    except Mismatch as mismatch:
        explain(mismatch, bare_command(path, job))
        return Verdict(path, "hardware and model disagree", None, str(mismatch))
    assert result is not None
    return result


def _run(build: Build, path: Path, rules: Rules) -> Verdict:
    program = read_elf(path)
    with TemporaryDirectory(prefix="bivisor-") as folder:
        dumps = []
        raw = Path(folder, "signature")
        if rules.signatures:
            try:
                begin, end = program.symbols["begin_signature"], program.symbols["end_signature"]
            except KeyError:
                return Verdict(path, "has no begin_signature and end_signature")
            if end > begin:
                dumps.append((begin, end - begin, raw))
        job = Job(
            program,
            memory=rules.memory,
            latency=rules.latency,
            max_cycles=rules.max_cycles,
            until=rules.until,
            dumps=dumps,
        )
        result = _simulate(build, path, job, rules)
        if isinstance(result, Verdict):
            return result
        if rules.signatures:
            write_signature(rules.signatures / (path.name + ".signature"), raw.read_bytes() if dumps else b"")
    if rules.logs:
        (rules.logs / (path.name + ".log")).write_text(result.console)
    return Verdict(path, _problem(result, rules), result)


def _problem(result: Result, rules: Rules) -> str:
    """What is wrong with how a program ended; empty if nothing is."""
    for text in rules.fail_on:
        if text in result.console:
            return f"printed {text!r}"
    if result.outcome == "limit":
        hint = "; if it only idles, see --until" if result.console and rules.until is None else ""
        return f"still running after {rules.max_cycles:,} cycles, at pc {result.pc:#x}{hint}"
    if result.outcome == "reset":
        return "asked for a reset"
    return f"ended with code {result.code}" if result.outcome == "exit" and result.code else ""


def write_signature(path: Path, data: bytes) -> None:
    """Memory as lines of one little-endian 32-bit word in hexadecimal."""
    data += bytes(-len(data) % 4)
    words = (int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4))
    path.write_text("".join(f"{word:08x}\n" for word in words))
