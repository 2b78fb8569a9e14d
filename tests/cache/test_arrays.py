"""Valid and dirty bits of the cache arrays: what a set shows in the cycle after each change."""

from amaranth.sim import Simulator

from rtl.cache.arrays import CacheArrays
from rtl.cache.geometry import Geometry
from rtl.config import CacheConfig

GEOMETRY = Geometry(CacheConfig(ways=4, way_bytes=512))


class Bench:
    """Changes of one cycle each, and what a set shows afterwards."""

    def __init__(self, ctx, dut: CacheArrays) -> None:
        self.ctx, self.dut = ctx, dut

    async def cycle(self, show: int = 0, **members) -> tuple[int, int]:
        """One cycle with ``members``; valid and dirty ways of the set ``show`` behind it."""
        inputs = {"tag_line": {"set": 0, "tag": 0}, "read_address": show << GEOMETRY.offset_bits, **members}
        for name, value in inputs.items():
            self.ctx.set(getattr(self.dut, name), value)
        await self.ctx.tick()
        for name in members.keys() - {"tag_line"}:
            self.ctx.set(getattr(self.dut, name), 0)
        return self.ctx.get(self.dut.valid), self.ctx.get(self.dut.dirty)

    async def name(self, set_: int, ways: int, show: int = 0, **members) -> tuple[int, int]:
        return await self.cycle(show, tag_ways=ways, tag_line={"set": set_, "tag": 5}, **members)


def run(test) -> None:
    dut = CacheArrays(GEOMETRY)
    simulator = Simulator(dut)
    simulator.add_clock(1e-8)

    async def bench(ctx):
        await test(Bench(ctx, dut))

    simulator.add_testbench(bench)
    simulator.run()


def test_named_and_forgotten():
    async def test(bench):
        assert await bench.name(3, 0b0001, show=3) == (0b0001, 0)
        assert await bench.name(3, 0b0100, show=3) == (0b0101, 0)
        assert (await bench.cycle(show=2))[0] == 0
        assert (await bench.cycle(show=3, flush=1))[0] == 0
        # What the memory holds from before the flush does not come back.
        assert await bench.name(3, 0b0010, show=3) == (0b0010, 0)
        assert await bench.name(3, 0b1000, show=3, flush=1) == (0, 0)
        assert (await bench.cycle(show=3))[0] == 0

    run(test)


def test_a_dropped_line_never_shows_again():
    async def test(bench):
        await bench.name(1, 0b0011, show=1)
        await bench.name(2, 0b1000)
        # In the cycle in which another line is named, of the same set or of another one
        assert await bench.name(1, 0b0100, show=1, drop_ways=0b0001, drop_set=1) == (0b0110, 0)
        assert (await bench.name(4, 0b0001, show=1))[0] == 0b0110
        for _ in range(3):
            assert (await bench.cycle(show=1))[0] == 0b0110
        assert (await bench.cycle(show=2, drop_ways=0b1000, drop_set=2))[0] == 0
        # Its place is taken again at once
        assert (await bench.name(2, 0b1000, show=2))[0] == 0b1000
        for _ in range(3):
            assert (await bench.cycle(show=2))[0] == 0b1000
        assert (await bench.cycle(show=4))[0] == 0b0001

    run(test)


def test_dirty_bits_follow_stores_and_cleaning():
    async def test(bench):
        await bench.name(6, 0b0001, show=6)
        assert await bench.cycle(show=6, dirty_ways=0b0001) == (0b0001, 0b0001)
        assert await bench.name(6, 0b0010, show=6, tag_dirty=1) == (0b0011, 0b0011)
        assert await bench.cycle(show=6, clean_ways=0b0001) == (0b0011, 0b0010)
        assert await bench.name(6, 0b0010, show=6) == (0b0011, 0)
        await bench.cycle(show=6, dirty_ways=0b0010)
        # A line that is named anew is clean, whatever was there.
        await bench.cycle(show=6, drop_ways=0b0010, drop_set=6)
        assert await bench.name(6, 0b0010, show=6) == (0b0011, 0)

    run(test)
