"""Page-table entries of Sv39 and Sv39x4 as hardware sees them (Supervisor chapter, Sv39)."""

from amaranth.hdl import Cat, Mux, Value
from amaranth.lib import data

from rtl.isa.paging import LEVEL_BITS, PPN_BITS, Pte

__all__ = ["PteLayout", "index_of", "is_giga", "is_mega"]


def is_mega(level: Value) -> Value:
    """A leaf at ``level`` (2 bits, 0 to 2) maps 2 MiB or more."""
    return level != 0


def is_giga(level: Value) -> Value:
    """A leaf at ``level`` (2 bits, 0 to 2) maps 1 GiB."""
    return level[1]


def index_of(page: Value, level: Value) -> Value:
    """The 9-bit table index that ``page`` (a page number) has at ``level``."""
    parts = [page[LEVEL_BITS * i : LEVEL_BITS * (i + 1)] for i in range(3)]
    return Mux(level[1], parts[2], Mux(level[0], parts[1], parts[0]))


class PteLayout(data.Struct):
    """A 64-bit page-table entry; bits 63:54 are reserved here (no Svnapot, no Svpbmt)."""

    v: 1
    r: 1
    w: 1
    x: 1
    u: 1
    g: 1
    a: 1
    d: 1
    rsw: 2
    ppn: PPN_BITS
    reserved: 10

    def is_leaf(self) -> Value:
        """R or X: the entry maps a page, else it points to the next table."""
        return self.r | self.x

    def misaligned(self, level: Value) -> Value:
        """A superpage whose low page-number bits are not zero (step 5)."""
        low, high = self.ppn[:LEVEL_BITS].any(), self.ppn[LEVEL_BITS : 2 * LEVEL_BITS].any()
        return (is_mega(level) & low) | (is_giga(level) & high)

    def malformed(self, level: Value) -> Value:
        """Not valid, reserved encoding or reserved bit set, table below the last level, misaligned."""
        flags = self.as_value()
        common = ~self.v | (self.w & ~self.r) | self.reserved.any()
        table = (flags & (Pte.A | Pte.D | Pte.U)).any() | (level == 0)
        return common | Mux(self.is_leaf(), self.misaligned(level), table)

    def page(self, level: Value, page: Value) -> Value:
        """The 44-bit physical page number of the 4 KiB page ``page`` inside this leaf."""
        return Cat(
            Mux(is_mega(level), page[:LEVEL_BITS], self.ppn[:LEVEL_BITS]),
            Mux(is_giga(level), page[LEVEL_BITS : 2 * LEVEL_BITS], self.ppn[LEVEL_BITS : 2 * LEVEL_BITS]),
            self.ppn[2 * LEVEL_BITS :],
        )
