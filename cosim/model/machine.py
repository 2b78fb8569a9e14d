"""A whole machine around one hart: DRAM, devices, ELF loading, and running to the end."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TextIO

from cosim.elf import Program, read_elf
from cosim.errors import UserError
from cosim.job import BARE_MEMORY
from cosim.model.devices import Clint, Finisher, Plic, Rom, Uart
from cosim.model.exceptions import Stop
from cosim.model.hart import Hart
from cosim.model.htif import Htif
from cosim.model.memory import Bus
from cosim.model.trace import commit_line
from rtl.isa.causes import Interrupt
from rtl.isa.memory_map import (
    BOOT_ROM,
    CLINT,
    DRAM_BASE,
    DRAM_SIZE_MAX,
    DRAM_SIZE_MIN,
    FINISHER,
    PLIC,
    UART,
    UART_IRQ,
)

__all__ = ["Machine", "Result", "run"]

_FOREVER = 1 << 62
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Result:
    """How a run ended: exit ``status`` (None: the limit came first), instructions retired, console bytes."""

    status: int | None
    instructions: int
    console: bytes


class Machine:
    """DRAM of ``memory`` bytes, the devices, and a hart that starts in M mode at ``entry``.

    mtime ticks once per ``cycles_per_tick`` cycles of the hart. ``output`` takes console bytes.
    """

    def __init__(
        self,
        memory: int = BARE_MEMORY,
        cycles_per_tick: int = 10,
        output: Callable[[bytes], None] | None = None,
    ):
        if not DRAM_SIZE_MIN <= memory <= DRAM_SIZE_MAX:
            raise UserError(f"memory of {memory} bytes: choose {DRAM_SIZE_MIN >> 20} MiB to 1 GiB")
        self.console = bytearray()
        self._output = output
        self._cycles_per_tick = cycles_per_tick
        self._htif: Htif | None = None
        self._htif_due = _FOREVER
        self.symbols: dict[str, int] = {}
        self.bus = Bus(memory)
        self.clint = Clint(lambda: self.hart.cycles() // cycles_per_tick, self._changed)
        self.plic = Plic(self._changed)
        self.bus.attach(CLINT, self.clint)
        self.bus.attach(PLIC, self.plic)
        self.uart = Uart(self.print, partial(self.plic.set_line, UART_IRQ))
        self.bus.attach(UART, self.uart)
        self.bus.attach(FINISHER, Finisher())
        self.rom = Rom()
        self.bus.attach(BOOT_ROM, self.rom, read_only=True)
        self.hart = Hart(self.bus, self)

    # ---- What the hart asks ----

    def time(self) -> int:
        """mtime."""
        return self.clint.mtime

    def lines(self) -> int:
        """mip bits of the CLINT and the PLIC."""
        lines = self.clint.msip << Interrupt.MSI
        if self.clint.mtime >= self.clint.mtimecmp:
            lines |= 1 << Interrupt.MTI
        return lines | self.plic.line(0) << Interrupt.MEI | self.plic.line(1) << Interrupt.SEI

    def ticks_to_timer(self) -> int:
        """mtime ticks until MTIP rises."""
        return self.clint.mtimecmp - self.clint.mtime

    def cycles_per_tick(self) -> int:
        """Hart cycles per mtime tick."""
        return self._cycles_per_tick

    def polled(self) -> None:
        """A half-written tohost has waited long enough."""
        if self.hart.retired >= self._htif_due:
            self._htif_due = _FOREVER
            assert self._htif is not None
            self._htif.act()

    def _changed(self) -> None:
        self.hart.deadline = 0

    def _wait(self, instructions: int) -> None:
        self._htif_due = self.hart.retired + instructions
        self.hart.deadline = min(self.hart.deadline, self._htif_due)

    def print(self, data: bytes) -> None:
        """Console output."""
        self.console += data
        if self._output:
            self._output(data)

    # ---- Programs ----

    def load(self, program: Program, *, host: bool = True) -> None:
        """Put ``program`` into DRAM, set pc to its entry and a1 to its device tree, and watch its tohost.

        Without ``host`` nobody answers at tohost.
        """
        program.check_fits(len(self.bus.dram))
        for segment in program.segments:
            offset = segment.address - DRAM_BASE
            self.bus.dram[offset : offset + len(segment.data)] = segment.data
        self.symbols = program.symbols
        if host and "tohost" in self.symbols:
            fromhost = self.symbols.get("fromhost")
            self._htif = Htif(self.bus, self.symbols["tohost"], fromhost, self.print, self._wait)
        self.start(program.entry, program.dtb)

    def start(self, entry: int, device_tree: int = 0) -> None:
        """Begin at ``entry``, with a1 = ``device_tree``: as the boot ROM leaves the hart."""
        self.hart.pc = entry
        self.hart.x[11] = device_tree

    def start_at_reset(self, entry: int, device_tree: int = 0) -> None:
        """Begin in the boot ROM, which goes on to ``entry``: every instruction that the hardware retires."""
        from rtl.platform.boot_rom import BOOT_DTB_OFFSET, BOOT_ENTRY_OFFSET, reset_code

        contents = bytearray(reset_code().ljust(BOOT_DTB_OFFSET + 8, b"\0"))
        for offset, value in ((BOOT_ENTRY_OFFSET, entry), (BOOT_DTB_OFFSET, device_tree)):
            contents[offset : offset + 8] = value.to_bytes(8, "little")
        self.rom.contents = bytes(contents)
        self.hart.pc = BOOT_ROM.base

    def load_elf(self, path: Path) -> None:
        """``load`` the ELF file ``path``."""
        self.load(read_elf(path))

    def run(self, limit: int = _FOREVER, trace: TextIO | None = None) -> Result:
        """Run to the program's end or for ``limit`` instructions; ``trace`` takes the commit log."""
        status = None
        try:
            while trace is None and limit > self.hart.retired:
                self.hart.run(min(limit - self.hart.retired, _CHUNK))
            while trace is not None and limit > self.hart.retired:
                line = commit_line(self.hart.step())
                if line:
                    print(line, file=trace)
        except Stop as stop:
            status = stop.status
        return Result(status, self.hart.retired, bytes(self.console))


def run(
    program: Path,
    *,
    memory: int = BARE_MEMORY,
    limit: int = _FOREVER,
    trace: TextIO | None = None,
    output: Callable[[bytes], None] | None = None,
) -> Result:
    """Run the ELF ``program`` on a fresh machine; a UserError says why it cannot be run."""
    machine = Machine(memory, output=output)
    machine.load_elf(program)
    return machine.run(limit, trace)


def print_bytes(data: bytes) -> None:
    """Console output to standard output, at once."""
    sys.stdout.buffer.write(data)
    sys.stdout.flush()
