"""``python -m cosim.torture``, and ``xvmx_run``: run random programs in lockstep, shrink the failing ones."""

import argparse
import os
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass

from cosim.build import Build, Variant, build
from cosim.errors import UserError
from cosim.lockstep.compare import Mismatch
from cosim.lockstep.explain import explain
from cosim.torture.program import generate
from cosim.torture.run import Maker, run_seed, shrink

__all__ = ["Kind", "main", "run_range"]


@dataclass(frozen=True)
class Kind:
    """A kind of random programs.

    Attributes
    ----------
    module: whose command line it is
    make: their generator
    instructions: of each program, unless told
    """

    module: str
    make: Maker
    instructions: int


_PLAIN = Kind("cosim.torture", generate, 30_000)


def _arguments(kind: Kind) -> argparse.Namespace:
    description = "Run random programs in lockstep; shrink those that fail."
    parser = argparse.ArgumentParser(prog=f"python -m {kind.module}", description=description)
    parser.add_argument("--seed", type=int, default=1, help="first seed (default 1)")
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds (default 1)")
    parser.add_argument(
        "--instructions", type=int, default=kind.instructions, help="per seed (default %(default)s)"
    )
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="processes")
    parser.add_argument("--shrink", action="store_true", help="look for a shorter program that fails as well")
    arguments = parser.parse_args()
    if min(arguments.seeds, arguments.instructions, arguments.jobs) < 1:
        parser.error("--seeds, --instructions and --jobs must be at least 1")
    return arguments


def _attempt(kind: Kind, simulator: Build, seed: int, instructions: int) -> tuple[int, str | None]:
    try:
        return run_seed(simulator, seed, instructions, make=kind.make), None
    except Mismatch as mismatch:
        return 0, str(mismatch)


def run_range(
    simulator: Build, seeds: Iterable[int], instructions: int, kind: Kind = _PLAIN
) -> tuple[int, list[str]]:
    """Instructions compared, and what each failing seed has to say, with the command that repeats it."""
    compared, failures = 0, []
    for seed in seeds:
        count, mismatch = _attempt(kind, simulator, seed, instructions)
        compared += count
        if mismatch:
            failures.append(f"{_command(kind, seed, instructions)}\n{mismatch}")
    return compared, failures


def _command(kind: Kind, seed: int, instructions: int) -> str:
    return f"python -m {kind.module} --seed {seed} --instructions {instructions} --shrink"


def _explain(kind: Kind, simulator: Build, seed: int, instructions: int) -> None:
    try:
        run_seed(simulator, seed, instructions, make=kind.make)
    except Mismatch as mismatch:
        print("\n".join(explain(mismatch, _command(kind, seed, instructions)).more))


def _shrink(kind: Kind, simulator: Build, seed: int, instructions: int) -> None:
    shrunk = shrink(simulator, seed, instructions, kind.make)
    print(f"seed {seed} still fails with chunks {sorted(shrunk.chunks)} and these units:")
    for line in shrunk.listing():
        print(line)
    print(shrunk.mismatch)


def main(kind: Kind = _PLAIN) -> int:
    """Exit status 0 if all seeds agree, 1 if one does not, 2 if they cannot be run."""
    arguments = _arguments(kind)
    try:
        simulator = build(Variant.OBSERVE, report=lambda line: print(line, file=sys.stderr))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    compared, failed = 0, []
    with ProcessPoolExecutor(arguments.jobs) as pool:
        runs = {
            pool.submit(_attempt, kind, simulator, seed, arguments.instructions): seed
            for seed in range(arguments.seed, arguments.seed + arguments.seeds)
        }
        for run in as_completed(runs):
            count, mismatch = run.result()
            compared += count
            if mismatch:
                failed.append(runs[run])
                print(f"seed {runs[run]}: {mismatch}\n", flush=True)
    print(f"{compared} instructions and traps agree; failing seeds: {sorted(failed) or 'none'}")
    for seed in sorted(failed):
        _explain(kind, simulator, seed, arguments.instructions)
        if arguments.shrink:
            _shrink(kind, simulator, seed, arguments.instructions)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
