"""DMA's way into coherent port."""

from amaranth import Module, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from rtl.bus.axi import AxiResp, AxiSignature
from rtl.bus.burst import BurstCounter
from rtl.cache.interface import CacheOp, CoherentPort

__all__ = ["DmaPort"]


class _State(enum.Enum, shape=3):
    IDLE = 0
    REQUEST = 1
    """The current beat's request is offered to the cache (a write's, once its data are there)."""
    WAIT = 2
    """It is under way."""
    READ_DATA = 3
    """A read beat's data wait for the manager."""
    RESPONSE = 4


class DmaPort(wiring.Component):
    """Carries a DMA master's AXI bursts out as requests to the data cache, one 64-bit word per beat.

    Any burst type, size up to 8 bytes, and strobes. One burst at a time; a write goes before a read that
    comes in the same cycle. An address that is not DRAM, or a bus error behind the cache, becomes SLVERR.

    Members
    -------
    bus: the DMA master's port
    port: to the data cache
    """

    def __init__(self, *, id_width: int = 4, addr_width: int = 56) -> None:
        self.addr_width = addr_width
        super().__init__(
            {"bus": In(AxiSignature(id_width=id_width, addr_width=addr_width)), "port": Out(CoherentPort)}
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        bus, port = self.bus, self.port
        m.submodules.burst = burst = BurstCounter(self.addr_width)
        state = Signal(_State)
        writing = Signal()
        ident = Signal.like(bus.arid)
        failed = Signal()
        m.d.comb += [
            port.paddr.eq(burst.address),
            port.wdata.eq(bus.wdata),
            port.wmask.eq(bus.wstrb),
            port.op.eq(CacheOp.READ),
            bus.rid.eq(ident),
            bus.rlast.eq(burst.last),
            bus.bid.eq(ident),
            bus.rvalid.eq(state == _State.READ_DATA),
            bus.bvalid.eq(state == _State.RESPONSE),
        ]
        with m.If(writing):
            m.d.comb += port.op.eq(CacheOp.WRITE)
        with m.If(failed):
            m.d.comb += [bus.rresp.eq(AxiResp.SLVERR), bus.bresp.eq(AxiResp.SLVERR)]
        with m.Switch(state):
            with m.Case(_State.IDLE):
                self._begin(m, state, burst, ident, failed, writing)
            with m.Case(_State.REQUEST):
                m.d.comb += port.valid.eq(~writing | bus.wvalid)
                with m.If(port.valid & port.ready):
                    m.d.comb += bus.wready.eq(writing)
                    m.d.sync += state.eq(_State.WAIT)
            with m.Case(_State.WAIT), m.If(port.done):
                m.d.sync += [bus.rdata.eq(port.rdata), failed.eq((failed & writing) | port.error)]
                with m.If(~writing):
                    m.d.sync += state.eq(_State.READ_DATA)
                with m.Else():
                    m.d.comb += burst.step.eq(1)
                    self._next(m, state, burst, _State.RESPONSE)
            with m.Case(_State.READ_DATA), m.If(bus.rready):
                m.d.comb += burst.step.eq(1)
                self._next(m, state, burst, _State.IDLE)
            with m.Case(_State.RESPONSE), m.If(bus.bready):
                m.d.sync += state.eq(_State.IDLE)
        return m

    def _next(self, m: Module, state: Signal, burst: BurstCounter, end: _State) -> None:
        """Go on to the next beat, or to ``end`` after the last."""
        m.d.sync += state.eq(_State.REQUEST)
        with m.If(burst.last):
            m.d.sync += state.eq(end)

    def _begin(
        self, m: Module, state: Signal, burst: BurstCounter, ident: Signal, failed: Signal, writing: Signal
    ) -> None:
        """Take an address."""
        bus = self.bus
        m.d.comb += [bus.awready.eq(1), bus.arready.eq(~bus.awvalid)]
        m.d.sync += [failed.eq(0), writing.eq(bus.awvalid)]
        with m.If(bus.awvalid | bus.arvalid):
            m.d.comb += burst.load.eq(1)
            m.d.sync += state.eq(_State.REQUEST)
        for prefix, condition in (("ar", ~bus.awvalid), ("aw", bus.awvalid)):
            with m.If(condition):
                m.d.comb += [
                    getattr(burst, name).eq(getattr(bus, prefix + name))
                    for name in ("addr", "len", "size", "burst")
                ]
                m.d.sync += ident.eq(getattr(bus, prefix + "id"))
