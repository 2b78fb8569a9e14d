"""Iterative divider with early out (unprivileged spec 13.2)."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Divider"]


def _leading_zeros(m: Module, value, name: str, slow: bool = False):
    """Leading zeros of a 64-bit value, 0..63 (a zero value counts as 63); if ``slow``, a cycle later."""
    step = value
    bits: list[Signal] = []
    for width in (32, 16, 8, 4, 2, 1):
        if slow and width == 8:
            halfway = Signal(16, name=f"{name}_halfway")
            known = [Signal(name=f"{name}_known{n}") for n in range(len(bits))]
            m.d.sync += [halfway.eq(step), *(ours.eq(bit) for ours, bit in zip(known, bits, strict=True))]
            step, bits = halfway, known
        upper = step[width : 2 * width]
        empty = Signal(name=f"{name}_empty{width}")
        narrowed = Signal(width, name=f"{name}_{width}")
        m.d.comb += [empty.eq(~upper.any()), narrowed.eq(Mux(empty, step[:width], upper))]
        bits.append(empty)
        step = narrowed
    return Cat(*reversed(bits))


class Divider(wiring.Component):
    """Restoring division, one quotient bit a cycle, for as many bits as the quotient can have.

    Division by zero gives -1 and the dividend, signed overflow the dividend and 0, as the specification
    demands. Takes 2 cycles and one for each bit by which the dividend is longer than the divisor.

    Parameters
    ----------
    slow: two cycles more, in which leading zeros are counted

    Members
    -------
    start: a division is wanted; hold with stable operands until ``done``
    signed, remainder, word: which of the eight instructions
    a, b: dividend and divisor, 64 bits
    done: ``result`` is good; it stays until ``take``
    take: the result leaves, or is not wanted any more
    """

    start: In(1)
    signed: In(1)
    remainder: In(1)
    word: In(1)
    a: In(64)
    b: In(64)
    take: In(1)
    done: Out(1)
    result: Out(64)

    def __init__(self, slow: bool = False) -> None:
        self.slow = slow
        super().__init__()

    def elaborate(self, platform) -> Module:
        m = Module()
        dividend, divisor = self._extend(m, self.a, "dividend"), self._extend(m, self.b, "divisor")
        negative_a, negative_b = self.signed & dividend[63], self.signed & divisor[63]
        rest = Signal(64)
        shifted = Signal(64)
        quotient = Signal(64)
        steps = Signal(7)
        negate_quotient = Signal()
        negate_rest = Signal()
        difference = Signal(65)
        distance = Signal(7)
        m.d.comb += difference.eq(rest - shifted)
        fits = ~difference[64]
        amount = self._align(m, rest, shifted, distance)

        with m.FSM():
            with m.State("IDLE"), m.If(self.start & ~self.take):
                m.d.sync += [
                    rest.eq(Mux(negative_a, -dividend, dividend)),
                    shifted.eq(Mux(negative_b, -divisor, divisor)),
                    quotient.eq((divisor == 0).replicate(64)),
                    negate_quotient.eq((negative_a ^ negative_b) & (divisor != 0)),
                    negate_rest.eq(negative_a),
                ]
                m.next = "COUNT" if self.slow else "ALIGN"
            if self.slow:
                for state, following in (("COUNT", "ADD"), ("ADD", "ALIGN")):
                    with m.State(state):
                        m.next = following
                        with m.If(self.take):
                            m.next = "IDLE"
            with m.State("ALIGN"):
                m.d.sync += [steps.eq(distance), shifted.eq(shifted << amount)]
                with m.If(distance == 0):
                    m.d.sync += shifted.eq(shifted)
                m.next = "STEP"
                with m.If(self.take):
                    m.next = "IDLE"
            with m.State("STEP"):
                m.d.comb += self.done.eq(steps == 0)
                with m.If(~self.done):
                    m.d.sync += [
                        rest.eq(Mux(fits, difference[:64], rest)),
                        quotient.eq(Cat(fits, quotient)),
                        shifted.eq(shifted >> 1),
                        steps.eq(steps - 1),
                    ]
                with m.If(self.take):
                    m.next = "IDLE"

        wanted = Signal(64)
        chosen = Signal(64)
        negate = Mux(self.remainder, negate_rest, negate_quotient)
        m.d.comb += [
            wanted.eq(Mux(self.remainder, rest, quotient)),
            chosen.eq(Mux(negate, -wanted, wanted)),
            self.result.eq(Mux(self.word, chosen[:32].as_signed(), chosen)),
        ]
        return m

    def _extend(self, m: Module, value, name: str):
        """An operand as 64 bits: for the word forms its low half, extended."""
        wide = Signal(64, name=name)
        m.d.comb += wide.eq(value)
        with m.If(self.word):
            m.d.comb += wide[32:].eq((value[31] & self.signed).replicate(32))
        return wide

    def _align(self, m: Module, rest, shifted, distance):
        """Quotient bits to compute: none if the dividend is shorter than the divisor or the divisor is 0.
        Returns by how much the divisor is shifted if there are any."""
        zeros_rest = _leading_zeros(m, rest, "zeros_rest", self.slow)
        zeros_divisor = _leading_zeros(m, shifted, "zeros_divisor", self.slow)
        if self.slow:
            counted = [Signal(6, name="counted_rest"), Signal(6, name="counted_divisor")]
            some, by = Signal(), Signal(6)
            m.d.sync += [counted[0].eq(zeros_rest), counted[1].eq(zeros_divisor), some.eq(shifted != 0)]
            m.d.comb += by.eq(counted[1] - counted[0])
            with m.If(some & (counted[1] >= counted[0])):
                m.d.comb += distance.eq(by + 1)
            return by
        with m.If((shifted != 0) & (zeros_divisor >= zeros_rest)):
            m.d.comb += distance.eq((zeros_divisor - zeros_rest)[:6] + 1)
        return (distance - 1)[:6]
