"""The data cache against a reference memory, and its exact cycle counts."""

import warnings
from random import Random

import pytest
from amaranth.back import verilog
from amaranth.sim import Simulator

from rtl.cache.dcache import DataCache
from rtl.cache.interface import CacheOp
from rtl.cache.stepped import SteppedDataCache
from rtl.config import CacheConfig
from rtl.isa.memory_map import DRAM_BASE, UART
from tests.bus.axi_memory import AxiMemory
from tests.cache.drivers import Access, CoherentDriver, DataDriver, Reference

READ, WRITE, CAS, CLEAN = CacheOp.READ, CacheOp.WRITE, CacheOp.CAS, CacheOp.CLEAN
SMALL = CacheConfig(ways=2, way_bytes=256)
BOTH = pytest.mark.parametrize("cache", [DataCache, SteppedDataCache])


class Bench:
    """A data cache in front of a memory, with drivers on its ports."""

    def __init__(
        self, config: CacheConfig | None = None, cache: type[DataCache] = DataCache, **memory
    ) -> None:
        self.dut = cache(config or CacheConfig())
        self.reference = Reference()
        self.memory = AxiMemory(self.dut.bus, **memory)
        self.cpu = DataDriver(self.dut.cpu, self.reference)
        self.walker = CoherentDriver(self.dut.walker, self.reference)
        self.dma = CoherentDriver(self.dut.dma, self.reference)
        self.clean = CoherentDriver(self.dut.fetch_clean, self.reference)

    def poke(self, address: int, word: int) -> None:
        """Set a word of memory before the run."""
        self.memory.words[address] = word
        self.reference.words[address] = word

    def run(self, *testbenches) -> None:
        """Simulate until every testbench has ended."""
        simulator = Simulator(self.dut)
        simulator.add_clock(1e-6)
        simulator.add_testbench(self.memory.run, background=True)
        for testbench in testbenches:
            simulator.add_testbench(testbench)
        simulator.run()

    def run_cpu(self, *accesses: Access) -> list[Access]:
        """Simulate the hart alone."""

        async def testbench(ctx):
            await self.cpu.run(ctx, list(accesses))

        self.run(testbench)
        return list(accesses)


def line(number: int, word: int = 0) -> int:
    """Address of a word in line ``number`` of DRAM."""
    return DRAM_BASE + 64 * number + 8 * word


def test_hits_take_one_cycle_each():
    bench = Bench()
    accesses = [Access(line(0))]
    for word in range(8):
        accesses.append(Access(line(0, word), WRITE, wdata=0x1111 * word))
        accesses.append(Access(line(0, word)))
    bench.run_cpu(*accesses)
    warm = accesses[9:]
    assert [access.cycles for access in warm] == [1] * len(warm)


def test_a_store_is_seen_by_the_load_behind_it():
    bench = Bench()
    bench.poke(line(3), 0x1122334455667788)
    accesses = [
        Access(line(3)),
        Access(line(3, 1), idle=20),
        Access(line(3), WRITE, wdata=0xAA00, wmask=0b10),
        Access(line(3)),
        Access(line(3), WRITE, wdata=0xBB << 56, wmask=0x80),
        Access(line(3)),
    ]
    bench.run_cpu(*accesses)
    assert [access.cycles for access in accesses[2:]] == [1] * 4
    assert accesses[-1].rdata == 0xBB2233445566AA88


@pytest.mark.parametrize("latency", [1, 20])
def test_load_miss_cost(latency):
    """Miss seen, address on the bus, and the critical word handed on as it arrives."""
    bench = Bench(latency=latency)
    miss, hit = bench.run_cpu(Access(line(5, 6)), Access(line(5, 6), idle=40))
    assert (miss.cycles, hit.cycles) == (latency + 3, 1)
    assert [burst.address for burst in bench.memory.log] == [line(5, 6)]


@pytest.mark.parametrize("latency", [1, 20])
def test_store_miss_cost(latency):
    """The first store of all must see that there is memory; later ones, up to its page, need not."""
    bench = Bench(latency=latency)
    accesses = bench.run_cpu(
        Access(line(70), WRITE, wdata=1),
        Access(line(5, 2), WRITE, wdata=2, idle=60),
        Access(line(127, 7), WRITE, wdata=3, idle=60),
        Access(line(128), WRITE, wdata=4, idle=60),
        *(Access(line(n), idle=60) for n in (70, 127, 128)),
        Access(line(5, 2)),
    )
    assert [access.cycles for access in accesses[:4]] == [latency + 3, 1, 1, latency + 3]
    assert accesses[-1].rdata == 2


