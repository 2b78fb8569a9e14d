"""Integer ALU and branch comparison."""

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.core.stages import AluOp, BranchOp

__all__ = ["Alu", "BranchUnit", "any_bit"]


def any_bit(value: Value) -> Value:
    """Whether ``value`` is not zero, by a carry chain: mapping for size makes something deep of a tree."""
    return (value + ((1 << len(value)) - 1))[len(value)]


class Alu(wiring.Component):
    """Combinational integer operations of RV64I (unprivileged spec 4.2).

    Members
    -------
    op: operation
    word: operate on the low 32 bits, sign-extend the result
    a, b: operands, 64 bits
    result: 64 bits
    """

    op: In(AluOp)
    word: In(1)
    a: In(64)
    b: In(64)
    result: Out(64)

    def elaborate(self, platform) -> Module:
        m = Module()
        full = Signal(64)
        subtract = Signal()
        total = Signal(64)
        shift_in = Signal(64)
        amount = Signal(6)
        m.d.comb += [
            subtract.eq(self.op == AluOp.SUB),
            total.eq(Mux(subtract, self.a - self.b, self.a + self.b)),
            amount.eq(Mux(self.word, self.b[:5], self.b[:6])),
            shift_in.eq(self.a),
        ]
        with m.If(self.word):
            sign = self.a[31] & (self.op == AluOp.SRA)
            m.d.comb += shift_in[32:].eq(sign.replicate(32))
        with m.Switch(self.op):
            with m.Case(AluOp.ADD, AluOp.SUB):
                m.d.comb += full.eq(total)
            with m.Case(AluOp.SLL):
                m.d.comb += full.eq(shift_in << amount)
            with m.Case(AluOp.SRL, AluOp.SRA):
                # A negative number is its complement, shifted as if it were positive.
                flip = ((self.op == AluOp.SRA) & shift_in[63]).replicate(64)
                m.d.comb += full.eq(((shift_in ^ flip) >> amount) ^ flip)
            with m.Case(AluOp.SLT, AluOp.SLTU):
                differ = (self.op == AluOp.SLT) & (self.a[63] ^ self.b[63])
                m.d.comb += full.eq((self.a < self.b) ^ differ)
            with m.Case(AluOp.XOR):
                m.d.comb += full.eq(self.a ^ self.b)
            with m.Case(AluOp.OR):
                m.d.comb += full.eq(self.a | self.b)
            with m.Case(AluOp.AND):
                m.d.comb += full.eq(self.a & self.b)
        m.d.comb += self.result.eq(Mux(self.word, full[:32].as_signed(), full))
        return m


class BranchUnit(wiring.Component):
    """Combinational: is the control transfer ``op`` taken for the operands ``a`` and ``b``?

    Parameters
    ----------
    chained: equality is found by a carry chain, too
    """

    op: In(BranchOp)
    a: In(64)
    b: In(64)
    taken: Out(1)

    def __init__(self, chained: bool = False) -> None:
        self.chained = chained
        super().__init__()

    def elaborate(self, platform) -> Module:
        m = Module()
        equal = Signal()
        less = Signal()
        less_unsigned = Signal()
        m.d.comb += [
            equal.eq(~any_bit(self.a ^ self.b) if self.chained else self.a == self.b),
            less_unsigned.eq(self.a < self.b),
            less.eq(Mux(self.a[63] ^ self.b[63], self.a[63], less_unsigned)),
        ]
        with m.Switch(self.op):
            with m.Case(BranchOp.JAL, BranchOp.JALR):
                m.d.comb += self.taken.eq(1)
            with m.Case(BranchOp.BEQ):
                m.d.comb += self.taken.eq(equal)
            with m.Case(BranchOp.BNE):
                m.d.comb += self.taken.eq(~equal)
            with m.Case(BranchOp.BLT):
                m.d.comb += self.taken.eq(less)
            with m.Case(BranchOp.BGE):
                m.d.comb += self.taken.eq(~less)
            with m.Case(BranchOp.BLTU):
                m.d.comb += self.taken.eq(less_unsigned)
            with m.Case(BranchOp.BGEU):
                m.d.comb += self.taken.eq(~less_unsigned)
        return m
