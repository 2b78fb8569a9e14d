"""Runs programs in lockstep with the coverage counted."""

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from cosim.build import Build
from cosim.coverage.collector import Collector
from cosim.coverage.group import Bin
from cosim.coverage.results import Coverage
from cosim.elf import read_elf
from cosim.job import Job
from cosim.lockstep.compare import Mismatch
from cosim.lockstep.run import compare_job
from cosim.model.machine import Machine
from cosim.torture.program import generate
from cosim.torture.run import torture_job
from cosim.torture.sweep import SWEEP_INSTRUCTIONS, sweep_program
from cosim.torture.xvmx import generate_xvmx
from cosim.torture.xvmx_sweep import XVMX_SWEEP_INSTRUCTIONS, xvmx_sweep_program
from rtl.isa.memory_map import DRAM_SIZE_MIN

__all__ = ["Task", "covered", "measure", "task_job"]

_MAX_CYCLES = 20_000_000


@dataclass(frozen=True)
class Task:
    """A program to run: an ELF file, so many instructions of a torture seed (``xvmx``: of those for Xvmx), or
    without both the sweep (``xvmx``: that without the H extension)."""

    path: Path | None = None
    seed: int | None = None
    instructions: int = 0
    xvmx: bool = False

    def __str__(self) -> str:
        if self.path:
            return str(self.path)
        kind = "Xvmx torture" if self.xvmx else "torture"
        if self.seed is None:
            return "CSR sweep without H" if self.xvmx else "CSR sweep"
        return f"{kind} seed {self.seed}"


def task_job(task: Task) -> Job:
    """The run of ``task``."""
    if task.path is not None:
        return Job(read_elf(task.path), max_cycles=_MAX_CYCLES)
    if task.seed is not None:
        make = generate_xvmx if task.xvmx else generate
        return torture_job(make(task.seed), task.instructions)
    program = xvmx_sweep_program() if task.xvmx else sweep_program()
    return Job(program, memory=DRAM_SIZE_MIN, max_cycles=_MAX_CYCLES)


def covered(simulator: Build, task: Task) -> tuple[int, dict[str, Counter[Bin]]]:
    """Instructions compared, and bins hit; raises Mismatch."""
    collectors: list[Collector] = []

    def prepare(machine: Machine) -> None:
        collectors.append(Collector(machine.hart))

    limit = XVMX_SWEEP_INSTRUCTIONS if task.xvmx else SWEEP_INSTRUCTIONS
    if task.seed is not None:
        limit = task.instructions
    job = task_job(task)
    compared = compare_job(simulator, job, limit=None if task.path else limit, prepare=prepare).count
    return compared, collectors[0].finish()


def _attempt(simulator: Build, task: Task) -> tuple[int, dict[str, Counter[Bin]], str | None]:
    try:
        return *covered(simulator, task), None
    except Mismatch as mismatch:
        return 0, {}, str(mismatch)


def measure(
    simulator: Build, tasks: Iterable[Task], coverage: Coverage, jobs: int = 1
) -> Iterator[tuple[Task, str | None]]:
    """Add what ``tasks`` hit to ``coverage``; yields each finished task and its mismatch, if any."""
    if jobs == 1:
        for task in tasks:
            compared, hits, mismatch = _attempt(simulator, task)
            coverage.add(hits, compared)
            yield task, mismatch
        return
    with ProcessPoolExecutor(jobs) as pool:
        runs = {pool.submit(_attempt, simulator, task): task for task in tasks}
        for run in as_completed(runs):
            compared, hits, mismatch = run.result()
            coverage.add(hits, compared)
            yield runs[run], mismatch
