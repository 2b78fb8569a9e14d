"""Runs a bare program on the simulator and the model beside each other."""

import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from cosim.build import Build, Variant, build
from cosim.elf import Program, read_elf
from cosim.job import Job
from cosim.lockstep.compare import Lockstep
from cosim.lockstep.records import read_records
from cosim.model.machine import Machine

__all__ = ["compare_program", "run_lockstep"]


def run_lockstep(path: str | Path, *, max_cycles: int = 20_000_000, latency: int = 1) -> int:
    """Instructions compared; raises Mismatch at the first difference, UserError for a bad file."""
    simulator = build(Variant.OBSERVE)
    return compare_program(simulator, read_elf(path), max_cycles=max_cycles, latency=latency)


def compare_program(
    simulator: Build,
    program: Program,
    *,
    max_cycles: int = 20_000_000,
    latency: int = 1,
    memory: int = 32 << 20,
    limit: int | None = None,
    show_console: bool = False,
    prepare: Callable[[Machine], None] | None = None,
) -> int:
    """The same for a loaded program and a finished build; the records come through a pipe.

    ``limit``: instructions and traps after which all is well; a program that does not get there in
    ``max_cycles`` hangs, which is a Mismatch. ``show_console``: let the program print.
    ``prepare`` gets the model before it runs.
    """
    job = Job(program, max_cycles=max_cycles, latency=latency, memory=memory)
    machine = Machine(memory=job.memory)
    machine.load(program)
    if prepare:
        prepare(machine)
    lockstep = Lockstep(machine)
    reading, writing = os.pipe()
    with tempfile.TemporaryDirectory() as folder:
        arguments = job.arguments(Path(folder) / "image")
        arguments += ["--records", f"/dev/fd/{writing}"]
        output = None if show_console else subprocess.DEVNULL
        process = subprocess.Popen([simulator.plain, *arguments], pass_fds=[writing], stdout=output)
        os.close(writing)
        try:
            with os.fdopen(reading, "rb") as stream:
                for retired in read_records(stream):
                    lockstep.feed(retired)
                    if lockstep.compared == limit:
                        break
        finally:
            process.kill()
            process.wait()
    if limit is not None and lockstep.compared < limit:
        raise lockstep.hang(max_cycles)
    return lockstep.compared
