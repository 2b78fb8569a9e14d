"""The integer ALU of ``Cuts.execute``."""

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.core.execute.alu import any_bit
from rtl.core.stages import AluOp

__all__ = ["SplitAlu", "sum_differs"]


def sum_differs(a: Value, b: Value, other: Value) -> Value:
    """Whether ``a`` + ``b`` without its lowest bit is not ``other``, without its carries: if a bit of the
    sum is as in ``other``, its carry out follows from that, and must be the next bit's carry in."""
    carries = Cat(a[0] & b[0], ((a & b) | ((a | b) & ~other))[1:-1])
    return any_bit(Cat(other[0], (a ^ b ^ other)[1:] ^ carries))


class SplitAlu(wiring.Component):
    """As ``Alu``, in a shape that suits an FPGA: one carry chain, and a shifter of stages of two bits, which
    the results that are needed at once do not pass, and behind which there is one choice only.

    Members
    -------
    op, word, a, b, result: as of ``Alu``
    source: what is shifted, instead of ``a``
    shifts: ``op`` is a shift
    quick: result of any other one
    aside: ``result`` is ``others``
    """

    op: In(AluOp)
    word: In(1)
    a: In(64)
    b: In(64)
    source: In(64)
    aside: In(1)
    others: In(64)
    result: Out(64)
    shifts: Out(1)
    quick: Out(64)

    def elaborate(self, platform) -> Module:
        m = Module()
        left, right, sign = self._shift(m)
        subtract = Signal()
        total = Signal(66)
        less = Signal()
        m.d.comb += [
            subtract.eq(self.op.as_value().matches(AluOp.SUB, AluOp.SLT, AluOp.SLTU)),
            # The lowest bit is the carry in, the highest one the carry out.
            total.eq(Cat(Const(1, 1), self.a) + Cat(subtract, self.b ^ subtract.replicate(64))),
            less.eq(~total[65] ^ ((self.op == AluOp.SLT) & (self.a[63] ^ self.b[63]))),
        ]
        with m.Switch(self.op):
            with m.Case(AluOp.XOR):
                m.d.comb += self.quick.eq(self.a ^ self.b)
            with m.Case(AluOp.OR):
                m.d.comb += self.quick.eq(self.a | self.b)
            with m.Case(AluOp.AND):
                m.d.comb += self.quick.eq(self.a & self.b)
            with m.Case(AluOp.SLT, AluOp.SLTU):
                m.d.comb += self.quick.eq(less)
            with m.Default():
                m.d.comb += self.quick.eq(total[1:65])
                with m.If(self.word):
                    m.d.comb += self.quick.eq(total[1:33].as_signed())
        m.d.comb += [
            self.shifts.eq(self.op.as_value().matches(AluOp.SLL, AluOp.SRL, AluOp.SRA)),
        ]
        # The halves of a word's result are chosen for themselves: its sign has a path of its own.
        for half, extends in ((slice(0, 32), Const(0, 1)), (slice(32, 64), self.word)):
            wanted, rest = Signal(name=f"wanted{half.start}"), Signal(32, name=f"rest{half.start}")
            shifted = Mux(self.op == AluOp.SLL, left[half], right[half])
            m.d.comb += [
                wanted.eq(self.shifts & ~extends & ~self.aside),
                rest.eq(Mux(self.shifts & extends, sign.replicate(32), self.quick[half])),
                self.result[half].eq(Mux(wanted, shifted, Mux(self.aside, self.others[half], rest))),
            ]
        return m

    def _shift(self, m: Module) -> tuple[Signal, Signal, Signal]:
        """Shifted left and right, and a word's sign."""
        amount, fill, source = Signal(6), Signal(), self.source
        left, right = Signal(64, name="left0"), Signal(64, name="right0")
        m.d.comb += [
            amount.eq(Cat(self.b[:5], self.b[5] & ~self.word)),
            fill.eq((self.op == AluOp.SRA) & Mux(self.word, source[31], source[63])),
            left.eq(source),
            right.eq(Cat(source[:32], Mux(self.word, fill.replicate(32), source[32:]))),
        ]
        for low in (4, 2, 0):
            lefts, rights = Signal(64, name=f"left{6 - low}"), Signal(64, name=f"right{6 - low}")
            with m.Switch(amount[low : low + 2]):
                for times in range(4):
                    by = times << low
                    with m.Case(times):
                        m.d.comb += [
                            lefts.eq(Cat(Const(0, by), left[: 64 - by])),
                            rights.eq(Cat(right[by:], fill.replicate(by))),
                        ]
            left, right = lefts, rights
        sign = Signal()
        from_left = Cat(reversed(source[:32])).bit_select(self.b[:5], 1)
        from_right = source[31] & ((self.op == AluOp.SRA) | ~self.b[:5].any())
        m.d.comb += sign.eq(Mux(self.op == AluOp.SLL, from_left, from_right))
        return left, right, sign
