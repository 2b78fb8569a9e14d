"""Walking through the beats of an AXI burst."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.bus.axi import AxiBurst

__all__ = ["BurstCounter"]


class BurstCounter(wiring.Component):
    """Address and number of the current beat of a burst (AMBA AXI4, A3.4.1).

    Parameters
    ----------
    cut: work out how a burst wraps from registers, in the cycle behind ``load`` (``Cuts.bus``)

    Members
    -------
    load, addr, len, size, burst: begin this burst in the next cycle
    step: go to the next beat in the next cycle
    address: address of the current beat; the first one is the burst's, later ones are aligned to the size
    beat_size: its size, log2 of the bytes
    last: it is the last beat
    """

    def __init__(self, addr_width: int = 56, *, cut: bool = False) -> None:
        self.addr_width = addr_width
        self.cut = cut
        super().__init__(
            {
                "load": In(1),
                "addr": In(addr_width),
                "len": In(8),
                "size": In(3),
                "burst": In(AxiBurst),
                "step": In(1),
                "address": Out(addr_width),
                "beat_size": Out(3),
                "last": Out(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        left = Signal(8)
        burst = Signal(AxiBurst)
        wrap_mask = Signal(12)
        """Address bits that move in a wrapping burst: at most 16 beats of 128 bytes."""
        if self.cut:
            wrap_mask = self._wrap_mask(m, left)
        width = self.addr_width
        m.d.comb += self.last.eq(left == 0)
        inside_beat = Signal(7)
        following = Signal(width)
        wrapped = Signal(width)
        m.d.comb += [
            inside_beat.eq((1 << self.beat_size) - 1),
            following.eq((self.address | inside_beat) + 1),
            wrapped.eq(self.address),
            wrapped[:12].eq((self.address[:12] & ~wrap_mask) | (following[:12] & wrap_mask)),
        ]
        with m.If(self.load):
            m.d.sync += [
                self.address.eq(self.addr),
                self.beat_size.eq(self.size),
                burst.eq(self.burst),
                left.eq(self.len),
            ]
            if not self.cut:
                m.d.sync += wrap_mask.eq(((self.len + 1) << self.size) - 1)
        with m.Elif(self.step):
            m.d.sync += left.eq(left - 1)
            with m.Switch(burst):
                with m.Case(AxiBurst.INCR):
                    m.d.sync += self.address.eq(following)
                with m.Case(AxiBurst.WRAP):
                    m.d.sync += self.address.eq(wrapped)
        return m

    def _wrap_mask(self, m: Module, left: Signal) -> Signal:
        """The mask in its first cycle, while ``left`` is still the burst's length, and from then on."""
        now, kept, first = Signal(12), Signal(12), Signal()
        m.d.comb += now.eq(Mux(first, ((left + 1) << self.beat_size) - 1, kept))
        m.d.sync += [first.eq(self.load), kept.eq(now)]
        return now