@pytest.mark.parametrize("latency", [1, 20])
def test_stores_into_a_line_on_its_way(latency):
    """All words of a line, backwards: each but the first waits for its word at most, not for the line."""
    bench = Bench(latency=latency)
    stores = [Access(line(1, n), WRITE, wdata=0xAB00 + n, wmask=1) for n in reversed(range(8))]
    loads = [Access(line(1, n)) for n in range(8)]
    for n in range(8):
        bench.poke(line(1, n), 0x1111 * n)
    bench.run_cpu(Access(line(9)), *stores, *loads)
    assert stores[0].cycles == 1
    assert sum(access.cycles for access in stores) < latency + 3 + 8 + 10


def test_hits_go_on_while_a_dirty_line_is_written_back():
    """The victim's words are read when nobody else reads, or when the refill is about to overwrite them."""
    bench = Bench(CacheConfig(ways=2, way_bytes=128), latency=1)
    warm = [Access(line(1)), Access(line(0), WRITE, wdata=7), Access(line(2), WRITE, wdata=8)]
    hits = [Access(line(1)) for _ in range(12)]
    bench.run_cpu(*warm, Access(line(4), WRITE, wdata=9, idle=60), *hits, Access(line(0)), Access(line(2)))
    assert sum(access.cycles - 1 for access in hits) <= 8
    assert [access.cycles for access in hits[:3]] == [1, 1, 1]


def test_walker_hit_is_done_in_the_next_cycle():
    bench = Bench()
    bench.poke(line(1, 2), 99)
    got = []

    async def walker(ctx):
        for _ in range(3):
            got.append(await bench.walker.request(ctx, line(1, 2)))
            await ctx.tick().repeat(20)

    bench.run(walker)
    assert [request[0] for request in got] == [99] * 3
    assert [request[3] for request in got] == [4, 1, 1]


def test_cold_walk_overlaps_the_rest_of_each_line():
    """Reads of cold lines, each known only when the one before is answered: the lines' tails cost nothing."""
    bench = Bench(latency=20)
    cycles = []

    async def walker(ctx):
        for number in range(4):
            cycles.append((await bench.walker.request(ctx, line(number)))[3])

    bench.run(walker)
    assert cycles == [23] * 4


@BOTH
def test_device_accesses_are_exact_and_ordered(cache):
    bench = Bench(cache=cache, latency=3)
    accesses = [
        Access(UART.base + 5, WRITE, wdata=0x42 << 40, wmask=1 << 5, size=0),
        Access(UART.base + 4, size=2),
        Access(UART.base, WRITE, wdata=7, wmask=0xFF, size=3),
    ]
    bench.run_cpu(*accesses)
    taken = [(burst.kind, burst.address, burst.size, len(burst.addresses)) for burst in bench.memory.log]
    assert taken == [("w", UART.base + 5, 0, 1), ("r", UART.base + 4, 2, 1), ("w", UART.base, 3, 1)]
    assert bench.memory.log[0].beats == [(0x42 << 40, 1 << 5)]
    assert accesses[1].rdata == 0x42 << 40


@BOTH
def test_dirty_victim_reaches_memory(cache):
    bench = Bench(SMALL, cache)
    stores = [Access(line(4 * n), WRITE, wdata=n + 1) for n in range(3)]
    bench.run_cpu(*stores, Access(line(8), idle=60))
    assert bench.memory.words[line(0)] == 1
    assert line(4) not in bench.memory.words


@BOTH
def test_errors_reach_whoever_asked(cache):
    bad = line(2)
    bench = Bench(cache=cache, fails=lambda address: address & ~63 == bad or address == UART.base)
    accesses = [
        Access(bad),
        Access(bad, WRITE, wdata=5),
        Access(UART.base, size=0),
        Access(UART.base, WRITE, wdata=1, wmask=1, size=0),
        Access(line(1)),
        Access(bad + 8),
    ]
    walked = []

    async def walker(ctx):
        await ctx.tick().repeat(200)
        walked.append(await bench.walker.request(ctx, bad))
        walked.append(await bench.walker.request(ctx, bad, CAS, wdata=1))
        walked.append(await bench.walker.request(ctx, UART.base))

    async def cpu(ctx):
        await bench.cpu.run(ctx, accesses)

    bench.run(cpu, walker)
    assert [access.error for access in accesses] == [True, True, True, True, False, True]
    assert [request[2] for request in walked] == [1, 1, 1]
    assert not any(burst.kind == "w" and burst.address == bad for burst in bench.memory.log)


