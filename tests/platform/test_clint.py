# amaranth: UnusedElaboratable=no
"""CLINT: timer, comparator, software interrupt, access sizes."""

import pytest

from rtl.isa.memory_map import CLINT_MSIP, CLINT_MTIME, CLINT_MTIMECMP
from rtl.platform.clint import Clint
from tests.platform.bus import simulate


@pytest.mark.parametrize("cycles_per_tick", [1, 3, 10])
def test_mtime_ticks_once_per_cycles_per_tick(cycles_per_tick):
    clint = Clint(cycles_per_tick)

    async def testbench(ctx, bus):
        await ctx.tick().repeat(7 * cycles_per_tick)
        assert ctx.get(clint.time) == 7
        for _ in range(cycles_per_tick):
            assert ctx.get(clint.time) == 7
            await ctx.tick()
        assert ctx.get(clint.time) == 8

    simulate(clint, testbench)


def test_mtime_is_written_and_read_in_halves_and_whole():
    clint = Clint(1000)

    async def testbench(ctx, bus):
        await bus.write(CLINT_MTIME, 0x1122_3344_5566_7788, 3)
        assert ctx.get(clint.time) == 0x1122_3344_5566_7788
        assert await bus.read(CLINT_MTIME) == 0x5566_7788
        assert await bus.read(CLINT_MTIME + 4) == 0x1122_3344
        await bus.write(CLINT_MTIME + 4, 0xAABB_CCDD)
        assert await bus.read(CLINT_MTIME, 3) == 0xAABB_CCDD_5566_7788

    simulate(clint, testbench)


def test_mtip_is_mtime_at_or_above_mtimecmp():
    clint = Clint(1000)

    async def mtip(ctx):
        await ctx.tick().repeat(2)
        return ctx.get(clint.mtip)

    async def testbench(ctx, bus):
        assert not await mtip(ctx), "no timer interrupt out of reset"
        assert await bus.read(CLINT_MTIMECMP, 3) == (1 << 64) - 1
        await bus.write(CLINT_MTIME, 100, 3)
        for compare, pending in ((101, 0), (100, 1), (99, 1), (1 << 63, 0), (0, 1)):
            await bus.write(CLINT_MTIMECMP, compare, 3)
            assert await mtip(ctx) == pending, compare
        await bus.write(CLINT_MTIMECMP + 4, 1)
        assert not await mtip(ctx), "the high half counts"

    simulate(clint, testbench)


def test_msip_has_one_bit():
    clint = Clint()

    async def testbench(ctx, bus):
        await bus.write(CLINT_MSIP, 0xFFFF_FFFF)
        assert await bus.read(CLINT_MSIP) == 1 and ctx.get(clint.msip) == 1
        await bus.write(CLINT_MSIP + 4, 0)
        assert ctx.get(clint.msip) == 1, "hart 1's register is not hart 0's"
        await bus.write(CLINT_MSIP, 0xFFFF_FFFE)
        assert ctx.get(clint.msip) == 0

    simulate(clint, testbench)


def test_sizes_and_unknown_offsets():
    async def testbench(ctx, bus):
        for size, refused in ((0, True), (1, True), (2, False), (3, False)):
            assert await bus.refuses(CLINT_MTIMECMP, size) == refused
            assert await bus.refuses(CLINT_MTIMECMP, size, write=True) == refused
        assert await bus.read(0x8000, 3) == 0

    simulate(Clint(), testbench)


def test_refused_write_changes_nothing():
    async def testbench(ctx, bus):
        await bus.write(CLINT_MTIMECMP, 0x1234, 3)
        assert await bus.refuses(CLINT_MTIMECMP, 1, write=True)
        assert await bus.read(CLINT_MTIMECMP, 3) == 0x1234

    simulate(Clint(), testbench)


def test_cycles_per_tick_is_checked():
    with pytest.raises(ValueError, match="cycles_per_tick must be at least 1, not 0"):
        Clint(0)
