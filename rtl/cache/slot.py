"""The coherent requesters' common place in the data cache's pipeline."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from rtl.cache.geometry import Geometry
from rtl.cache.interface import CacheOp, CoherentPort, is_cacheable
from rtl.isa.paging import PA_BITS

__all__ = ["PATIENCE", "CoherentRequest", "CoherentSlot", "CoherentSource"]

PATIENCE = 8
"""Cycles that a request gives way to the hart before it insists."""


class CoherentSource(enum.Enum, shape=2):
    """Who occupies the slot."""

    WALKER = 0
    CLEAN = 1
    DMA = 2


class CoherentRequest(data.Struct):
    """A request as taken from a CoherentPort."""

    paddr: PA_BITS
    op: CacheOp
    wdata: 64
    wmask: 8
    expected: 64


class CoherentSlot(wiring.Component):
    """Takes one request at a time from the walker, the instruction cache and DMA; keeps it until it is done.

    While ``lock`` is up, requests that write are not taken.

    Members
    -------
    wants: the slot would use the arrays in this cycle, at ``word_address``; ``urgent``: before the hart
    granted: it does; what the arrays give in the next cycle is for ``request``, if ``evaluating``
    evaluating: ``request`` is to be answered in this cycle if possible
    request, busy, source: the request kept
    retried: it could not be answered when it was looked up first
    complete, rdata, swapped, error: answer to it
    """

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry
        super().__init__(
            {
                "walker": In(CoherentPort),
                "clean": In(CoherentPort),
                "dma": In(CoherentPort),
                "lock": In(1),
                "wants": Out(1),
                "urgent": Out(1),
                "word_address": Out(geometry.word_address_bits),
                "granted": In(1),
                "evaluating": Out(1),
                "retried": Out(1),
                "busy": Out(1),
                "source": Out(CoherentSource),
                "request": Out(CoherentRequest),
                "cacheable": Out(1),
                "complete": In(1),
                "rdata": In(64),
                "swapped": In(1),
                "error": In(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        ports = self._ports()
        offer = Signal()
        source = Signal(CoherentSource)
        offered = Signal(CoherentRequest)
        waited = Signal(range(PATIENCE + 1))
        patience_ends = waited == PATIENCE

        for name, port in reversed(ports.items()):
            writes = (port.op == CacheOp.WRITE) | (port.op == CacheOp.CAS)
            with m.If(port.valid & ~(writes & self.lock)):
                m.d.comb += [offer.eq(1), source.eq(name)]
                m.d.comb += [
                    offered[field].eq(getattr(port, field)) for field in CoherentRequest.as_shape().members
                ]
        for name, port in ports.items():
            m.d.comb += [
                port.ready.eq(self.granted & ~self.busy & offer & (source == name)),
                port.done.eq(self.complete & (self.source == name)),
                port.rdata.eq(self.rdata),
                port.swapped.eq(self.swapped),
                port.error.eq(self.error),
            ]

        m.d.comb += [
            self.wants.eq(Mux(self.busy, ~self.evaluating, offer)),
            self.urgent.eq(patience_ends | (~self.busy & (source == CoherentSource.WALKER))),
            self.word_address.eq(
                self.geometry.word_address(Mux(self.busy, self.request.paddr, offered.paddr))
            ),
            self.cacheable.eq(is_cacheable(self.request.paddr)),
        ]
        m.d.sync += self.evaluating.eq(self.granted)
        with m.If(self.evaluating):
            m.d.sync += self.retried.eq(1)
        with m.If(self.granted & ~self.busy):
            m.d.sync += [
                self.busy.eq(1),
                self.retried.eq(0),
                self.source.eq(source),
                self.request.eq(offered),
            ]
        with m.If(self.complete):
            m.d.sync += [self.busy.eq(0), self.evaluating.eq(0)]
        with m.If(self.granted | ~self.wants):
            m.d.sync += waited.eq(0)
        with m.Elif(~patience_ends):
            m.d.sync += waited.eq(waited + 1)
        return m

    def _ports(self) -> dict:
        """Where the requests of each source come from, those of the first source first."""
        return {
            CoherentSource.WALKER: self.walker,
            CoherentSource.CLEAN: self.clean,
            CoherentSource.DMA: self.dma,
        }
