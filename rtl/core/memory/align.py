"""Byte lanes: loads out of, and stores into, aligned 64-bit words."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["LoadAligner", "StoreAligner"]


class LoadAligner(wiring.Component):
    """Combinational: the value of a load from one aligned word, or from two.

    Members
    -------
    offset: byte offset of the access in the first word
    size, unsigned: log2 bytes; zero-extend
    word: the word just read: the first one, or the second one if ``second``
    second, saved: the access crosses words; ``saved`` is what ``part`` was for the first word
    part: ``word`` moved down to bit 0
    value: the extended value
    """

    offset: In(3)
    size: In(2)
    unsigned: In(1)
    word: In(64)
    second: In(1)
    saved: In(64)
    part: Out(64)
    value: Out(64)

    def elaborate(self, platform) -> Module:
        m = Module()
        shift = Cat(Const(0, 3), self.offset)
        raw = Signal(64)
        m.d.comb += [
            self.part.eq(self.word >> shift),
            raw.eq(Mux(self.second, self.saved | (self.word << (64 - shift)[:7]), self.part)),
        ]
        with m.Switch(self.size):
            for size, bits in enumerate((8, 16, 32)):
                with m.Case(size):
                    sign = raw[bits - 1] & ~self.unsigned
                    m.d.comb += self.value.eq(Cat(raw[:bits], sign.replicate(64 - bits)))
            with m.Default():
                m.d.comb += self.value.eq(raw)
        return m


class StoreAligner(wiring.Component):
    """Combinational: data and byte mask of a store for its first aligned word, and for its second.

    Members
    -------
    offset: byte offset of the access in the first word
    size: log2 bytes
    value: what to store, in the low bits
    second: give the part in the second word
    word, mask: data in its lanes, and which bytes to write
    crosses: the access reaches into a second word
    """

    offset: In(3)
    size: In(2)
    value: In(64)
    second: In(1)
    word: Out(64)
    mask: Out(8)
    crosses: Out(1)

    def elaborate(self, platform) -> Module:
        m = Module()
        bytes_mask = Signal(8)
        with m.Switch(self.size):
            for size in range(4):
                with m.Case(size):
                    m.d.comb += bytes_mask.eq((1 << (1 << size)) - 1)
        lanes = Signal(16)
        shift = Cat(Const(0, 3), self.offset)
        m.d.comb += [
            lanes.eq(bytes_mask << self.offset),
            self.crosses.eq(lanes[8:].any()),
            self.mask.eq(Mux(self.second, lanes[8:], lanes[:8])),
            self.word.eq(Mux(self.second, self.value >> (64 - shift)[:7], self.value << shift)),
        ]
        return m
