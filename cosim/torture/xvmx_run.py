"""``python -m cosim.torture.xvmx_run``: random programs for Xvmx in lockstep."""

import argparse
import sys
from collections.abc import Callable, Iterable

from cosim.build import Build, Variant, build
from cosim.errors import UserError
from cosim.lockstep.compare import Mismatch
from cosim.lockstep.run import compare_job
from cosim.model.machine import Machine
from cosim.torture.run import torture_job
from cosim.torture.xvmx import generate_xvmx

__all__ = ["main", "run_xvmx_range", "run_xvmx_seed"]


def run_xvmx_seed(
    simulator: Build, seed: int, instructions: int, prepare: Callable[[Machine], None] | None = None
) -> int:
    """Instructions, traps and exits compared; raises Mismatch. ``prepare`` gets the model before it runs."""
    job = torture_job(generate_xvmx(seed), instructions)
    return compare_job(simulator, job, limit=instructions, prepare=prepare).count


def run_xvmx_range(simulator: Build, seeds: Iterable[int], instructions: int) -> tuple[int, list[str]]:
    """Instructions compared, and what each failing seed has to say, with the command that repeats it."""
    compared, failures = 0, []
    for seed in seeds:
        try:
            compared += run_xvmx_seed(simulator, seed, instructions)
        except Mismatch as mismatch:
            command = f"python -m cosim.torture.xvmx_run --seed {seed} --instructions {instructions}"
            failures.append(f"{command}\n{mismatch}")
    return compared, failures


def main() -> int:
    """Exit status 0 if all seeds agree, 1 if one does not, 2 if they cannot be run."""
    parser = argparse.ArgumentParser(prog="python -m cosim.torture.xvmx_run", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="first seed (default 1)")
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds (default 1)")
    parser.add_argument("--instructions", type=int, default=20_000, help="per seed (default 20000)")
    options = parser.parse_args()
    if min(options.seeds, options.instructions) < 1:
        parser.error("--seeds and --instructions must be at least 1")
    try:
        simulator = build(Variant.OBSERVE, report=lambda line: print(line, file=sys.stderr))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    seeds = range(options.seed, options.seed + options.seeds)
    compared, failures = run_xvmx_range(simulator, seeds, options.instructions)
    print(*failures, sep="\n\n")
    print(f"{compared} instructions, traps and exits agree; {len(failures)} seeds fail")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
