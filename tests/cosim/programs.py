"""Programs for the stand-in SoC."""

from cosim.elf import Program, Segment
from tests.cosim.standin import Op, script

BASE = 0x8000_0000
TOHOST = BASE + 0x2000


def program(*records: tuple[Op, int, int]) -> Program:
    """A program of records that knows ``tohost``."""
    return Program("script", BASE, (Segment(BASE, script(*records)),), {"tohost": TOHOST})


def printing(text: str) -> list[tuple[Op, int, int]]:
    """Records that print a text."""
    return [(Op.PUT, 0, ord(character)) for character in text]


def ending(code: int) -> tuple[Op, int, int]:
    """The record that ends the program through ``tohost``."""
    return (Op.STORE, TOHOST, code << 1 | 1)


__all__ = ["BASE", "TOHOST", "ending", "printing", "program"]
