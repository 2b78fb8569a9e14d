"""The devices that bare-metal programs need: CLINT, PLIC, 16550, test finisher."""

from collections.abc import Callable

from cosim.model.exceptions import Stop
from rtl.isa import plic
from rtl.isa.memory_map import (
    CLINT_MSIP,
    CLINT_MTIME,
    CLINT_MTIMECMP,
    FINISHER_FAIL,
    FINISHER_PASS,
    FINISHER_RESET,
    PLIC_SOURCES,
)
from rtl.isa.uart import Fcr, Ier, Iir, Lcr, Lsr, Msr, Register

__all__ = ["Clint", "Finisher", "Plic", "Rom", "Uart"]

_MASK64 = (1 << 64) - 1


def _merge(old: int, offset: int, size: int, value: int) -> int:
    """``old``, a 64-bit register, with ``size`` bytes at ``offset`` in it replaced."""
    shift = 8 * (offset & 7)
    mask = ((1 << 8 * size) - 1) << shift
    return (old & ~mask | value << shift & mask) & _MASK64


class Clint:
    """Timer and software interrupts of hart 0. ``now()`` gives the ticks that passed since reset."""

    def __init__(self, now: Callable[[], int], changed: Callable[[], None]):
        self._now = now
        self._changed = changed
        self._offset = 0
        self.msip = 0
        self.mtimecmp = _MASK64

    def follow(self, now: Callable[[], int]) -> None:
        """Take the ticks since reset from ``now``."""
        self._now = now

    @property
    def mtime(self) -> int:
        """The 64-bit real-time counter."""
        return (self._now() + self._offset) & _MASK64

    def _register(self, offset: int) -> int:
        if offset & ~7 == CLINT_MTIME:
            return self.mtime
        if offset & ~7 == CLINT_MTIMECMP:
            return self.mtimecmp
        return self.msip if offset & ~7 == CLINT_MSIP else 0

    def read(self, offset: int, size: int) -> int:
        """Read a register or part of one."""
        return self._register(offset) >> 8 * (offset & 7) & ((1 << 8 * size) - 1)

    def write(self, offset: int, size: int, value: int) -> None:
        """Write a register or part of one."""
        new = _merge(self._register(offset), offset, size, value)
        match offset & ~7:
            case n if n == CLINT_MTIME:
                self._offset = new - self._now()
            case n if n == CLINT_MTIMECMP:
                self.mtimecmp = new
            case n if n == CLINT_MSIP:
                self.msip = new & 1
        self._changed()


class Finisher:
    """Ends the machine (QEMU's sifive_test)."""

    def read(self, offset: int, size: int) -> int:
        """Nothing to read."""
        return 0

    def write(self, offset: int, size: int, value: int) -> None:
        """0x5555 pass; 0x3333 fail with a status in bits 31:16; 0x7777 reset, which ends the run too."""
        match value & 0xFFFF:
            case n if n in (FINISHER_PASS, FINISHER_RESET):
                raise Stop(0)
            case n if n == FINISHER_FAIL:
                raise Stop(value >> 16 & 0xFFFF or 1)


class Rom:
    """The boot ROM: ``contents``, then zeros; entry and device tree stand where its code looks for them."""

    def __init__(self, contents: bytes = b""):
        self.contents = contents

    def read(self, offset: int, size: int) -> int:
        """Bytes of the contents."""
        return int.from_bytes(self.contents[offset : offset + size], "little")

    def write(self, offset: int, size: int, value: int) -> None:
        """Never reached: the bus refuses stores."""


class Uart:
    """A 16550A whose transmitter is always ready. ``line(level)`` is called with its interrupt's level."""

    def __init__(self, output: Callable[[bytes], None], line: Callable[[bool], None]):
        self._output = output
        self._line = line
        self._registers = [0] * 8
        self._divisor = [0, 0]
        self._input = bytearray()
        self._transmitted = False
        self._fifos = False

    def receive(self, data: bytes) -> None:
        """Characters that arrive from outside."""
        self._input += data
        self._update()

    def _identification(self) -> int:
        """IIR: the pending interrupt of the highest priority."""
        enabled = self._registers[Register.IER]
        if self._input and enabled & Ier.ERBFI:
            return Iir.DATA_AVAILABLE
        return Iir.THR_EMPTY if self._transmitted and enabled & Ier.ETBEI else Iir.NONE

    def _update(self) -> None:
        self._line(self._identification() != Iir.NONE)

    def _selects_divisor(self, number: int) -> bool:
        return bool(self._registers[Register.LCR] & Lcr.DLAB) and number <= Register.DLM

    def read(self, offset: int, size: int) -> int:
        """Read a byte register; of IIR, this ends the transmitter's interrupt."""
        number = offset & 7
        if self._selects_divisor(number):
            return self._divisor[number]
        match number:
            case Register.RBR:
                value = self._input.pop(0) if self._input else 0
            case Register.IIR:
                value = self._identification()
                self._transmitted = self._transmitted and value != Iir.THR_EMPTY
                value |= 0xC0 if self._fifos else 0
            case Register.LSR:
                value = Lsr.THRE | Lsr.TEMT | (Lsr.DR if self._input else 0)
            case Register.MSR:
                value = Msr.CTS | Msr.DSR | Msr.DCD
            case _:
                value = self._registers[number]
        self._update()
        return int(value)

    def write(self, offset: int, size: int, value: int) -> None:
        """Write a byte register; one to THR is printed."""
        number = offset & 7
        value &= 0xFF
        if self._selects_divisor(number):
            self._divisor[number] = value
        elif number == Register.THR:
            self._output(bytes([value]))
            self._transmitted = True
        elif number == Register.FCR:
            self._fifos = bool(value & Fcr.ENABLE)
            if value & Fcr.CLEAR_RX:
                self._input.clear()
        else:
            if number == Register.IER and value & ~self._registers[number] & Ier.ETBEI:
                self._transmitted = True
            self._registers[number] = value
        self._update()


