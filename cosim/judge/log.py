"""The log of a judged program: what its handler has written at each trap, and the registers at the end."""

from dataclasses import dataclass

from cosim.torture.layout import DEVICE_MEMORY
from rtl.isa.memory_map import DRAM_BASE

__all__ = ["END", "LOG", "LOGGED", "RECORD_BYTES", "REGISTERS", "Record", "ended", "records", "registers"]

END = DEVICE_MEMORY
"""Address of a word with the address behind the last record; 0 until the program has ended."""
REGISTERS = END + 0x100
"""Address of the integer registers x0 to x31 at the end."""
LOG = END + 0x200
"""Address of the first record."""
LOGGED = ("mcause", "mepc", "mtval", "mtval2", "mtinst", "mstatus", "vsstatus")
"""CSRs in a record; a digest of the program's integer registers follows."""
RECORD_BYTES = 8 * (len(LOGGED) + 1)


@dataclass
class Record:
    """A trap: values of ``LOGGED``, and the digest."""

    mcause: int
    mepc: int
    mtval: int
    mtval2: int
    mtinst: int
    mstatus: int
    vsstatus: int
    digest: int


def _word(memory: bytes, address: int) -> int:
    return int.from_bytes(memory[address - DRAM_BASE : address - DRAM_BASE + 8], "little")


def ended(memory: bytes) -> bool:
    """Whether the program has come to its end in DRAM's contents ``memory``."""
    return _word(memory, END) != 0


def records(memory: bytes) -> list[Record]:
    """The traps logged."""
    starts = range(LOG, _word(memory, END), RECORD_BYTES)
    return [Record(*(_word(memory, at + 8 * n) for n in range(len(LOGGED) + 1))) for at in starts]


def registers(memory: bytes) -> list[int]:
    """The integer registers at the end."""
    return [_word(memory, REGISTERS + 8 * n) for n in range(32)]
