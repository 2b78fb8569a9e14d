"""Two places for instructions between the fetch queue and decode."""

from amaranth import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.core.stages import Fetched

__all__ = ["InstructionBuffer"]


class InstructionBuffer(wiring.Component):
    """Passes instructions on a cycle later; neither side waits for the other in the same cycle.

    It takes one instruction in a cycle, or two when it is empty.

    Members
    -------
    source, source_follower, source_follower_valid, source_pair: from the fetch queue; the fault must stand
        until the next ``flush``
    instruction, follower, follower_valid, pair: to decode, as the fetch queue would offer them
    flush: empties it

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
                "instruction": Out(stream.Signature(Fetched)),
                "follower": Out(Fetched),
                "follower_valid": Out(1),
                "pair": In(1),
                "flush": In(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        first, second = Signal(Fetched), Signal(Fetched)
        first_valid, second_valid = Signal(), Signal()
        taken = Signal()
        leaves = Signal()
        m.d.comb += [
            self.source.ready.eq(~second_valid),
            taken.eq(self.source.valid & ~second_valid),
            leaves.eq(first_valid & self.instruction.ready),
            self.instruction.valid.eq(first_valid),
            self.instruction.p.eq(first),
            # Only one fetch faults, and nothing is fetched behind it.
            self.instruction.p.fault.eq(self.source.p.fault),
        ]
        with m.If(leaves | ~first_valid):
            m.d.sync += [
                first.eq(Mux(second_valid, second, self.source.p)),
                first_valid.eq(second_valid | taken),
            ]
        with m.If(~second_valid):
            m.d.sync += [second.eq(self.source.p), second_valid.eq(taken & first_valid & ~leaves)]
        with m.Elif(leaves):
            m.d.sync += second_valid.eq(0)
        if self.pairs:
            m.d.comb += [
                self.source_pair.eq(self.source_follower_valid & ~first_valid),
                self.follower.eq(second),
                self.follower_valid.eq(
                    second_valid
                    & ~(first.predicted_taken | first.bad_prediction | first.fault_valid)
                    & ~(second.bad_prediction | second.fault_valid)
                ),
            ]
            with m.If(~first_valid):
                m.d.sync += [second.eq(self.source_follower), second_valid.eq(taken & self.source_pair)]
            with m.Elif(leaves & self.pair):
                m.d.sync += first_valid.eq(0)
        with m.If(self.flush):
            m.d.sync += [first_valid.eq(0), second_valid.eq(0)]
        return m