class Plic:
    """Platform-level interrupt controller with contexts 0 (M) and 1 (S) of hart 0.

    ``levels`` holds the sources' lines as a bit mask; set it and call ``update``.
    """

    def __init__(self, changed: Callable[[], None]):
        self._changed = changed
        self._priority = [0] * (PLIC_SOURCES + 1)
        self._enable = [0, 0]
        self._threshold = [0, 0]
        self._claimed = 0
        self.levels = 0
        self._pending = 0

    def set_line(self, source: int, level: bool) -> None:
        """A device raises or lowers its interrupt."""
        levels = self.levels & ~(1 << source) | level << source
        if levels != self.levels:
            self.levels = levels
            self.update()

    def update(self) -> None:
        """Latch the lines and tell the hart."""
        self._pending |= self.levels & ~self._claimed
        self._changed()

    @property
    def enabled(self) -> tuple[int, int]:
        """Sources that each context has enabled, as bit masks."""
        return self._enable[0], self._enable[1]

    def best(self, context: int) -> int:
        """Source that ``context`` would claim, 0 for none: highest priority, then lowest number."""
        ready = self._pending & self._enable[context]
        candidates = [n for n in range(1, PLIC_SOURCES + 1) if ready >> n & 1 and self._priority[n]]
        return min(candidates, key=lambda n: (-self._priority[n], n), default=0)

    def line(self, context: int) -> bool:
        """Whether the external interrupt of ``context`` is raised."""
        if not self._pending & self._enable[context]:
            return False
        return self._priority[self.best(context)] > self._threshold[context]

    def read(self, offset: int, size: int) -> int:
        """Read a 32-bit register; a read of CLAIM claims."""
        if offset < plic.PENDING:
            return self._priority[offset // 4] if offset // 4 <= PLIC_SOURCES else 0
        if offset < plic.ENABLE:
            return self._pending >> 8 * (offset - plic.PENDING) & 0xFFFF_FFFF
        if offset < plic.CONTEXT:
            context, byte = divmod(offset - plic.ENABLE, plic.ENABLE_STRIDE)
            return self._enable[context] >> 8 * byte & 0xFFFF_FFFF if context < 2 else 0
        context, register = divmod(offset - plic.CONTEXT, plic.CONTEXT_STRIDE)
        if context > 1:
            return 0
        if register == plic.THRESHOLD:
            return self._threshold[context]
        source = self.best(context) if register == plic.CLAIM else 0
        if source:
            self._pending &= ~(1 << source)
            self._claimed |= 1 << source
            self._changed()
        return source

    def write(self, offset: int, size: int, value: int) -> None:
        """Write a 32-bit register; a write to CLAIM completes."""
        if offset < plic.PENDING:
            if 1 <= offset // 4 <= PLIC_SOURCES:
                self._priority[offset // 4] = value & plic.PRIORITY_MAX
        elif plic.ENABLE <= offset < plic.CONTEXT:
            context, byte = divmod(offset - plic.ENABLE, plic.ENABLE_STRIDE)
            if context < 2 and byte < 8:
                every = ((1 << PLIC_SOURCES) - 1) << 1
                self._enable[context] = _merge(self._enable[context], byte, 4, value) & every
        elif offset >= plic.CONTEXT:
            context, register = divmod(offset - plic.CONTEXT, plic.CONTEXT_STRIDE)
            if context < 2 and register == plic.THRESHOLD:
                self._threshold[context] = value & plic.PRIORITY_MAX
            elif context < 2 and register == plic.CLAIM and self._enable[context] >> value & 1:
                self._claimed &= ~(1 << value)
        self.update()
