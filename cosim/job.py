"""What to run and how, as the command line that both simulators understand (``cosim/native/options.h``)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cosim.elf import Program
from cosim.errors import UserError

__all__ = ["BARE_MEMORY", "Job", "Stress", "parse_size"]

BARE_MEMORY = 256 << 20
"""Bytes of a machine that runs a program bare, unless said otherwise; riscv-hyp-tests use so much."""


@dataclass(frozen=True)
class Stress:
    """Disturbances from outside, by a seed (``cosim/native/stress.h``): slow memory, DMA, interrupts.

    Attributes
    ----------
    own: (address, size) of memory that only DMA writes, and checks
    shared: (address, size) of memory that DMA writes, and the program too
    """

    seed: int
    own: tuple[int, int] = (0, 0)
    shared: tuple[int, int] = (0, 0)


def parse_size(text: str) -> int:
    """Bytes from ``64M``, ``1G``, ``0x4000000``; binary multiples."""
    units = {"k": 10, "m": 20, "g": 30}
    number, shift = text.strip().lower().removesuffix("ib").removesuffix("b"), 0
    if number and number[-1] in units:
        number, shift = number[:-1], units[number[-1]]
    try:
        return int(number, 0) << shift
    except ValueError:
        raise UserError(f"{text}: not a size; write for example 64M or 1G") from None


@dataclass(frozen=True)
class Job:
    """One run.

    Attributes
    ----------
    memory: bytes of DRAM
    latency: of memory, in cycles (first beat latency + 1 edges after the address)
    max_cycles: the run stops there; None for no limit
    until: the run stops when the console has printed this
    wave: FST file to write; needs a trace build
    wave_from, wave_to: first and last cycle in the wave
    dumps: ``(address, length, file)`` of memory to save at the end
    disks: files behind virtio block devices, from slot 0 on
    stress: what disturbs the machine from outside
    coverage: file for Verilator's counts; needs a coverage build
    """

    program: Program
    memory: int = 32 << 20
    latency: int = 1
    max_cycles: int | None = None
    until: str | None = None
    wave: Path | None = None
    wave_from: int = 0
    wave_to: int | None = None
    dumps: Sequence[tuple[int, int, Path]] = ()
    disks: Sequence[Path] = ()
    stress: Stress | None = None
    coverage: Path | None = None

    def check(self) -> None:
        """Refuse what cannot be run."""
        if not 16 << 20 <= self.memory <= 1 << 30 or self.memory % 4096:
            raise UserError(f"{self.memory} bytes of memory: give 16M to 1G with --mem")
        if not 0 <= self.latency <= 10000:
            raise UserError(f"memory latency {self.latency}: give 0 to 10000 cycles")
        self.program.check_fits(self.memory)

    def arguments(self, image: Path) -> list[str]:
        """Options for the simulator; writes the program's bytes to the file ``image``."""
        program = self.program
        arguments = ["--image", str(image), "--memory", str(self.memory), "--latency", str(self.latency)]
        arguments += ["--entry", hex(program.entry), "--dtb", hex(program.dtb)]
        with image.open("wb") as file:
            for segment in program.segments:
                place = (segment.address, file.tell(), len(segment.data), segment.size)
                arguments += ["--segment", ",".join(map(hex, place))]
                file.write(segment.data)
        for name in ("tohost", "fromhost"):
            if name in program.symbols:
                arguments += [f"--{name}", hex(program.symbols[name])]
        if self.max_cycles is not None:
            arguments += ["--max-cycles", str(self.max_cycles)]
        if self.until is not None:
            arguments += ["--until", self.until]
        if self.wave is not None:
            arguments += ["--wave", str(self.wave), "--wave-from", str(self.wave_from)]
            arguments += ["--wave-to", str(self.wave_to)] if self.wave_to is not None else []
        if self.stress is not None:
            numbers = (self.stress.seed, *self.stress.own, *self.stress.shared)
            arguments += ["--stress", ",".join(map(hex, numbers))]
        if self.coverage is not None:
            arguments += ["--coverage", str(self.coverage)]
        for disk in self.disks:
            arguments += ["--disk", str(disk)]
        for address, length, path in self.dumps:
            arguments += ["--dump", f"{address:#x},{length:#x},{path}"]
        return arguments
