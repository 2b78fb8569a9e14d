"""``python -m cosim.torture``: run random programs in lockstep, shrink the failing ones."""

import argparse
import os
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed

from cosim.build import Build, Variant, build
from cosim.errors import UserError
from cosim.lockstep.compare import Mismatch
from cosim.lockstep.explain import explain
from cosim.torture.run import run_seed, shrink

__all__ = ["main", "run_range"]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m cosim.torture", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="first seed (default 1)")
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds (default 1)")
    parser.add_argument("--instructions", type=int, default=30_000, help="per seed (default 30000)")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="processes")
    parser.add_argument("--shrink", action="store_true", help="look for a shorter program that fails as well")
    arguments = parser.parse_args()
    if min(arguments.seeds, arguments.instructions, arguments.jobs) < 1:
        parser.error("--seeds, --instructions and --jobs must be at least 1")
    return arguments


def _attempt(simulator: Build, seed: int, instructions: int) -> tuple[int, str | None]:
    try:
        return run_seed(simulator, seed, instructions), None
    except Mismatch as mismatch:
        return 0, str(mismatch)


def run_range(simulator: Build, seeds: Iterable[int], instructions: int) -> tuple[int, list[str]]:
    """Instructions compared, and what each failing seed has to say, with the command that repeats it."""
    compared, failures = 0, []
    for seed in seeds:
        count, mismatch = _attempt(simulator, seed, instructions)
        compared += count
        if mismatch:
            failures.append(f"{_command(seed, instructions)}\n{mismatch}")
    return compared, failures


def _command(seed: int, instructions: int) -> str:
    return f"python -m cosim.torture --seed {seed} --instructions {instructions} --shrink"


def _explain(simulator: Build, seed: int, instructions: int) -> None:
    try:
        run_seed(simulator, seed, instructions)
    except Mismatch as mismatch:
        print("\n".join(explain(mismatch, _command(seed, instructions)).more))


def _shrink(simulator: Build, seed: int, instructions: int) -> None:
    shrunk = shrink(simulator, seed, instructions)
    print(f"seed {seed} still fails with chunks {sorted(shrunk.chunks)} and these units:")
    for line in shrunk.listing():
        print(line)
    print(shrunk.mismatch)


def main() -> int:
    """Exit status 0 if all seeds agree, 1 if one does not, 2 if they cannot be run."""
    arguments = _arguments()
    try:
        simulator = build(Variant.OBSERVE, report=lambda line: print(line, file=sys.stderr))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    compared, failed = 0, []
    with ProcessPoolExecutor(arguments.jobs) as pool:
        runs = {
            pool.submit(_attempt, simulator, seed, arguments.instructions): seed
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
        _explain(simulator, seed, arguments.instructions)
        if arguments.shrink:
            _shrink(simulator, seed, arguments.instructions)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
