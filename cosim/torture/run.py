"""Runs seeds in lockstep, and shrinks those that fail."""

from collections.abc import Collection

from cosim.build import Build
from cosim.lockstep.compare import Mismatch
from cosim.lockstep.run import compare_program
from cosim.torture.layout import MEMORY
from cosim.torture.program import generate

__all__ = ["run_seed", "shrink"]

_CYCLES_PER_INSTRUCTION = 60


def run_seed(
    simulator: Build,
    seed: int,
    instructions: int,
    chunks: Collection[int] | None = None,
    left_out: Collection[tuple[int, int]] = (),
) -> int:
    """Instructions and traps compared; raises Mismatch."""
    torture = generate(seed, chunks, left_out)
    return compare_program(
        simulator,
        torture.program,
        max_cycles=instructions * (_CYCLES_PER_INSTRUCTION + torture.latency) + 100_000,
        latency=torture.latency,
        memory=MEMORY,
        limit=instructions,
    )


def _fails(simulator: Build, seed: int, instructions: int, chunks, left_out) -> Mismatch | None:
    try:
        run_seed(simulator, seed, instructions, chunks, left_out)
    except Mismatch as mismatch:
        return mismatch
    return None


def shrink(
    simulator: Build, seed: int, instructions: int
) -> tuple[list[int], set[tuple[int, int]], Mismatch | None]:
    """Chunks and left-out units of a shorter program that fails as well, and how it fails."""
    units = generate(seed).units
    chunks = list(range(len(units)))
    left_out: set[tuple[int, int]] = set()
    found = _fails(simulator, seed, instructions, chunks, left_out)
    if found is None:
        return chunks, left_out, None
    for chunk in list(chunks):
        rest = [n for n in chunks if n != chunk]
        failure = _fails(simulator, seed, instructions, rest, left_out) if rest else None
        if failure:
            chunks, found = rest, failure
    for chunk in chunks:
        size = units[chunk]
        while size := size // 2:
            for first in range(0, units[chunk], size):
                more = {(chunk, n) for n in range(first, first + size)} - left_out
                failure = _fails(simulator, seed, instructions, chunks, left_out | more) if more else None
                if failure:
                    left_out, found = left_out | more, failure
    return chunks, left_out, found
