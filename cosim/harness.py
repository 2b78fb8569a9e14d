"""The machine inside a cocotb test: the driver of ``bivisor run``, and the base of regressions of one's own.

A test module for :func:`cosim.simulate.run_regression` looks like this::

    import cocotb
    from cosim.harness import Machine

    @cocotb.test()
    async def prompt_answers(dut):
        machine = Machine(dut)
        machine.load("firmware.elf")
        assert await machine.run(until="login: ", max_cycles=5_000_000) == "until"
        machine.send("root\\n")
        ...

The clock belongs to the C++ side. Await :meth:`Machine.run` or ``RisingEdge(dut.wake)``; waiting for clock
edges in Python would slow the simulation down a hundredfold and is not possible: the clock is not visible.
"""

import ctypes
import json
import os
from collections.abc import Callable
from pathlib import Path

import cocotb
from cocotb.triggers import First, RisingEdge, Timer

from cosim.elf import Program, read_elf
from cosim.result import Result

__all__ = ["CYCLE_NS", "Due", "Machine"]

CYCLE_NS = 10
"""Simulated nanoseconds per clock cycle."""


class Due:
    """Why the C++ side calls (``enum Due`` in ``cosim/native/machine.h``)."""

    CONSOLE = 1
    UNTIL = 2
    END = 4
    TRANSFER = 8
    DESIGN = 16
    RECORDS = 32
    RESET = 64


def _library() -> ctypes.CDLL:
    """The simulator's own process, with the result types that are not int."""
    library = ctypes.CDLL(None)
    u64, u32, text = ctypes.c_uint64, ctypes.c_uint32, ctypes.c_char_p
    signatures = {
        "bv_go": (None, [ctypes.c_bool]),
        "bv_due": (u32, []),
        "bv_cycles": (u64, []),
        "bv_instructions": (u64, []),
        "bv_load": (None, [u64, text, u64]),
        "bv_start_at": (None, [u64, u64]),
        "bv_htif": (None, [u64, u64]),
        "bv_until": (None, [text]),
        "bv_send": (None, [text, u64]),
        "bv_console": (ctypes.c_void_p, [ctypes.POINTER(u64)]),
        "bv_result": (text, []),
        "bv_read": (u64, [u64, u32]),
        "bv_write": (u64, [u64, text, u32]),
        "bv_transferred": (ctypes.c_int, [u64, ctypes.c_void_p]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class Machine:
    """The simulated machine, from Python in the simulator's process.

    Attributes
    ----------
    on_console: called with each piece of console output (bytes)
    """

    def __init__(self, dut, on_console: Callable[[bytes], None] | None = None) -> None:
        self._dut = dut
        self._native = _library()
        self.on_console = on_console
        self._console = bytearray()
        self._over: str | None = None

    def load(self, program: Program | str | Path) -> Program:
        """Put a program (or the ELF file of one) into memory and start there; only before the first run."""
        if not isinstance(program, Program):
            program = read_elf(program)
        for segment in program.segments:
            self._native.bv_load(segment.address, segment.data, len(segment.data))
        self._native.bv_start_at(program.entry, program.dtb)
        symbols = program.symbols
        self._native.bv_htif(symbols.get("tohost", 0), symbols.get("fromhost", 0))
        return program

    @property
    def console(self) -> str:
        """Everything that the console has printed."""
        return self._console.decode("utf-8", "replace")

    @property
    def cycles(self) -> int:
        """Cycles since reset."""
        return self._native.bv_cycles()

    @property
    def instructions(self) -> int:
        """Instructions retired since reset."""
        return self._native.bv_instructions()

    def send(self, text: str | bytes) -> None:
        """Type on the console."""
        data = text.encode() if isinstance(text, str) else text
        self._native.bv_send(data, len(data))

    async def run(self, *, until: str | None = None, max_cycles: int | None = None) -> str:
        """Let the machine run; returns why it stopped, as in :attr:`cosim.result.Result.outcome`.

        ``max_cycles`` counts from now. After ``until`` or ``limit`` it can go on with another call.
        """
        if self._over:
            return self._over
        if until is not None:
            self._native.bv_until(until.encode())
        stop = None if max_cycles is None else self.cycles + max_cycles
        while True:
            due = await self._next(stop)
            if due & Due.END:
                self._over = "exit"
            elif due & Due.RESET:
                self._over = "reset"
            if self._over:
                return self._over
            if due & Due.UNTIL:
                return "until"
            if stop is not None and self.cycles >= stop:
                return "limit"

    async def _next(self, stop: int | None) -> int:
        """Run until something is due or cycle ``stop``; handles the console; returns the due bits."""
        self._native.bv_go(True)
        wake = RisingEdge(self._dut.wake)
        if stop is None:
            await wake
        else:
            await First(wake, Timer(max(stop - self.cycles, 1) * CYCLE_NS, "ns"))
        self._native.bv_go(False)
        due = self._native.bv_due()
        length = ctypes.c_uint64()
        where = self._native.bv_console(ctypes.byref(length))
        if length.value:
            text = ctypes.string_at(where, length.value)
            self._console += text
            if self.on_console:
                self.on_console(text)
        return due

    async def read(self, address: int, length: int) -> bytes:
        """Guest physical memory as the hart sees it, dirty cache lines included; the clock runs meanwhile."""
        buffer = ctypes.create_string_buffer(length)
        await self._transfer(self._native.bv_read(address, length), buffer, address)
        return buffer.raw

    async def write(self, address: int, data: bytes) -> None:
        """Change guest physical memory, coherently with the hart's caches; the clock runs meanwhile."""
        await self._transfer(self._native.bv_write(address, data, len(data)), None, address)

    async def _transfer(self, ticket: int, buffer, address: int) -> None:
        while not (done := self._native.bv_transferred(ticket, buffer)):
            await self._next(None)
        if done == 2:
            raise ValueError(f"no memory at {address:#x}")

    def result(self, outcome: str) -> Result:
        """What the run has cost so far."""
        text = self._native.bv_result().decode()
        return Result.from_native(text, outcome=outcome, console=self.console)


@cocotb.test()
async def bivisor_run(dut) -> None:
    """The program of ``bivisor run``; :mod:`cosim.simulate` says what to do in ``$BIVISOR_JOB``."""
    job = json.loads(os.environ["BIVISOR_JOB"])
    console = os.fdopen(job["console"], "wb", buffering=0)

    def print_out(text: bytes) -> None:
        console.write(text)

    machine = Machine(dut, print_out)
    outcome = await machine.run(max_cycles=job["max_cycles"])
    Path(job["result"]).write_text(json.dumps(machine.result(outcome).to_json()))
