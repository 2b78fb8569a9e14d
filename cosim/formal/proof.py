"""What a proof is written in: a component whose inputs are free, with claims and assumptions beside the
device."""

from amaranth.hdl import Assert, Assume, Elaboratable, Module, Shape, Signal, ValueLike
from amaranth.hdl import Value as HdlValue
from amaranth.lib import wiring

__all__ = ["Proof", "assume", "assume_stable", "claim", "past"]


class _Claim(Elaboratable):
    """A module of its own, so that the solver's complaint names it."""

    def __init__(self, holds: ValueLike) -> None:
        self.holds = holds

    def elaborate(self, platform) -> Module:
        m = Module()
        m.d.comb += Assert(self.holds)
        return m


class Proof(wiring.Component):
    """Base of all proofs. Inputs take any value in any cycle; registers start at their initial values.

    Attributes
    ----------
    depth: cycles that are looked at
    """

    depth: int = 1


def claim(m: Module, name: str, holds: ValueLike) -> None:
    """``holds`` is true in every cycle; ``name`` is what a counter-example is reported by."""
    m.submodules[name] = _Claim(holds)


def assume(m: Module, *holds: ValueLike) -> None:
    """Only behaviour in which all of them are true in every cycle is looked at."""
    m.d.comb += [Assume(one) for one in holds]


def past(m: Module, value: ValueLike, *, init: int = 0) -> Signal:
    """``value`` one cycle ago; in the first cycle ``init``."""
    now = HdlValue.cast(value)
    before = Signal(Shape.cast(now.shape()), init=init, reset_less=True)
    m.d.sync += before.eq(now)
    return before


def assume_stable(m: Module, value: ValueLike) -> None:
    """``value`` is arbitrary but never changes: what is shown holds for each of its values."""
    started = Signal()
    m.d.sync += started.eq(1)
    assume(m, ~started | (past(m, value) == value))
