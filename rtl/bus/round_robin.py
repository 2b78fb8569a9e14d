"""Fair choice among requesters."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["RoundRobin"]


class RoundRobin(wiring.Component):
    """Grants one requester, in the same cycle, starting after the one that was granted last.

    The grant stays with a requester until ``accept`` even if others join, as AXI demands of a valid channel.

    Parameters
    ----------
    count: number of requesters

    Members
    -------
    requests: one bit per requester
    accept: the granted requester is served at the end of this cycle
    grant: one-hot, 0 without requests
    index: number of the granted requester (0 without requests)
    """

    def __init__(self, count: int) -> None:
        if count < 1:
            raise ValueError(f"RoundRobin needs at least one requester, not {count}")
        self.count = count
        super().__init__(
            {
                "requests": In(count),
                "accept": In(1),
                "grant": Out(count),
                "index": Out(range(count)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        last = Signal(range(self.count))
        held = Signal()
        with m.If(held):
            m.d.comb += self.index.eq(last)
        with m.Else(), m.Switch(last):
            for start in range(self.count):
                with m.Case(start):
                    for distance in reversed(range(1, self.count + 1)):
                        candidate = (start + distance) % self.count
                        with m.If(self.requests[candidate]):
                            m.d.comb += self.index.eq(candidate)
        m.d.comb += self.grant.eq(self.requests & (1 << self.index)[: self.count])
        with m.If(self.grant.any()):
            m.d.sync += [last.eq(self.index), held.eq(~self.accept)]
        return m
