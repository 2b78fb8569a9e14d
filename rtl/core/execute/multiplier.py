"""Pipelined multiplier (unprivileged spec 13.1)."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Multiplier"]


class Multiplier(wiring.Component):
    """Partial products in the first cycle, their sum in the second: a result is used after one bubble. With a
    register behind the sum, it stands there from the third cycle on.

    Members
    -------
    enable: take the operands at the end of this cycle
    function: funct3 of the instruction: 0 mul, 1 mulh, 2 mulhsu, 3 mulhu
    word: mulw
    a, b: operands, 64 bits
    result: product of the operands last taken, 64 bits

    Parameters
    ----------
    registered: ``result`` comes out of a register, not of adders
    """

    enable: In(1)
    function: In(2)
    word: In(1)
    a: In(64)
    b: In(64)
    result: Out(64)

    def __init__(self, *, registered: bool = False) -> None:
        self.registered = registered
        super().__init__()

    def elaborate(self, platform) -> Module:
        m = Module()
        halves = ((0, 0), (0, 1), (1, 0), (1, 1))
        partial = {(i, j): Signal(64, name=f"partial_{'lh'[i]}{'lh'[j]}") for i, j in halves}
        correction = Signal(64)
        high = Signal()
        word = Signal()
        signed_a, signed_b = self.function != 3, ~self.function[1]
        with m.If(self.enable):
            for (i, j), product in partial.items():
                m.d.sync += product.eq(self.a[32 * i :][:32] * self.b[32 * j :][:32])
            # The high half of the unsigned product is too large by the other operand for each negative one.
            m.d.sync += [
                correction.eq(Mux(signed_a & self.a[63], self.b, 0) + Mux(signed_b & self.b[63], self.a, 0)),
                high.eq(self.function != 0),
                word.eq(self.word),
            ]
        middle = Signal(65)
        low = Signal(65)
        upper = Signal(64)
        m.d.comb += [
            middle.eq(partial[0, 1] + partial[1, 0]),
            low.eq(partial[0, 0] + (middle[:32] << 32)),
            upper.eq(partial[1, 1] + middle[32:] + low[64] - correction),
        ]
        m.d["sync" if self.registered else "comb"] += self.result.eq(
            Mux(high, upper, Mux(word, low[:32].as_signed(), low[:64]))
        )
        return m
