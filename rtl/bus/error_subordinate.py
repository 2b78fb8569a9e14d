"""The answer to addresses where nothing is."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from rtl.bus.axi import AxiResp, AxiSignature

__all__ = ["AxiErrorSubordinate"]


class AxiErrorSubordinate(wiring.Component):
    """Answers every burst with DECERR and zeroes (AMBA AXI4, A3.4.4), one read and one write at a time."""

    def __init__(self, *, id_width: int = 4, addr_width: int = 56) -> None:
        super().__init__({"bus": In(AxiSignature(id_width=id_width, addr_width=addr_width))})

    def elaborate(self, platform) -> Module:
        m = Module()
        bus = self.bus
        left = Signal(8)
        m.d.comb += [
            bus.arready.eq(~bus.rvalid),
            bus.rresp.eq(AxiResp.DECERR),
            bus.rlast.eq(left == 0),
            bus.bresp.eq(AxiResp.DECERR),
        ]
        with m.If(bus.arvalid & bus.arready):
            m.d.sync += [bus.rvalid.eq(1), bus.rid.eq(bus.arid), left.eq(bus.arlen)]
        with m.Elif(bus.rvalid & bus.rready):
            m.d.sync += [bus.rvalid.eq(~bus.rlast), left.eq(left - 1)]

        swallowing = Signal()
        m.d.comb += [bus.awready.eq(~swallowing & ~bus.bvalid), bus.wready.eq(swallowing)]
        with m.If(bus.awvalid & bus.awready):
            m.d.sync += [swallowing.eq(1), bus.bid.eq(bus.awid)]
        with m.If(bus.wvalid & bus.wready & bus.wlast):
            m.d.sync += [swallowing.eq(0), bus.bvalid.eq(1)]
        with m.If(bus.bvalid & bus.bready):
            m.d.sync += bus.bvalid.eq(0)
        return m
