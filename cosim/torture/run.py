"""Runs seeds in lockstep, and shrinks those that fail."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from cosim.build import Build
from cosim.job import Job
from cosim.lockstep.compare import Mismatch
from cosim.lockstep.run import compare_job
from cosim.model.decode import decode
from cosim.model.machine import Machine
from cosim.torture.layout import MEMORY
from cosim.torture.program import Torture, generate

__all__ = ["Maker", "Shrunk", "run_seed", "shrink", "torture_job"]

_CYCLES_PER_INSTRUCTION = 200

Maker = Callable[[int, Collection[int] | None, Collection[tuple[int, int]]], Torture]
"""A generator of programs: from a seed, some chunks of its program, without some units (chunk, unit)."""


def run_seed(
    simulator: Build,
    seed: int,
    instructions: int,
    chunks: Collection[int] | None = None,
    left_out: Collection[tuple[int, int]] = (),
    prepare: Callable[[Machine], None] | None = None,
    make: Maker = generate,
) -> int:
    """Instructions and traps compared; raises Mismatch.

    ``chunks`` and ``left_out`` choose parts of the program that ``make`` makes; ``prepare`` gets the model
    before it runs.
    """
    job = torture_job(make(seed, chunks, left_out), instructions)
    return compare_job(simulator, job, limit=instructions, prepare=prepare).count


def torture_job(torture: Torture, instructions: int) -> Job:
    """A run that is long enough for so many instructions."""
    return Job(
        torture.program,
        memory=MEMORY,
        latency=torture.latency,
        max_cycles=instructions * (_CYCLES_PER_INSTRUCTION + torture.latency) + 100_000,
        stress=torture.stress,
    )


@dataclass
class Shrunk:
    """Part of a seed's program that still fails.

    Attributes
    ----------
    chunks: the ones that are left
    left_out: (chunk, unit) that are not
    mismatch: how it fails; None if it does not
    """

    seed: int
    chunks: list[int]
    mismatch: Mismatch | None = None
    left_out: set[tuple[int, int]] = field(default_factory=set)
    make: Maker = generate

    def listing(self) -> Iterator[str]:
        """The code that is left, a line per instruction."""
        torture = self.make(self.seed, self.chunks, self.left_out)
        for chunk in self.chunks:
            for number, unit in enumerate(torture.units[chunk]):
                if (chunk, number) not in self.left_out:
                    yield from (f"  {chunk:2}.{number:<3} {text}" for text in _instructions(unit))


def _instructions(code: bytes) -> Iterator[str]:
    at = 0
    while at < len(code):
        size = 4 if code[at] & 3 == 3 else 2
        bits = int.from_bytes(code[at : at + size], "little")
        d = decode(bits)
        yield f"{bits:0{2 * size}x}  {d.name} rd=x{d.rd} rs1=x{d.rs1} rs2=x{d.rs2} imm={d.immediate:#x}"
        at += size


def shrink(simulator: Build, seed: int, instructions: int, make: Maker = generate) -> Shrunk:
    """A shorter program that fails as well: first without whole chunks, then without units."""

    def fails(chunks: list[int], left_out: set[tuple[int, int]]) -> Mismatch | None:
        try:
            run_seed(simulator, seed, instructions, chunks, left_out, make=make)
        except Mismatch as mismatch:
            return mismatch
        return None

    units = make(seed, None, ()).units
    best = Shrunk(seed, list(range(len(units))), make=make)
    best.mismatch = fails(best.chunks, best.left_out)
    if best.mismatch is None:
        return best
    for chunk in list(best.chunks):
        rest = [n for n in best.chunks if n != chunk]
        failure = fails(rest, best.left_out) if rest else None
        if failure:
            best.chunks, best.mismatch = rest, failure
    for chunk in best.chunks:
        size = len(units[chunk])
        while size := size // 2:
            for first in range(0, len(units[chunk]), size):
                more = {
                    (chunk, n) for n in range(first, min(first + size, len(units[chunk])))
                } - best.left_out
                failure = fails(best.chunks, best.left_out | more) if more else None
                if failure:
                    best.left_out, best.mismatch = best.left_out | more, failure
    return best