def test_late_error_drops_the_line_but_serves_the_good_word():
    bench = Bench(fails=lambda address: address == line(2, 7))
    accesses = [Access(line(2)), Access(line(2, 1), idle=30), Access(line(2), WRITE, wdata=1, idle=30)]
    bench.run_cpu(*accesses)
    assert [access.error for access in accesses] == [False, False, False]
    assert [access.cycles for access in accesses] == [4, 4, 1]


async def add_one(bench: Bench, ctx, address: int, early: int) -> None:
    """An AMO of the hart; lock rises ``early`` cycles before the read is valid."""
    port, pins = bench.dut.cpu, bench.cpu.pins
    pins.set(ctx, index=address & 0xFFF, index_valid=True)
    await ctx.tick().until(port.index_ready)
    pins.set(ctx, index_valid=False, lock=True)
    if early:
        await ctx.tick().repeat(early)
    bench.cpu.present(ctx, Access(address, lock=True))
    pins.set(ctx, valid=True)
    (rdata,) = await ctx.tick().sample(port.rdata).until(port.done)
    assert rdata == bench.reference.read(address)
    pins.set(ctx, valid=False)
    await ctx.tick()
    assert rdata == bench.reference.read(address), "another requester wrote under lock"
    bench.cpu.present(ctx, Access(address, WRITE, wdata=rdata + 1, lock=True))
    pins.set(ctx, valid=True)
    await ctx.tick().until(port.done)
    bench.reference.write(address, rdata + 1, 0xFF)
    pins.set(ctx, valid=False)


@BOTH
@pytest.mark.parametrize("conflict", [True, False])
def test_lock_keeps_writers_out(conflict, cache):
    """AMOs of the hart while DMA and the walker add to the same word; with ``conflict``, while other lines
    push it out of the cache, so that writers wait for its fill when the lock rises."""
    bench = Bench(CacheConfig(ways=1, way_bytes=128) if conflict else SMALL, cache)
    rounds, added = 25, 20
    rng = Random(conflict)
    counts = {"dma": 0, "walker": 0}

    async def cpu(ctx):
        for _ in range(rounds):
            await add_one(bench, ctx, line(0), rng.choice((0, 1, 6)))
            bench.cpu.pins.set(ctx, lock=False)
            await ctx.tick().repeat(rng.randrange(1, 4))
            if conflict:
                await bench.cpu.run(ctx, [Access(line(2))])

    def adder(name, driver):
        async def testbench(ctx):
            for _ in range(added):
                await ctx.tick().repeat(rng.randrange(1, 9))
                old = (await driver.request(ctx, line(0)))[0]
                swapped = (await driver.request(ctx, line(0), CAS, wdata=old + 1, expected=old))[1]
                counts[name] += swapped

        return testbench

    bench.run(cpu, adder("dma", bench.dma), adder("walker", bench.walker))
    assert bench.reference.read(line(0)) == rounds + counts["dma"] + counts["walker"]


@BOTH
def test_lock_lets_the_walker_update_for_the_locking_access(cache):
    """The translation of an AMO may need an A/D update while lock is up already; back to back, too."""
    bench = Bench(cache=cache)
    bench.poke(line(1), 5)

    async def testbench(ctx):
        for number in range(3):
            bench.cpu.pins.set(ctx, lock=True)
            _, swapped, _, cycles = await bench.walker.request(
                ctx, line(1), CAS, expected=5 + number, wdata=6 + number
            )
            assert swapped and cycles < (20 if cache is SteppedDataCache else 16)
            await add_one(bench, ctx, line(0), 0)

    bench.run(testbench)


@BOTH
def test_snoop_tells_of_dma_writes_only(cache):
    bench = Bench(cache=cache)
    seen = []

    async def watch(ctx):
        async for _, _, valid, paddr in ctx.tick().sample(bench.dut.snoop.valid, bench.dut.snoop.paddr):
            if valid:
                seen.append(paddr)

    async def requests(ctx):
        await bench.dma.request(ctx, line(0, 1), WRITE, wdata=1)
        await bench.dma.request(ctx, line(0, 1))
        await bench.walker.request(ctx, line(0, 2), WRITE, wdata=1)
        await bench.dma.request(ctx, line(1, 2), WRITE, wdata=1)
        await bench.cpu.run(ctx, [Access(line(0), WRITE, wdata=1)])

    simulator_watch = watch
    simulator = Simulator(bench.dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench.memory.run, background=True)
    simulator.add_testbench(simulator_watch, background=True)
    simulator.add_testbench(requests)
    simulator.run()
    assert seen == [line(0, 1), line(1, 2)]


