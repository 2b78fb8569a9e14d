"""From AXI to the peripheral bus."""

from amaranth import Module, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from rtl.bus.axi import AxiResp, AxiSignature
from rtl.bus.burst import BurstCounter
from rtl.bus.peripheral import PeripheralSignature

__all__ = ["PeripheralBridge"]


class _State(enum.Enum, shape=3):
    IDLE = 0
    READ = 1
    """The access of a read beat is on the peripheral bus."""
    READ_DATA = 2
    """Its data wait for the manager."""
    WRITE = 3
    """The access of a write beat waits for its data, then it is on the peripheral bus."""
    RESPONSE = 4


class PeripheralBridge(wiring.Component):
    """Carries AXI bursts out as accesses to devices, one beat after the other.

    Each beat is one access of the burst's size, at most 8 bytes, at the beat's address. One burst at a time;
    a write goes before a read that comes in the same cycle. A refused access becomes SLVERR: of its beat in a
    read, of the whole burst in a write. Beats of a write without strobes reach no device.

    Parameters
    ----------
    cut: as :class:`BurstCounter` says

    Members
    -------
    bus: the manager's port
    peripheral: to the devices; the address is the low 32 bits of the physical address
    """

    def __init__(self, *, id_width: int = 4, addr_width: int = 56, cut: bool = False) -> None:
        self.addr_width = addr_width
        self.cut = cut
        super().__init__(
            {
                "bus": In(AxiSignature(id_width=id_width, addr_width=addr_width)),
                "peripheral": Out(PeripheralSignature()),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        bus, device = self.bus, self.peripheral
        m.submodules.burst = burst = BurstCounter(self.addr_width, cut=self.cut)
        state = Signal(_State)
        ident = Signal.like(bus.arid)
        failed = Signal()
        m.d.comb += [
            device.addr.eq(burst.address),
            device.size.eq(burst.beat_size),
            device.wdata.eq(bus.wdata),
            device.wstrb.eq(bus.wstrb),
            device.write.eq(state == _State.WRITE),
            bus.rid.eq(ident),
            bus.rlast.eq(burst.last),
            bus.bid.eq(ident),
            bus.rvalid.eq(state == _State.READ_DATA),
            bus.bvalid.eq(state == _State.RESPONSE),
        ]
        with m.If(failed):
            m.d.comb += [bus.rresp.eq(AxiResp.SLVERR), bus.bresp.eq(AxiResp.SLVERR)]
        with m.Switch(state):
            with m.Case(_State.IDLE):
                self._begin(m, state, burst, ident, failed)
            with m.Case(_State.READ):
                m.d.comb += device.valid.eq(1)
                with m.If(device.ready):
                    m.d.sync += [
                        state.eq(_State.READ_DATA),
                        bus.rdata.eq(device.rdata),
                        failed.eq(device.error),
                    ]
            with m.Case(_State.READ_DATA), m.If(bus.rready):
                m.d.comb += burst.step.eq(1)
                with m.If(burst.last):
                    m.d.sync += state.eq(_State.IDLE)
                with m.Else():
                    m.d.sync += state.eq(_State.READ)
            with m.Case(_State.WRITE):
                self._write_beat(m, state, burst, failed)
            with m.Case(_State.RESPONSE), m.If(bus.bready):
                m.d.sync += state.eq(_State.IDLE)
        return m

    def _begin(self, m: Module, state: Signal, burst: BurstCounter, ident: Signal, failed: Signal) -> None:
        """Take an address."""
        bus = self.bus
        m.d.comb += [bus.awready.eq(1), bus.arready.eq(~bus.awvalid)]
        m.d.sync += failed.eq(0)
        with m.If(bus.awvalid):
            m.d.comb += [
                getattr(burst, name).eq(getattr(bus, "aw" + name))
                for name in ("addr", "len", "size", "burst")
            ]
            m.d.comb += burst.load.eq(1)
            m.d.sync += [ident.eq(bus.awid), state.eq(_State.WRITE)]
        with m.Elif(bus.arvalid):
            m.d.comb += [
                getattr(burst, name).eq(getattr(bus, "ar" + name))
                for name in ("addr", "len", "size", "burst")
            ]
            m.d.comb += burst.load.eq(1)
            m.d.sync += [ident.eq(bus.arid), state.eq(_State.READ)]

    def _write_beat(self, m: Module, state: Signal, burst: BurstCounter, failed: Signal) -> None:
        """Carry the write out while its data are held on W; take them when the device answers."""
        bus, device = self.bus, self.peripheral
        empty = ~bus.wstrb.any()
        m.d.comb += [
            device.valid.eq(bus.wvalid & ~empty),
            bus.wready.eq(device.ready | empty),
        ]
        with m.If(bus.wvalid & bus.wready):
            m.d.comb += burst.step.eq(1)
            m.d.sync += failed.eq(failed | (device.error & ~empty))
            with m.If(burst.last):
                m.d.sync += state.eq(_State.RESPONSE)
