"""The data cache's bus: lines and devices share its channels."""

from amaranth import Const, Module, Mux, Signal

from rtl.bus.axi import AxiBurst
from rtl.cache.fill import FillQueue
from rtl.cache.geometry import Geometry
from rtl.cache.uncached import DEVICE_ID, LINE_ID, DeviceAccess
from rtl.cache.writeback import WriteBack
from rtl.isa.memory_map import DRAM_BASE

__all__ = ["share_reads", "share_writes"]


def share_reads(
    m: Module, g: Geometry, cpu, fill: FillQueue, device: DeviceAccess, bus, *, registered: bool
) -> None:
    """Line fills and device reads share the read address channel. ``registered``: the choice stands in a
    register, so that a device's turn comes a cycle later."""
    held = Signal()
    select = Signal()
    chosen = device.ar_valid & (held | ~fill.ar_valid)
    m.d.comb += [
        select.eq(held if registered else chosen),
        bus.arvalid.eq(
            Mux(select, device.ar_valid, fill.ar_valid) if registered else device.ar_valid | fill.ar_valid
        ),
        bus.arid.eq(Mux(select, DEVICE_ID, LINE_ID)),
        bus.araddr.eq(
            Mux(
                select,
                device.address,
                g.paddr(fill.ar_line, fill.ar_offset, DRAM_BASE),
            )
        ),
        bus.arlen.eq(Mux(select, 0, g.words - 1)),
        bus.arsize.eq(Mux(select, cpu.size, 3)),
        bus.arburst.eq(Mux(select, AxiBurst.INCR, AxiBurst.WRAP)),
        device.ar_ready.eq(bus.arready & select),
        fill.ar_ready.eq(bus.arready & ~select),
        device.r_valid.eq(bus.rvalid & (bus.rid == DEVICE_ID)),
        device.r_resp.eq(bus.rresp),
    ]
    m.d.sync += held.eq(chosen if registered else select)


def share_writes(
    m: Module, g: Geometry, cpu, writeback: WriteBack, device: DeviceAccess, bus, *, registered: bool
) -> None:
    """Lines written back and device writes share the write channels, each until its data are out.
    ``registered``: the choice stands in a register."""
    held = Signal()
    select = Signal()
    base = g.paddr(writeback.held, Const(0, g.offset_bits), DRAM_BASE)
    chosen = device.sending & (held | ~writeback.sending)
    m.d.comb += [
        select.eq(held if registered else chosen),
        bus.awvalid.eq(Mux(select, device.aw_valid, writeback.aw_valid)),
        bus.awid.eq(Mux(select, DEVICE_ID, LINE_ID)),
        bus.awaddr.eq(Mux(select, device.address, base)),
        bus.awlen.eq(Mux(select, 0, g.words - 1)),
        bus.awsize.eq(Mux(select, cpu.size, 3)),
        bus.awburst.eq(AxiBurst.INCR),
        bus.wvalid.eq(Mux(select, device.w_valid, writeback.w_valid)),
        bus.wdata.eq(Mux(select, cpu.wdata, writeback.w_data)),
        bus.wstrb.eq(Mux(select, cpu.wmask, 0xFF)),
        bus.wlast.eq(select | writeback.w_last),
        device.aw_ready.eq(bus.awready & select),
        device.w_ready.eq(bus.wready & select),
        writeback.aw_ready.eq(bus.awready & ~select),
        writeback.w_ready.eq(bus.wready & ~select),
        bus.bready.eq(1),
        device.b_valid.eq(bus.bvalid & (bus.bid == DEVICE_ID)),
        device.b_resp.eq(bus.bresp),
        writeback.b_valid.eq(bus.bvalid & (bus.bid == LINE_ID)),
    ]
    m.d.sync += held.eq(chosen if registered else select)
