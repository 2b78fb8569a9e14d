"""Names of addresses, by the mode in which they are executed."""

from bisect import bisect_right

from cosim.elf import Program

__all__ = ["Symbols"]

_FAR = 1 << 20
"""An address so far above the nearest symbol has nothing to do with it."""


class Symbols:
    """The symbols of ``program``: with V = 1 the guests', else the others; all if there is one kind only."""

    def __init__(self, program: Program) -> None:
        host, guest = program.symbols, program.guest_symbols
        self._tables = [_table(host or guest), _table(guest or host)]

    def name(self, address: int, virt: bool) -> str:
        """``symbol+offset`` of the last symbol at or below ``address``; empty if there is none near."""
        table = self._tables[virt]
        at = bisect_right(table, (address, "\x7f")) - 1
        if at < 0 or address - table[at][0] > _FAR:
            return ""
        start, name = table[at]
        return f"{name}+{address - start:#x}" if address > start else name


def _table(symbols: dict[str, int]) -> list[tuple[int, str]]:
    return sorted((value, name) for name, value in symbols.items() if value)
