"""The simulator's records (``cosim.observe``) as Python objects, from a stream of any length."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from cosim.observe import RETIRE_PLACES, RETIRE_WORDS, STATE_NAMES, Kind
from rtl.isa.privilege import Privilege, mode_name

__all__ = ["Event", "ForeignWrite", "ForeignWriteEnd", "Retired", "read_records"]

_READ = 1 << 16
_CYCLE = (1 << 48) - 1
_COUNT_SHIFT, _KIND_SHIFT = 52, 48


def _field(name: str) -> property:
    word, low, width = RETIRE_PLACES[name]
    mask = (1 << width) - 1
    if width == 64:
        return property(lambda self: self.words[word])
    return property(lambda self: self.words[word] >> low & mask)


def _any(*names: str) -> property:
    """Whether any of these bits is set."""
    masks = [0] * RETIRE_WORDS
    for name in names:
        word, low, _ = RETIRE_PLACES[name]
        masks[word] |= 1 << low
    (first, one), *others = [(word, mask) for word, mask in enumerate(masks) if mask]
    if not others:
        return property(lambda self: self.words[first] & one)
    (second, two), *more = others
    assert not more, "flags stand in two words at most"
    return property(lambda self: self.words[first] & one or self.words[second] & two)


class Retired:
    """``rtl.core.interface.Retire`` as Python numbers, and what the instruction or trap changed.

    Attributes
    ----------
    cycle: in which the record was seen
    words: the fields as the simulator wrote them; each is a property here
    changes: index in ``STATE_NAMES`` and new value of each register that changed, one after the other
    """

    __slots__ = ("changes", "cycle", "words")

    def __init__(self, cycle: int, words: tuple[int, ...], changes: tuple[int, ...] = ()) -> None:
        self.cycle = cycle
        self.words = words
        self.changes = changes

    trap = _field("trap")
    vm_exit = _field("vm_exit")
    interrupt = _field("interrupt")
    cause = _field("cause")
    pc = _field("pc")
    instruction = _field("instruction")
    privilege = _field("privilege")
    virt = _field("virt")
    rd_write = _field("rd_write")
    rd = _field("rd")
    rd_data = _field("rd_data")
    mem_read = _field("mem_read")
    mem_write = _field("mem_write")
    mem_size = _field("mem_size")
    fetch_paddr = _field("fetch_paddr")
    fetch_paddr_last = _field("fetch_paddr_last")
    mem_vaddr = _field("mem_vaddr")
    mem_paddr = _field("mem_paddr")
    mem_paddr_last = _field("mem_paddr_last")
    mem_data = _field("mem_data")
    is_special = _any("trap", "interrupt", "mem_read", "mem_write")
    """Not just arithmetic, a jump or a CSR instruction."""

    @property
    def state(self) -> dict[str, int]:
        """New value of each register that changed."""
        changes = self.changes
        return {STATE_NAMES[changes[n]]: changes[n + 1] for n in range(0, len(changes), 2)}

    def replaced(self, state: dict[str, int] | None = None, **fields: int) -> "Retired":
        """A record that differs in some fields, or in the ``state`` it reports (for tests of the checks)."""
        words = list(self.words)
        for name, value in fields.items():
            word, low, width = RETIRE_PLACES[name]
            mask = (1 << width) - 1
            words[word] = words[word] & ~(mask << low) | (value & mask) << low
        changes = self.changes
        if state is not None:
            changes = tuple(n for name, value in state.items() for n in (STATE_NAMES.index(name), value))
        return Retired(self.cycle, tuple(words), changes)

    def __str__(self) -> str:
        text = f"{self.cycle:10} {mode_name(Privilege(self.privilege), self.virt):2} {self.pc:#018x} "
        return f"{text}{self.instruction:08x}{self.effects()}"

    def effects(self) -> str:
        """What it did, on one line."""
        text = ""
        if self.trap:
            kind = "exit" if self.vm_exit else "interrupt" if self.interrupt else "exception"
            text += f" {kind} {self.cause}"
        if self.rd_write:
            text += f" x{self.rd}={self.rd_data:#x}"
        if self.mem_read or self.mem_write:
            text += f" [{self.mem_vaddr:#x} -> {self.mem_paddr:#x}] {1 << self.mem_size} bytes"
            text += f" {'=' if self.mem_write else 'is'} {self.mem_data:#x}"
        for name, value in self.state.items():
            text += f" {name}={value:#x}"
        return text


@dataclass(frozen=True, slots=True)
class ForeignWrite:
    """A write to memory by somebody else (a DMA master, the host interface) begins."""

    cycle: int
    address: int
    data: bytes


@dataclass(frozen=True, slots=True)
class ForeignWriteEnd:
    """The oldest foreign write that has not ended has ended."""

    cycle: int


Event = Retired | ForeignWrite | ForeignWriteEnd


def read_records(stream: BinaryIO) -> Iterator[Event]:
    """Records until the stream ends. Of the stream little more is held than what has not been taken."""
    rest = b""
    while chunk := stream.read(_READ):
        chunk = rest + chunk
        count = len(chunk) // 8
        words = struct.unpack_from(f"<{count}Q", chunk)
        at = 0
        while at < count:
            head = words[at]
            end = at + 1 + (head >> _COUNT_SHIFT)
            if end > count:
                break
            kind = head >> _KIND_SHIFT & 15
            at += 1
            if kind == 0:  # Kind.RETIRE, nearly always
                fields = at + RETIRE_WORDS
                yield Retired(head & _CYCLE, words[at:fields], words[fields:end])
            elif kind == Kind.WRITE:
                address, length, *data = words[at:end]
                yield ForeignWrite(head & _CYCLE, address, struct.pack(f"<{len(data)}Q", *data)[:length])
            else:
                yield ForeignWriteEnd(head & _CYCLE)
            at = end
        rest = chunk[8 * at :]
