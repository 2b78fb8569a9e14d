"""A core complex without a core: the test plays the hart on its bus."""

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.bus.axi import AxiResp, AxiSignature
from rtl.core.interface import Events, InterruptLines, Retire

__all__ = ["BusError", "CoreStub", "Hart"]

_PATIENCE = 200


class CoreStub(wiring.Component):
    """``rtl.core.complex.CoreComplex``'s ports; ``hart`` is passed to ``bus``."""

    bus: Out(AxiSignature())
    dma: In(AxiSignature())
    lines: In(InterruptLines)
    time: In(64)
    events: Out(Events)
    retire: Out(Retire)
    hart: In(AxiSignature())

    def elaborate(self, platform: object) -> Module:
        m = Module()
        connect(m, flipped(self.hart), flipped(self.bus))
        return m


class BusError(Exception):
    """The access was answered with an error."""


class Hart:
    """Single-beat uncached accesses on ``CoreStub.hart``, as a load/store unit makes them."""

    def __init__(self, ctx, axi) -> None:
        self.ctx, self.axi = ctx, axi

    async def _until(self, signal, *others):
        for _ in range(_PATIENCE):
            _, _, ready, *values = await self.ctx.tick().sample(signal, *others)
            if ready:
                return values
        raise AssertionError("the bus hangs")

    async def read(self, addr: int, size: int = 2) -> int:
        ctx, axi = self.ctx, self.axi
        ctx.set(axi.araddr, addr)
        ctx.set(axi.arsize, size)
        ctx.set(axi.arvalid, 1)
        await self._until(axi.arready)
        ctx.set(axi.arvalid, 0)
        ctx.set(axi.rready, 1)
        rdata, rresp, rlast = await self._until(axi.rvalid, axi.rdata, axi.rresp, axi.rlast)
        ctx.set(axi.rready, 0)
        assert rlast
        if rresp != AxiResp.OKAY:
            raise BusError(f"{addr:#x}: {rresp}")
        return rdata >> 8 * (addr & 7) & (1 << 8 * (1 << size)) - 1

    async def write(self, addr: int, value: int, size: int = 2) -> None:
        ctx, axi = self.ctx, self.axi
        ctx.set(axi.awaddr, addr)
        ctx.set(axi.awsize, size)
        ctx.set(axi.awvalid, 1)
        await self._until(axi.awready)
        ctx.set(axi.awvalid, 0)
        ctx.set(axi.wdata, value << 8 * (addr & 7))
        ctx.set(axi.wstrb, ((1 << (1 << size)) - 1) << (addr & 7))
        ctx.set(axi.wlast, 1)
        ctx.set(axi.wvalid, 1)
        await self._until(axi.wready)
        ctx.set(axi.wvalid, 0)
        ctx.set(axi.bready, 1)
        (bresp,) = await self._until(axi.bvalid, axi.bresp)
        ctx.set(axi.bready, 0)
        if bresp != AxiResp.OKAY:
            raise BusError(f"{addr:#x}: {bresp}")

    async def fails(self, access) -> bool:
        """Whether the access (an awaitable) is answered with an error."""
        try:
            await access
        except BusError:
            return True
        return False
