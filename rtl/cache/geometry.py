"""How a cacheable physical address selects a tag, a set and a word."""

from amaranth import Cat, Const
from amaranth.lib import data

from rtl.cache.interface import DRAM_ADDRESS_BITS
from rtl.config import CacheConfig
from rtl.isa.paging import PA_BITS

__all__ = ["WORD_BITS", "Geometry"]

WORD_BITS = 3
"""log2 of the bytes in a 64-bit word."""


class Geometry:
    """Field widths of an address in a cache of 64-bit words.

    Only DRAM is cached, so the tag ends at DRAM's size (30 bits), not at the 56 physical address bits.

    Attributes
    ----------
    ways, sets, words: number of ways, sets and 64-bit words in a line
    set_bits, offset_bits, tag_bits: widths in bits; ``offset`` is the word in its line
    word_address_bits: width of {set, offset}, the data arrays' address
    """

    def __init__(self, config: CacheConfig) -> None:
        if not 16 <= config.line_bytes <= 128:
            raise ValueError(
                f"CacheConfig.line_bytes must be 16..128 (an AXI wrapping burst of 64-bit beats), "
                f"not {config.line_bytes}"
            )
        if config.way_bytes < 2 * config.line_bytes:
            raise ValueError(
                f"CacheConfig.way_bytes must hold at least two lines of {config.line_bytes} bytes, "
                f"not {config.way_bytes} bytes"
            )
        self.ways = config.ways
        self.sets = config.sets
        self.words = config.line_bytes >> WORD_BITS
        self.offset_bits = (self.words - 1).bit_length()
        self.set_bits = (self.sets - 1).bit_length()
        self.word_address_bits = self.set_bits + self.offset_bits
        self.tag_bits = DRAM_ADDRESS_BITS - self.word_address_bits - WORD_BITS

    @property
    def address(self) -> data.StructLayout:
        """Layout over the low 30 bits of a physical address."""
        return data.StructLayout(
            {
                "byte": WORD_BITS,
                "offset": self.offset_bits,
                "set": self.set_bits,
                "tag": self.tag_bits,
            }
        )

    @property
    def line(self) -> data.StructLayout:
        """Layout that names a line: its set and tag."""
        return data.StructLayout({"set": self.set_bits, "tag": self.tag_bits})

    def split(self, paddr):
        """View the physical address ``paddr`` as fields."""
        return data.View(self.address, paddr[:DRAM_ADDRESS_BITS])

    def word_address(self, paddr):
        """{set, offset} of ``paddr``; untranslated bits only, so a page offset serves as well."""
        return paddr[WORD_BITS : WORD_BITS + self.word_address_bits]

    def paddr(self, line, offset, base: int):
        """Physical address of word ``offset`` of ``line`` in the memory that starts at ``base``."""
        return Cat(
            Const(0, WORD_BITS),
            offset,
            line.set,
            line.tag,
            Const(base >> DRAM_ADDRESS_BITS, PA_BITS - DRAM_ADDRESS_BITS),
        )
