"""The coherent requesters' place in the data cache with a register behind the tags."""

from amaranth import Module, Signal

from rtl.cache.interface import is_cacheable
from rtl.cache.slot import PATIENCE, CoherentRequest, CoherentSlot, CoherentSource

__all__ = ["SteppedSlot"]


class SteppedSlot(CoherentSlot):
    """Takes a request into its register first, and asks for the arrays from there, so that nothing of the
    requesters is in the path to the arrays. The answer leaves it through a register, too.

    ``granted`` while ``evaluating``: there is no answer yet, the arrays show the same once more.

    The walker, who may withdraw a request that is not taken, is told in the same cycle that it is, but has to
    wait for the others, who never ask twice in a row. They are told in the cycle behind the one in which the
    arrays were first read for them: what ``swapped`` says of memory holds from there.

    ``lock`` is the cache's own affair: it writes nothing for the slot while it is locked.
    """

    def elaborate(self, platform) -> Module:
        m = Module()
        unread = Signal()
        """The arrays have not been read for the request yet."""
        taken = Signal()
        """They were, for the first time, in the last cycle."""
        done = Signal()
        waited = Signal(range(PATIENCE + 1))
        insists = waited == PATIENCE
        for name, port in self._ports().items():
            m.d.comb += [
                port.ready.eq(taken & (self.source == name)),
                port.done.eq(done & (self.source == name)),
            ]
            m.d.sync += [
                port.rdata.eq(self.rdata),
                port.swapped.eq(self.swapped),
                port.error.eq(self.error),
            ]
        others = self.clean.valid | self.dma.valid
        m.d.comb += [
            self.walker.ready.eq(~self.busy & ~others),
            self.wants.eq(self.busy & ~self.evaluating),
            self.urgent.eq(insists | (~self.retried & (self.source == CoherentSource.WALKER))),
            self.word_address.eq(self.geometry.word_address(self.request.paddr)),
            self.cacheable.eq(is_cacheable(self.request.paddr)),
        ]
        m.d.sync += [
            self.evaluating.eq(self.granted),
            taken.eq(self.granted & unread),
            done.eq(self.complete),
        ]
        with m.If(self.evaluating & ~self.granted):
            m.d.sync += self.retried.eq(1)
        with m.If(self.granted):
            m.d.sync += unread.eq(0)
        with m.If(~self.busy):
            m.d.sync += [self.busy.eq(others | self.walker.valid), self.retried.eq(0), unread.eq(1)]
            with m.If(self.clean.valid):
                self._take(m, CoherentSource.CLEAN, self.clean)
            with m.Elif(self.dma.valid):
                self._take(m, CoherentSource.DMA, self.dma)
            with m.Else():
                # Whether there is a request comes late.
                self._take(m, CoherentSource.WALKER, self.walker)
        with m.If(self.complete):
            m.d.sync += [self.busy.eq(0), self.evaluating.eq(0)]
        with m.If(self.granted | ~self.wants):
            m.d.sync += waited.eq(0)
        with m.Elif(~insists):
            m.d.sync += waited.eq(waited + 1)
        return m

    def _take(self, m: Module, source: CoherentSource, port) -> None:
        m.d.sync += self.source.eq(source)
        m.d.sync += [
            self.request[name].eq(getattr(port, name)) for name in CoherentRequest.as_shape().members
        ]
