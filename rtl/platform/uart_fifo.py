"""The 16550's character FIFO, with its 16450 mode of one character."""

from amaranth import Module, Mux, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

__all__ = ["DEPTH", "UartFifo"]

DEPTH = 16


class UartFifo(wiring.Component):
    """Sixteen characters, or one while ``deep`` is 0.

    Attributes
    ----------
    w, r: streams of 8 bits
        In and out; a character can leave in the cycle after it came.
    deep: In(1)
        FIFO mode.
    clear: In(1)
        Forget everything at the end of this cycle, what comes in this cycle too.
    level: Out(5)
        Characters held.
    """

    w: In(stream.Signature(8))
    r: Out(stream.Signature(8))
    deep: In(1)
    clear: In(1)
    level: Out(range(DEPTH + 1))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        clear = Signal()
        m.submodules.fifo = fifo = ResetInserter(clear)(SyncFIFO(width=8, depth=DEPTH))
        m.d.comb += [
            clear.eq(self.clear),
            self.w.ready.eq(Mux(self.deep, fifo.w_rdy, fifo.level == 0)),
            fifo.w_data.eq(self.w.payload),
            fifo.w_en.eq(self.w.valid & self.w.ready),
            self.r.payload.eq(fifo.r_data),
            self.r.valid.eq(fifo.r_rdy),
            fifo.r_en.eq(self.r.ready),
            self.level.eq(fifo.level),
        ]
        return m
