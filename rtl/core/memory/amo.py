"""The arithmetic of atomic memory operations (unprivileged spec 14.4)."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.core.stages import AmoOp

__all__ = ["AmoUnit"]


class AmoUnit(wiring.Component):
    """Combinational: new memory value from the old one and rs2.

    Members
    -------
    op: operation
    word: 32-bit operation; then only the low halves count
    old: value loaded, sign-extended to 64 bits
    operand: value of rs2
    result: value to store, in the low 32 or 64 bits
    """

    op: In(AmoOp)
    word: In(1)
    old: In(64)
    operand: In(64)
    result: Out(64)

    def elaborate(self, platform) -> Module:
        m = Module()
        operand = Signal(64)
        less = Signal()
        unsigned = Signal()
        m.d.comb += [
            operand.eq(Mux(self.word, self.operand[:32].as_signed(), self.operand)),
            unsigned.eq((self.op == AmoOp.MINU) | (self.op == AmoOp.MAXU)),
        ]
        # Sign-extended words compare as unsigned numbers in the right order too.
        differ = self.old[63] ^ operand[63]
        m.d.comb += less.eq(Mux(differ, self.old[63] ^ unsigned, self.old < operand))
        with m.Switch(self.op):
            with m.Case(AmoOp.ADD):
                m.d.comb += self.result.eq(self.old + operand)
            with m.Case(AmoOp.XOR):
                m.d.comb += self.result.eq(self.old ^ operand)
            with m.Case(AmoOp.OR):
                m.d.comb += self.result.eq(self.old | operand)
            with m.Case(AmoOp.AND):
                m.d.comb += self.result.eq(self.old & operand)
            with m.Case(AmoOp.MIN, AmoOp.MINU):
                m.d.comb += self.result.eq(Mux(less, self.old, operand))
            with m.Case(AmoOp.MAX, AmoOp.MAXU):
                m.d.comb += self.result.eq(Mux(less, operand, self.old))
            with m.Case(AmoOp.SWAP):
                m.d.comb += self.result.eq(operand)
        return m
