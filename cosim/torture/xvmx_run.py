"""``python -m cosim.torture.xvmx_run``: random programs for Xvmx in lockstep."""

import sys
from collections.abc import Callable, Iterable

from cosim.build import Build
from cosim.model.machine import Machine
from cosim.torture.__main__ import Kind, main, run_range
from cosim.torture.run import run_seed
from cosim.torture.xvmx import generate_xvmx

__all__ = ["run_xvmx_range", "run_xvmx_seed"]

_KIND = Kind("cosim.torture.xvmx_run", generate_xvmx, 20_000)


def run_xvmx_seed(
    simulator: Build, seed: int, instructions: int, prepare: Callable[[Machine], None] | None = None
) -> int:
    """Instructions, traps and exits compared; raises Mismatch. ``prepare`` gets the model before it runs."""
    return run_seed(simulator, seed, instructions, prepare=prepare, make=generate_xvmx)


def run_xvmx_range(simulator: Build, seeds: Iterable[int], instructions: int) -> tuple[int, list[str]]:
    """Instructions compared, and what each failing seed has to say, with the command that repeats it."""
    return run_range(simulator, seeds, instructions, _KIND)


if __name__ == "__main__":
    sys.exit(main(_KIND))
