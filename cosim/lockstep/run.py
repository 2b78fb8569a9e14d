"""Runs a program on the simulator and the model beside each other."""

import os
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cosim.build import Build, Variant, build
from cosim.elf import Program, read_elf
from cosim.errors import UserError
from cosim.job import Job
from cosim.lockstep.compare import Lockstep, Mismatch
from cosim.lockstep.explain import bare_command, explain
from cosim.lockstep.outside import VirtioWindow
from cosim.lockstep.records import Event, read_records
from cosim.model.machine import Machine
from cosim.result import Result
from cosim.simulate import complaint, plain_result
from rtl.isa.memory_map import VIRTIO

__all__ = ["Compared", "compare_job", "compare_program", "run_lockstep"]

Watch = Callable[[Lockstep, Event], Event]


@dataclass(frozen=True)
class Compared:
    """A run without a mismatch: instructions and traps compared; how it ended (None if it was cut short)."""

    count: int
    result: Result | None


def run_lockstep(
    path: str | Path, *, max_cycles: int = 20_000_000, latency: int = 1, memory: int = 32 << 20
) -> int:
    """Instructions compared; raises Mismatch at the first difference, UserError for a bad file.

    The mismatch tells a command that repeats it and has written a wave.
    """
    job = Job(read_elf(path), max_cycles=max_cycles, latency=latency, memory=memory)
    try:
        return compare_job(build(Variant.OBSERVE), job).count
    except Mismatch as mismatch:
        raise explain(mismatch, bare_command(path, job)) from None


def compare_program(
    simulator: Build,
    program: Program,
    *,
    max_cycles: int = 20_000_000,
    latency: int = 1,
    memory: int = 32 << 20,
    limit: int | None = None,
    prepare: Callable[[Machine], None] | None = None,
) -> int:
    """``compare_job`` for a loaded program alone; instructions and traps compared. Without ``limit`` the
    program must end, and well, or a UserError says that it did not."""
    job = Job(program, max_cycles=max_cycles, latency=latency, memory=memory)
    compared = compare_job(simulator, job, limit=limit, prepare=prepare)
    result = compared.result
    if result is not None and (result.outcome, result.code) != ("exit", 0):
        end = (
            f"status {result.code}"
            if result.outcome == "exit"
            else f"{result.outcome} after {max_cycles} cycles"
        )
        raise UserError(f"{program.name}: model and hardware agree, but it ended with {end}")
    return compared.count


def compare_job(
    simulator: Build,
    job: Job,
    *,
    limit: int | None = None,
    prepare: Callable[[Machine], None] | None = None,
    on_console: Callable[[bytes], None] | None = None,
    tamper: Watch | None = None,
) -> Compared:
    """Run ``job`` on an observing simulator and on the model; raises Mismatch at the first difference.

    The records come through a pipe, whose length is all that the simulator can be ahead.

    Parameters
    ----------
    limit: instructions and traps after which all is well; a program that does not get there in
        ``job.max_cycles`` hangs, which is a Mismatch
    prepare: gets the model before it runs
    on_console: takes what the program prints
    tamper: sees each record before it is compared and returns what is compared instead (to seed faults)
    """
    job.check()
    lockstep = lockstep_of(job)
    if prepare:
        prepare(lockstep.machine)
    try:
        return _compare(simulator, job, lockstep, limit, on_console, tamper)
    except Mismatch as mismatch:
        mismatch.job, mismatch.config = job, simulator.config
        raise


def _compare(
    simulator: Build,
    job: Job,
    lockstep: Lockstep,
    limit: int | None,
    on_console: Callable[[bytes], None] | None,
    tamper: Watch | None,
) -> Compared:
    console = bytearray()
    with tempfile.TemporaryDirectory(prefix="bivisor-") as name:
        folder = Path(name)
        with _Simulation(simulator, job, folder) as simulation:
            for event in read_records(simulation.records):
                lockstep.feed(event if tamper is None else tamper(lockstep, event))
                if lockstep.compared == limit:
                    return Compared(lockstep.compared, None)
                if simulation.console_due():
                    _pass_on(simulation.console(), console, on_console)
            status = simulation.wait()
            _pass_on(simulation.console(), console, on_console)
            if status:
                raise UserError(complaint(simulation.errors(), status))
        if limit is not None:
            raise lockstep.hang(job.max_cycles or 0)
        result = plain_result((folder / "result.json").read_text(), console.decode("utf-8", "replace"))
    return Compared(lockstep.compared, result)


def lockstep_of(job: Job) -> Lockstep:
    """The model with ``job``'s program, where the hardware begins."""
    machine = Machine(memory=job.memory)
    machine.bus.attach(VIRTIO, window := VirtioWindow(), accepts=window.accepts)
    machine.load(job.program, host=False)
    machine.start_at_reset(job.program.entry, job.program.dtb)
    return Lockstep(machine, job.program)


def _pass_on(data: bytes, into: bytearray, on_console: Callable[[bytes], None] | None) -> None:
    into += data
    if data and on_console:
        on_console(data)


class _Simulation:
    """The plain simulator as a process that writes records, console output and its result into ``folder``."""

    _EVERY = 4096

    def __init__(self, simulator: Build, job: Job, folder: Path) -> None:
        self._arguments = [str(simulator.plain), *job.arguments(folder / "image")]
        self._arguments += ["--console", str(folder / "console"), "--json", str(folder / "result.json")]
        self._folder = folder
        self._countdown = self._EVERY

    def __enter__(self) -> "_Simulation":
        reading, writing = os.pipe()
        arguments = [*self._arguments, "--records", f"/dev/fd/{writing}"]
        with (self._folder / "errors").open("wb") as errors:
            self._process = subprocess.Popen(arguments, pass_fds=[writing], stderr=errors)
        os.close(writing)
        self.records = os.fdopen(reading, "rb")
        self._output = (self._folder / "console").open("a+b")
        self._output.seek(0)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self.records.close()
        self._output.close()

    def wait(self) -> int:
        return self._process.wait()

    def errors(self) -> str:
        return (self._folder / "errors").read_text()

    def console_due(self) -> bool:
        """Now and then."""
        self._countdown -= 1
        if self._countdown:
            return False
        self._countdown = self._EVERY
        return True

    def console(self) -> bytes:
        """What has been printed since the last call."""
        return self._output.read()
