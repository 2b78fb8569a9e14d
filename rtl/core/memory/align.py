"""Byte lanes: loads out of, and stores into, aligned 64-bit words."""

from amaranth import Cat, Const, Module, Mux, Signal, Value
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
    second, saved: the access crosses words; ``saved`` is what ``part`` was for the first word (its bytes
        that are the second word's do not matter)
    part: ``word`` turned so that the byte at ``offset`` is the lowest
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
        raw = Signal(64)
        turned = Signal(64)
        upper = Signal(8)
        """Bytes of the value that an aligned word does not have: they come from the second one."""
        m.d.comb += [
            turned.eq(_turn(m, self.word, self.offset, "down")),
            self.part.eq(turned),
            upper.eq(Const(0xFF00, 16) >> self.offset),
            raw.eq(turned),
        ]
        with m.If(self.second):
            m.d.comb += raw.eq(
                Cat(Mux(upper[n], turned[8 * n : 8 * n + 8], self.saved[8 * n : 8 * n + 8]) for n in range(8))
            )
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
    word, mask: data in its lanes (the other lanes hold anything), and which bytes to write
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
        m.d.comb += [
            lanes.eq(bytes_mask << self.offset),
            self.crosses.eq(lanes[8:].any()),
            self.mask.eq(Mux(self.second, lanes[8:], lanes[:8])),
            self.word.eq(_turn(m, self.value, (-self.offset)[:3], "up")),
        ]
        return m


def _turn(m: Module, word: Value, count: Value, name: str) -> Value:
    """``word`` rotated right by ``count`` bytes."""
    for bit in reversed(range(3)):
        turned = Signal(64, name=f"{name}_{1 << bit}")
        m.d.comb += turned.eq(Mux(count[bit], word.rotate_right(8 << bit), word))
        word = turned
    return word