def test_dma_is_not_starved_by_a_busy_hart():
    bench = Bench()
    cycles = []

    async def cpu(ctx):
        await bench.cpu.run(ctx, [Access(line(0, n % 8)) for n in range(300)])

    async def dma(ctx):
        await ctx.tick().repeat(40)
        for _ in range(5):
            cycles.append(await bench.dma.request(ctx, line(0)))

    bench.run(cpu, dma)
    assert bench.cpu.cycles < 340


@BOTH
def test_a_line_is_cleaned_while_the_hart_waits_for_the_walker(cache):
    """The hart's operation waits for its translation, the next one offers its index all the time, and the
    walker waits until the instruction cache's line is clean."""
    bench = Bench(cache=cache)
    seen = []

    async def cpu(ctx):
        await bench.cpu.run(ctx, [Access(line(0), WRITE, 7)])
        bench.cpu.pins.set(ctx, index_valid=True, index=0x100)

    async def clean(ctx):
        await ctx.tick().repeat(40)
        await bench.clean.request(ctx, line(0), CLEAN)
        seen.append("clean")

    async def walker(ctx):
        await ctx.tick().repeat(42)
        await bench.walker.request(ctx, line(1))
        seen.append("walker")

    async def deadline(ctx):
        await ctx.tick().repeat(200)
        assert sorted(seen) == ["clean", "walker"]
        assert bench.memory.words[line(0)] == 7

    bench.run(cpu, clean, walker, deadline)


@BOTH
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    "config", [SMALL, CacheConfig(ways=1, way_bytes=128), CacheConfig(ways=4, way_bytes=512)]
)
def test_random_traffic(config, seed, cache):
    """All ports at once on a few lines that fight for the same sets, over a memory of random timing."""
    rng = Random(f"{seed} {config}")
    bench = Bench(config, cache, rng=Random(rng.random()))
    addresses = [line(n, word) for n in [*range(6), *range(8, 14), 64, 128, 192] for word in (0, 1, 3, 7)]
    for address in addresses:
        bench.poke(address, rng.getrandbits(64))
    hot = rng.sample(addresses, 6)

    def pick() -> int:
        return rng.choice(hot if rng.random() < 0.3 else addresses)

    def access() -> Access:
        op = rng.choice((READ, WRITE))
        delay = rng.choice((0, 0, 0, 1, 4))
        idle = rng.choice((0, 0, 0, 0, 1, 9))
        if rng.random() < 0.05:
            return Access(UART.base + 8 * rng.randrange(8), op, wdata=1, wmask=1, size=0, idle=idle)
        return Access(pick(), op, rng.getrandbits(64), rng.getrandbits(8), delay=delay, idle=idle)

    accesses = [access() for _ in range(200)]

    async def cpu(ctx):
        await bench.cpu.run(ctx, accesses)

    def coherent(driver, ops, count):
        async def testbench(ctx):
            for _ in range(count):
                await ctx.tick().repeat(rng.choice((1, 1, 2, 10, 40)))
                address = pick()
                guess = bench.reference.read(address) if rng.random() < 0.8 else 0
                await driver.request(
                    ctx,
                    address,
                    rng.choice(ops),
                    wdata=rng.getrandbits(64),
                    wmask=rng.getrandbits(8),
                    expected=guess,
                )

        return testbench

    async def clean(ctx):
        for _ in range(30):
            await ctx.tick().repeat(rng.choice((1, 5, 30)))
            base = pick() & ~63
            before = {base + 8 * n: bench.reference.read(base + 8 * n) for n in range(8)}
            await bench.clean.request(ctx, base, CLEAN)
            for address, word in before.items():
                if bench.reference.read(address) == word:
                    assert bench.memory.words.get(address, 0) == word, f"{address:#x} is not clean"

    bench.run(
        cpu,
        coherent(bench.walker, (READ, READ, CAS), 50),
        coherent(bench.dma, (READ, WRITE), 50),
        clean,
    )


def test_elaborates_to_verilog():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "module data_cache" in verilog.convert(DataCache(CacheConfig()), name="data_cache")
