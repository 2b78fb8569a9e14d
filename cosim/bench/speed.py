"""How fast the simulation is: the same run with cocotb and with a plain C++ main."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product

from cosim.bench.programs import build_program
from cosim.build import Variant, build
from cosim.elf import Program, Segment, read_elf
from cosim.guests.linux.build import cached
from cosim.job import Job
from cosim.simulate import run_cocotb, run_plain
from firmware.images import Guest, virtual

__all__ = ["simulation_speed"]

_CYCLES = 10_000_000
_SHORT = 200_000
_RUNS = 3


def simulation_speed(report: Callable[[str], None]) -> Sequence[float]:
    """Thousand cycles per processor second with cocotb, and that over the plain simulator's.

    The program is Linux booting in the hypervisor if the Linux guest is built, else the compute workload over
    and over. Start-up (the difference to a short run) is taken out of both. Of three runs in turn the fastest
    counts: whatever else the machine does can only make one slower.
    """
    job = _job()
    simulator = build(Variant.FAST, report=report)
    seconds: dict[tuple[Callable, int], list[float]] = defaultdict(list)
    for _ in range(_RUNS):
        for run, cycles in product((run_cocotb, run_plain), (_SHORT, _CYCLES)):
            done = run(simulator, replace(job, max_cycles=cycles))
            seconds[run, done.cycles].append(done.cpu_seconds)
    rates = []
    for run in (run_cocotb, run_plain):
        (short, start), (long, whole) = sorted((n, min(t)) for (kind, n), t in seconds.items() if kind is run)
        rates.append((long - short) / (whole - start) / 1000)
    return rates[0], rates[0] / rates[1]


def _job() -> Job:
    guest = cached()
    if guest is None:
        return Job(read_elf(build_program("endless")), max_cycles=_CYCLES)
    boot = virtual([Guest(guest.image, bootargs=guest.bootargs, initrd=guest.initrd)])
    segments = tuple(Segment(address, data) for address, data in boot.segments)
    program = Program("linux", boot.entry, segments, {}, boot.device_tree)
    return Job(program, memory=boot.memory, max_cycles=_CYCLES)
