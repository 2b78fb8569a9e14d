"""How fast the golden model is, alone and in lockstep with the hardware."""

import os
from collections.abc import Callable, Sequence

from cosim.bench.programs import build_program
from cosim.build import Variant, build
from cosim.elf import read_elf
from cosim.job import Job
from cosim.lockstep.run import compare_job
from cosim.model.machine import Machine

__all__ = ["verification_speed"]

_MODEL = (200_000, 4_200_000)
_LOCKSTEP = (20_000, 320_000)
"""Instructions of the short run and of the long one; what the short one takes is start-up."""


def verification_speed(report: Callable[[str], None]) -> Sequence[float]:
    """Instructions per processor second: of the model alone; of model and hardware together, both counted.

    The program is the compute workload over and over.
    """
    program = read_elf(build_program("endless"))
    simulator = build(Variant.OBSERVE, report=report)
    job = Job(program, max_cycles=100_000_000)

    def model(count: int) -> int:
        machine = Machine()
        machine.load(program)
        return machine.run(count).instructions

    def lockstep(count: int) -> int:
        return compare_job(simulator, job, limit=count).count

    return _rate(model, _MODEL), _rate(lockstep, _LOCKSTEP)


def _rate(run: Callable[[int], int], counts: tuple[int, int]) -> float:
    done, seconds = [], []
    for count in counts:
        before = _processor_seconds()
        done.append(run(count))
        seconds.append(_processor_seconds() - before)
    return (done[1] - done[0]) / (seconds[1] - seconds[0])


def _processor_seconds() -> float:
    now = os.times()
    return now.user + now.system + now.children_user + now.children_system
