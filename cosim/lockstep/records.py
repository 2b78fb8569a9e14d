"""The simulator's retire records, as it writes them (``cosim/native/machine.h``: Record)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from amaranth.lib import data

from rtl.core.interface import Retire
from rtl.isa.privilege import Privilege, mode_name

__all__ = ["RECORD_BYTES", "Retired", "read_records"]

_LAYOUT = data.Layout.cast(Retire)
_WORDS = (_LAYOUT.size + 31) // 32
RECORD_BYTES = (8 + 4 * _WORDS + 7) // 8 * 8
"""A 64-bit cycle number and the words of ``Retire``, padded to 8 bytes."""


@dataclass(slots=True)
class Retired:
    """``rtl.core.interface.Retire`` as Python numbers, with the cycle it was seen in."""

    cycle: int
    trap: int
    interrupt: int
    cause: int
    pc: int
    instruction: int
    privilege: int
    virt: int
    rd_write: int
    rd: int
    rd_data: int
    csr_write: int
    csr: int
    mem_read: int
    mem_write: int
    mem_size: int
    mem_vaddr: int
    mem_paddr: int
    mem_data: int

    def __str__(self) -> str:
        text = f"{self.cycle:10} {mode_name(Privilege(self.privilege), self.virt):2} {self.pc:#018x} "
        text += f"{self.instruction:08x}"
        if self.trap:
            text += f" {'interrupt' if self.interrupt else 'exception'} {self.cause}"
        if self.rd_write:
            text += f" x{self.rd}={self.rd_data:#x}"
        if self.mem_read or self.mem_write:
            text += f" [{self.mem_vaddr:#x} -> {self.mem_paddr:#x}] {1 << self.mem_size} bytes"
            text += f" {'=' if self.mem_write else 'is'} {self.mem_data:#x}"
        return text


def _fields() -> list[tuple[str, int, int]]:
    """(name, lowest bit, mask) in the order of ``Retired``, modes flattened."""
    found = {}
    for name, field in _LAYOUT:
        inner = data.Layout.cast(field.shape) if name == "mode" else {name: field}
        offset = field.offset if name == "mode" else 0
        for inner_name, inner_field in inner if name == "mode" else inner.items():
            found[inner_name] = (inner_name, offset + inner_field.offset, (1 << inner_field.width) - 1)
    return [found[name] for name in Retired.__slots__[1:]]


_FIELDS = [(low, mask) for _, low, mask in _fields()]


def read_records(stream: BinaryIO) -> Iterator[Retired]:
    """Records until the stream ends."""
    while chunk := stream.read(RECORD_BYTES * 256):
        while len(chunk) % RECORD_BYTES:
            more = stream.read(RECORD_BYTES - len(chunk) % RECORD_BYTES)
            if not more:
                return
            chunk += more
        for start in range(0, len(chunk), RECORD_BYTES):
            cycle = int.from_bytes(chunk[start : start + 8], "little")
            word = int.from_bytes(chunk[start + 8 : start + RECORD_BYTES], "little")
            yield Retired(cycle, *[word >> low & mask for low, mask in _FIELDS])
