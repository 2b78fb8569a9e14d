"""Places for instructions before decode, which are expanded on their way in."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.core.decode.expander import Expander
from rtl.core.stages import Fetched

__all__ = ["Expanded", "InstructionBuffer"]


class Expanded(data.Struct):
    """An instruction with its 32-bit form."""

    fetched: Fetched
    word: 32
    illegal: 1
    """It is compressed and has none."""


class InstructionBuffer(wiring.Component):
    """Passes instructions on later; neither side waits for the other in the same cycle.

    With ``pairs`` there are two places behind the expanders, and it takes one instruction in a cycle, or two
    when it is empty; each leaves in the next cycle at the earliest. Else there are two places before the
    expander and one behind it, and an instruction leaves two cycles after it came.

    Members
    -------
    source, source_follower, source_follower_valid, source_pair: from the fetch queue; the fault must stand
        until the next ``flush``
    instruction, follower, follower_valid, pair: to decode, as the fetch queue would offer them
    flush: empties it; nothing is offered meanwhile

    Parameters
    ----------
    pairs: take two instructions
    """

    def __init__(self, *, pairs: bool) -> None:
        self.pairs = pairs
        super().__init__(
            {
                "source": In(stream.Signature(Fetched)),
                "source_follower": In(Fetched),
                "source_follower_valid": In(1),
                "source_pair": Out(1),
                "instruction": Out(stream.Signature(Expanded)),
                "follower": Out(Expanded),
                "follower_valid": Out(1),
                "pair": In(1),
                "flush": In(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        if self.pairs:
            self._expand_before(m)
        else:
            self._expand_between(m)
        return m

    def _expand_between(self, m: Module) -> None:
        waiting, spare, ready = Signal(Fetched), Signal(Fetched), Signal(Expanded)
        """``spare`` takes what comes while ``waiting`` must wait."""
        waiting_valid, spare_valid, ready_valid = Signal(), Signal(), Signal()
        moves = Signal()
        taken = Signal()
        m.d.comb += [
            self.source.ready.eq(~spare_valid),
            taken.eq(self.source.valid & ~spare_valid),
            moves.eq(~ready_valid | self.instruction.ready),
            self.instruction.valid.eq(ready_valid & ~self.flush),
            self.instruction.p.eq(ready),
            # Only one fetch faults, and nothing is fetched behind it.
            self.instruction.p.fetched.fault.eq(self.source.p.fault),
        ]
        expanded = self._expand(m, "waiting", waiting)
        with m.If(moves):
            m.d.sync += [ready.eq(expanded), ready_valid.eq(waiting_valid)]
        with m.If(moves | ~waiting_valid):
            m.d.sync += [
                waiting.eq(Mux(spare_valid, spare, self.source.p)),
                waiting_valid.eq(spare_valid | taken),
            ]
        with m.If(~spare_valid):
            m.d.sync += [spare.eq(self.source.p), spare_valid.eq(taken & waiting_valid & ~moves)]
        with m.Elif(moves):
            m.d.sync += spare_valid.eq(0)
        with m.If(self.flush):
            m.d.sync += [waiting_valid.eq(0), spare_valid.eq(0), ready_valid.eq(0)]

    def _expand_before(self, m: Module) -> None:
        arriving = self._expand(m, "source", self.source.p)
        first, second = Signal(Expanded), Signal(Expanded)
        first_valid, second_valid = Signal(), Signal()
        taken = Signal()
        leaves = Signal()
        m.d.comb += [
            self.source.ready.eq(~second_valid),
            taken.eq(self.source.valid & ~second_valid),
            leaves.eq(first_valid & self.instruction.ready),
            self.instruction.valid.eq(first_valid & ~self.flush),
            self.instruction.p.eq(first),
            # Only one fetch faults, and nothing is fetched behind it.
            self.instruction.p.fetched.fault.eq(self.source.p.fault),
        ]
        with m.If(leaves | ~first_valid):
            m.d.sync += [first.eq(Mux(second_valid, second, arriving)), first_valid.eq(second_valid | taken)]
        with m.If(~second_valid):
            m.d.sync += [second.eq(arriving), second_valid.eq(taken & first_valid & ~leaves)]
        with m.Elif(leaves):
            m.d.sync += second_valid.eq(0)
        self._pair(m, first, second, first_valid, second_valid, taken, leaves)
        with m.If(self.flush):
            m.d.sync += [first_valid.eq(0), second_valid.eq(0)]

    def _expand(self, m: Module, name: str, fetched) -> Signal:
        m.submodules[f"{name}_expander"] = expander = Expander()
        expanded = Signal(Expanded, name=f"{name}_expanded")
        m.d.comb += [
            expander.instruction.eq(fetched.instruction[:16]),
            expanded.fetched.eq(fetched),
            expanded.word.eq(Mux(fetched.compressed, expander.expanded, fetched.instruction)),
            expanded.illegal.eq(fetched.compressed & expander.illegal),
        ]
        return expanded

    def _pair(self, m: Module, first, second, first_valid, second_valid, taken, leaves) -> None:
        """Take two, offer two."""
        a, b = first.fetched, second.fetched
        follower = self._expand(m, "follower", self.source_follower)
        m.d.comb += [
            self.source_pair.eq(self.source_follower_valid & ~first_valid),
            self.follower.eq(second),
            self.follower_valid.eq(
                second_valid
                & ~(a.predicted_taken | a.bad_prediction | a.fault_valid)
                & ~(b.bad_prediction | b.fault_valid)
            ),
        ]
        with m.If(~first_valid):
            m.d.sync += [second.eq(follower), second_valid.eq(taken & self.source_pair)]
        with m.Elif(leaves & self.pair):
            m.d.sync += first_valid.eq(0)
