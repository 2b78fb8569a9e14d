"""Drives a device through its register bus in the Amaranth simulator."""

from collections.abc import Awaitable, Callable

from amaranth.lib import wiring
from amaranth.sim import Simulator

__all__ = ["BusDriver", "Refused", "simulate"]

_PATIENCE = 20


class Refused(Exception):
    """The device answered with ``error``."""


class BusDriver:
    """One access at a time on a ``PeripheralSignature`` port, at the bridge's side."""

    def __init__(self, ctx, bus) -> None:
        self.ctx = ctx
        self.bus = bus

    async def access(self, addr: int, size: int, write: bool, value: int) -> int:
        """``size`` is log2 of the bytes; the value is right-aligned both ways."""
        ctx, bus, shift = self.ctx, self.bus, 8 * (addr & 7)
        assert addr & (1 << size) - 1 == 0, "the bridge aligns accesses"
        ctx.set(bus.addr, addr)
        ctx.set(bus.size, size)
        ctx.set(bus.write, write)
        ctx.set(bus.wdata, value << shift)
        ctx.set(bus.wstrb, ((1 << (1 << size)) - 1) << (addr & 7) if write else 0)
        ctx.set(bus.valid, 1)
        for _ in range(_PATIENCE):
            _, _, ready, error, rdata = await ctx.tick().sample(bus.ready, bus.error, bus.rdata)
            if ready:
                ctx.set(bus.valid, 0)
                if error:
                    raise Refused(hex(addr))
                return rdata >> shift & (1 << 8 * (1 << size)) - 1
        raise AssertionError(f"no answer from {addr:#x}")

    async def read(self, addr: int, size: int = 2) -> int:
        return await self.access(addr, size, False, 0)

    async def write(self, addr: int, value: int, size: int = 2) -> None:
        await self.access(addr, size, True, value)

    async def refuses(self, addr: int, size: int, write: bool = False) -> bool:
        """Whether the access is refused."""
        try:
            await self.access(addr, size, write, 0)
        except Refused:
            return True
        return False


def simulate(
    device: wiring.Component,
    testbench: Callable[[object, BusDriver], Awaitable[None]],
    *background: Callable[[object], Awaitable[None]],
) -> None:
    """Run ``testbench(ctx, driver)`` against ``device.bus`` until it returns."""
    simulator = Simulator(device)
    simulator.add_clock(1e-6)

    async def run(ctx) -> None:
        await testbench(ctx, BusDriver(ctx, device.bus))

    simulator.add_testbench(run)
    for process in background:
        simulator.add_testbench(process, background=True)
    simulator.run()
