"""Looks for a test that notices a fault."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cosim.build import Build, Variant, cache_folder
from cosim.elf import read_elf
from cosim.errors import UserError
from cosim.job import Job
from cosim.lockstep.compare import Mismatch
from cosim.lockstep.run import compare_job
from cosim.mutation.fault import Fault, is_for_xvmx
from cosim.mutation.faults import FAULTS
from cosim.mutation.tree import ROOT, write_tree
from cosim.torture.run import run_seed
from cosim.torture.xvmx_run import run_xvmx_seed

__all__ = ["Hunt", "Outcome", "prepare"]

_VARIABLE = "BIVISOR_FAULT"
_MAX_CYCLES = 2_000_000
_INSTRUCTIONS = 30_000
_XVMX_INSTRUCTIONS = 15_000
_FIRST_SEED = 20_000
_FIRST_XVMX_SEED = 0
_CONTENT: set[tuple[Path, str]] = set()
"""Tests that this process has seen to be content without a fault, each with the tree that they ran on."""
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
    only_random: try no others
    """

    tree: Path
    simulator: Build
    programs: Path
    seeds: int
    only_random: bool = False

    def hunt(self, fault: Fault) -> Outcome:
        """Try the tests meant for the fault, then all directed programs, then random ones; of those for Xvmx
        and the others first those that are the fault's kind.

        Whatever notices the fault must be content without it; else UserError.
        """
        begun = time.monotonic()
        number = FAULTS.index(fault) + 1
        tried = 0
        for name, notices in self._detectors(fault):
            tried += 1
            if not notices(number):
                continue
            if (self.tree, name) not in _CONTENT and notices(0):
                raise UserError(f"{name} fails without a fault too: repair that first")
            _CONTENT.add((self.tree, name))
            return Outcome(fault, name, tried, time.monotonic() - begun)
        return Outcome(fault, None, tried, time.monotonic() - begun)

    def _detectors(self, fault: Fault) -> Iterator[tuple[str, Callable[[int], bool]]]:
        if not self.only_random:
            for name in fault.programs:
                yield name, self._program(name)
            for unit in fault.units:
                yield unit, self._unit(unit)
        for of_xvmx in (fault.of_xvmx, not fault.of_xvmx):
            for path in () if self.only_random else sorted(self.programs.glob("*.elf")):
                if is_for_xvmx(path.stem) == of_xvmx and path.stem not in fault.programs:
                    yield path.stem, self._program(path.stem)
            if of_xvmx:
                for seed in range(_FIRST_XVMX_SEED, _FIRST_XVMX_SEED + self.seeds):
                    yield f"Xvmx torture seed {seed}", self._seed(run_xvmx_seed, seed, _XVMX_INSTRUCTIONS)
            else:
                for seed in range(_FIRST_SEED, _FIRST_SEED + self.seeds):
                    yield f"torture seed {seed}", self._seed(run_seed, seed, _INSTRUCTIONS)

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

    def _seed(self, run: Callable[[Build, int, int], int], seed: int, instructions: int):
        def notices(number: int) -> bool:
            os.environ[_VARIABLE] = str(number)
            try:
                return run(self.simulator, seed, instructions) < instructions
            except Mismatch:
                return True

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


def prepare(folder: Path, seeds: int, only_random: bool = False) -> Hunt:
    """Write the faulty tree to ``folder``, build its simulator and the directed programs."""
    tree, programs = folder / "tree", folder / "programs"
    tree.mkdir()
    write_tree(tree)
    built = _run([sys.executable, "-c", _BUILD], tree, _environment(tree))
    _run([sys.executable, "-m", "tests.isa.build", str(programs)], ROOT, dict(os.environ))
    return Hunt(tree, Build(Path(built.splitlines()[-1]), Variant.OBSERVE), programs, seeds, only_random)


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"{' '.join(command[1:3])} failed: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout
