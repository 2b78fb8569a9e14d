"""The log of a judged program: what its handlers have written at each trap, and the registers at the end."""

from dataclasses import dataclass
from enum import IntEnum

from cosim.torture.layout import DEVICE_MEMORY
from rtl.isa.memory_map import DRAM_BASE

__all__ = [
    "END",
    "LOG",
    "LOGGED",
    "RECORD_BYTES",
    "REGISTERS",
    "STATUS",
    "Level",
    "Record",
    "ended",
    "records",
    "registers",
]

END = DEVICE_MEMORY
"""Address of a word with the address behind the last record; 0 until the program has ended."""
REGISTERS = END + 0x100
"""Address of the integer registers x0 to x31 at the end."""
LOG = END + 0x200
"""Address of the first record."""


class Level(IntEnum):
    """Whose trap a record tells."""

    M = 0
    HS = 1
    VS = 2


LOGGED: dict[Level, tuple[str | None, ...]] = {
    Level.M: ("mcause", "mepc", "mtval", "mtval2", "mtinst"),
    Level.HS: ("scause", "sepc", "stval", "htval", "htinst"),
    Level.VS: ("vscause", "vsepc", "vstval", None, None),
}
"""CSRs that tell of a level's trap, in the order of a record's fields; None is 0."""
STATUS = ("mstatus", "hstatus", "vsstatus")
"""CSRs that follow in every record; then comes a digest of the program's integer registers."""
RECORD_BYTES = 8 * (1 + 5 + len(STATUS) + 1)


@dataclass
class Record:
    """A trap: its level, what that level's CSRs say of it, ``STATUS``, and the digest."""

    level: int
    cause: int
    epc: int
    tval: int
    tval2: int
    tinst: int
    mstatus: int
    hstatus: int
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
    return [Record(*(_word(memory, at + 8 * n) for n in range(RECORD_BYTES // 8))) for at in starts]


def registers(memory: bytes) -> list[int]:
    """The integer registers at the end."""
    return [_word(memory, REGISTERS + 8 * n) for n in range(32)]
