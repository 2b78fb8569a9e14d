"""Looks for a test that notices a fault."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cosim.build import Build, Variant, cache_folder
from cosim.elf import read_elf
from cosim.errors import UserError
from cosim.job import Job
from cosim.lockstep.compare import Mismatch
from cosim.lockstep.run import compare_job
from cosim.mutation.fault import Fault
from cosim.mutation.faults import FAULTS
from cosim.mutation.tree import ROOT, write_tree
from cosim.torture.run import run_seed

__all__ = ["Hunt", "Outcome", "prepare"]

_VARIABLE = "BIVISOR_FAULT"
_MAX_CYCLES = 2_000_000
_INSTRUCTIONS = 30_000
_FIRST_SEED = 20_000
_BUILD = "from cosim.build import Variant, build; print(build(Variant.OBSERVE).folder)"


@dataclass(frozen=True)
class Outcome:
    """What noticed the fault; ``detector`` is None if nothing did. ``tried``: how many tests ran."""

    fault: Fault
    detector: str | None
    tried: int
    seconds: float


@dataclass
class Hunt:
    """The means.

    Attributes
    ----------
    tree: faulty sources
    simulator: built from them
    programs: folder of directed programs
    seeds: number of random programs
    """

    tree: Path
    simulator: Build
    programs: Path
    seeds: int
    _clean: set[str] = field(default_factory=set)

    def hunt(self, fault: Fault) -> Outcome:
        """Try the tests meant for the fault, then all directed programs, then random ones.

        Whatever notices the fault must be content without it; else UserError.
        """
        begun = time.monotonic()
        number = FAULTS.index(fault) + 1
        tried = 0
        for name, notices in self._detectors(fault):
            tried += 1
            if not notices(number):
                continue
            if name not in self._clean and notices(0):
                raise UserError(f"{name} fails without a fault too: repair that first")
            self._clean.add(name)
            return Outcome(fault, name, tried, time.monotonic() - begun)
        return Outcome(fault, None, tried, time.monotonic() - begun)

    def _detectors(self, fault: Fault) -> Iterator[tuple[str, Callable[[int], bool]]]:
        others = sorted(path.stem for path in self.programs.glob("*.elf"))
        for name in fault.programs:
            yield name, self._program(name)
        for unit in fault.units:
            yield unit, self._unit(unit)
        for name in others:
            if name not in fault.programs:
                yield name, self._program(name)
        for seed in range(_FIRST_SEED, _FIRST_SEED + self.seeds):
            yield f"torture seed {seed}", self._seed(seed)

    def _program(self, name: str) -> Callable[[int], bool]:
        def notices(number: int) -> bool:
            os.environ[_VARIABLE] = str(number)
            job = Job(read_elf(self.programs / f"{name}.elf"), max_cycles=_MAX_CYCLES)
            try:
                result = compare_job(self.simulator, job).result
            except Mismatch:
                return True
            return result is None or result.outcome != "exit" or result.code != 0

        return notices

    def _seed(self, seed: int) -> Callable[[int], bool]:
        def notices(number: int) -> bool:
            os.environ[_VARIABLE] = str(number)
            try:
                run_seed(self.simulator, seed, _INSTRUCTIONS)
            except Mismatch:
                return True
            return False

        return notices

    def _unit(self, name: str) -> Callable[[int], bool]:
        """pytest in the faulty tree, where components are elaborated with the fault."""

        def notices(number: int) -> bool:
            command = [sys.executable, "-m", "pytest", "-x", "-q", "-n0", "-p", "no:cacheprovider", name]
            done = subprocess.run(
                command,
                cwd=self.tree,
                env=_environment(self.tree) | {_VARIABLE: str(number)},
                capture_output=True,
                text=True,
            )
            if done.returncode not in (0, 1):
                raise UserError(f"pytest {name}: {done.stdout.strip().splitlines()[-1]}")
            return done.returncode == 1

        return notices


def _environment(tree: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != _VARIABLE}
    return kept | {"PYTHONPATH": str(tree), "BIVISOR_CACHE": str(cache_folder())}


def prepare(folder: Path, seeds: int) -> Hunt:
    """Write the faulty tree to ``folder``, build its simulator and the directed programs."""
    tree, programs = folder / "tree", folder / "programs"
    tree.mkdir()
    write_tree(tree)
    built = _run([sys.executable, "-c", _BUILD], tree, _environment(tree))
    _run([sys.executable, "-m", "tests.isa.build", str(programs)], ROOT, dict(os.environ))
    for program in programs.glob("xvmx_*.elf"):  # for another configuration of the core
        program.unlink()
    return Hunt(tree, Build(Path(built.splitlines()[-1]), Variant.OBSERVE), programs, seeds)


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"{' '.join(command[1:3])} failed: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout
