"""The instruction cache, alone and beside the data cache, against what fence.i promises."""

from random import Random

import pytest
from amaranth import Module
from amaranth.back import verilog
from amaranth.lib import wiring
from amaranth.lib.wiring import Out, connect, flipped
from amaranth.sim import Simulator

from rtl.bus.arbiter import AxiArbiter
from rtl.bus.axi import AxiSignature
from rtl.cache.dcache import DataCache
from rtl.cache.icache import InstructionCache
from rtl.cache.interface import CacheOp, DataPort, FetchPort
from rtl.config import CacheConfig
from rtl.isa.memory_map import BOOT_ROM, DRAM_BASE
from tests.bus.axi_memory import AxiMemory
from tests.bus.pins import Pins
from tests.cache.drivers import Access, DataDriver, Reference

SMALL = CacheConfig(ways=2, way_bytes=256)
_STAGED = pytest.mark.parametrize("staged", [False, True])


class Caches(wiring.Component):
    """Both caches on one bus."""

    def __init__(self, config: CacheConfig, *, staged: bool = False) -> None:
        self.config = config
        self.staged = staged
        super().__init__(
            {
                "fetch": wiring.In(FetchPort),
                "cpu": wiring.In(DataPort),
                "bus": Out(AxiSignature()),
                "miss": Out(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.icache = icache = InstructionCache(self.config, staged=self.staged)
        m.submodules.dcache = dcache = DataCache(self.config)
        m.submodules.arbiter = arbiter = AxiArbiter(2)
        connect(m, flipped(self.fetch), icache.cpu)
        connect(m, flipped(self.cpu), dcache.cpu)
        connect(m, icache.clean, dcache.fetch_clean)
        connect(m, dcache.bus, arbiter.managers[0])
        connect(m, icache.bus, arbiter.managers[1])
        connect(m, arbiter.bus, flipped(self.bus))
        m.d.comb += self.miss.eq(icache.miss)
        return m


class FetchDriver:
    """Plays the fetch unit, one aligned word after the other."""

    def __init__(self, port, *, staged: bool = False) -> None:
        self.port = port
        self.pins = Pins(port)
        self.staged = staged

    async def run(self, ctx, addresses: list[int], withdraw=lambda: False) -> list[tuple[int, int, int]]:
        """Fetch ``addresses`` as fast as the port allows; returns (data, error, cycles of stage 1) of each.
        ``withdraw()`` is asked each cycle whether to give a waiting fetch up; its result is then None.
        The staged cache may answer that fetch nevertheless, a cycle later, in which there is none."""
        port = self.port
        waiting = list(reversed(addresses))
        first = None
        withdrawn = False
        cycles = 0
        results = []
        while waiting or first is not None:
            shows = bool(waiting) and not (self.staged and first is not None)
            self.pins.set(ctx, index_valid=shows, valid=first is not None, paddr=first or 0)
            if waiting:
                self.pins.set(ctx, index=waiting[-1] & 0xFFF)
            _, _, taken, done, data, error = await ctx.tick().sample(
                port.index_ready, port.done, port.data, port.error
            )
            cycles += 1
            late, withdrawn = withdrawn and self.staged, False
            if done and not (late and first is None):
                assert first is not None
                results.append((data, error, cycles))
                first = None
            elif first is not None and withdraw():
                results.append(None)
                first, withdrawn = None, True
            if shows and taken:
                assert first is None
                first = waiting.pop()
                cycles = 0
        self.pins.set(ctx, index_valid=False, valid=False)
        return results


def run(dut, memory: AxiMemory, *testbenches) -> None:
    """Simulate until every testbench has ended."""
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(memory.run, background=True)
    for testbench in testbenches:
        simulator.add_testbench(testbench)
    simulator.run()


def fetch_all(addresses: list[int], latency: int = 1, *, staged: bool = False) -> tuple[list, AxiMemory]:
    """Fetch ``addresses`` from memory in which every word holds its own address."""
    dut = Caches(CacheConfig(), staged=staged)
    memory = AxiMemory(dut.bus, latency=latency)
    for address in addresses:
        for word in range(address & ~63, (address & ~63) + 64, 8):
            memory.words[word] = word
    results = []

    async def testbench(ctx):
        results.extend(await FetchDriver(dut.fetch, staged=dut.staged).run(ctx, addresses))

    run(dut, memory, testbench)
    return results, memory


@pytest.mark.parametrize("latency", [1, 20])
def test_miss_cost_and_streaming(latency):
    """Miss seen, line asked to be clean, address on the bus; then a word per cycle as they arrive."""
    start = DRAM_BASE + 0x110
    addresses = [DRAM_BASE + 0x100 + (start + 8 * n) % 64 for n in range(8)] * 2
    results, memory = fetch_all(addresses, latency)
    assert [data for data, _, _ in results] == addresses
    assert [cycles for _, _, cycles in results] == [latency + 4] + [1] * 15
    assert len(memory.log) == 1


@pytest.mark.parametrize("latency", [1, 20])
def test_miss_cost_in_stages(latency):
    """A cycle more to notice the miss, one until the fill begins, one for the answer; one without any between
    two fetches."""
    addresses = [DRAM_BASE + 0x100 + 8 * n for n in range(8)] * 2
    results, memory = fetch_all(addresses, latency, staged=True)
    assert [data for data, _, _ in results] == addresses
    assert [cycles for _, _, cycles in results] == [latency + 7] + [2] * 15
    assert len(memory.log) == 1


@_STAGED
def test_boot_rom_is_not_cached(staged):
    address = BOOT_ROM.base + 8
    results, memory = fetch_all([address, address, DRAM_BASE, address], staged=staged)
    assert [data for data, _, _ in results] == [address, address, DRAM_BASE, address]
    taken = [(burst.address, burst.size, len(burst.addresses)) for burst in memory.log]
    assert taken == [(address, 3, 1), (address, 3, 1), (DRAM_BASE, 3, 8), (address, 3, 1)]


@_STAGED
def test_errors(staged):
    bad = DRAM_BASE + 0x40
    dut = Caches(CacheConfig(), staged=staged)
    memory = AxiMemory(dut.bus, fails=lambda address: address in (bad + 24, BOOT_ROM.base))
    results = []

    async def testbench(ctx):
        order = [bad, bad + 24, bad + 32, bad + 24, BOOT_ROM.base, BOOT_ROM.base + 8, DRAM_BASE]
        results.extend(await FetchDriver(dut.fetch, staged=dut.staged).run(ctx, order))

    run(dut, memory, testbench)
    assert [error for _, error, _ in results] == [0, 1, 0, 1, 1, 0, 0]


@_STAGED
def test_stores_are_fetched_after_a_flush(staged):
    dut = Caches(CacheConfig(), staged=staged)
    memory = AxiMemory(dut.bus)
    address = DRAM_BASE + 0x80
    got = []

    async def testbench(ctx):
        fetcher, cpu = FetchDriver(dut.fetch, staged=dut.staged), DataDriver(dut.cpu)
        for value in (11, 22):
            await cpu.run(ctx, [Access(address, CacheOp.WRITE, wdata=value)])
            got.append((await fetcher.run(ctx, [address]))[0][0])
            ctx.set(dut.fetch.flush, 1)
            await ctx.tick()
            ctx.set(dut.fetch.flush, 0)
            got.append((await fetcher.run(ctx, [address]))[0][0])

    run(dut, memory, testbench)
    assert got == [11, 11, 11, 22]


@_STAGED
@pytest.mark.parametrize("wait", [2, 8, 14, 18])
def test_a_line_on_its_way_is_not_fetched_after_a_flush(wait, staged):
    """The refill was read from memory before the store, and arrives after fence.i."""
    dut = Caches(CacheConfig(), staged=staged)
    memory = AxiMemory(dut.bus, latency=20)
    address = DRAM_BASE + 0x80
    memory.words[address] = 11
    got = []

    async def testbench(ctx):
        fetcher, cpu = FetchDriver(dut.fetch, staged=dut.staged), DataDriver(dut.cpu)
        await cpu.run(ctx, [Access(address)])
        patience = iter([False] * wait + [True] * 100)
        await fetcher.run(ctx, [address], lambda: next(patience))
        await cpu.run(ctx, [Access(address, CacheOp.WRITE, wdata=22)])
        ctx.set(dut.fetch.flush, 1)
        await ctx.tick()
        ctx.set(dut.fetch.flush, 0)
        got.append((await fetcher.run(ctx, [address]))[0][0])

    run(dut, memory, testbench)
    assert got == [22]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("config", [SMALL, CacheConfig(ways=1, way_bytes=128)])
@_STAGED
def test_random_code_modification(staged, config, seed):
    """Fetches with withdrawals and flushes, while the hart stores to the same lines: a fetch sees the value
    of the last flush or a newer one."""
    rng = Random(f"{seed} {config}")
    dut = Caches(config, staged=staged)
    memory = AxiMemory(dut.bus, rng=Random(rng.random()))
    reference = Reference()
    words = [DRAM_BASE + 64 * n + 8 * w for n in [*range(6), 8, 16, 32] for w in (0, 2, 7)]
    for word in words + [BOOT_ROM.base + 8 * n for n in range(8)]:
        memory.words[word] = reference.words[word] = rng.getrandbits(64)
    allowed = {word: {reference.read(word)} for word in reference.words}
    stopped = []

    async def fetches(ctx):
        fetcher = FetchDriver(dut.fetch, staged=dut.staged)
        for _ in range(15):
            wanted = rng.choices(words, k=rng.randrange(1, 12))
            if rng.random() < 0.2:
                wanted.append(BOOT_ROM.base + 8 * rng.randrange(8))
            patience = rng.choice((0.0, 0.02, 0.3))
            results = await fetcher.run(ctx, wanted, lambda p=patience: rng.random() < p)
            for word, result in zip(wanted, results, strict=True):
                if result is not None:
                    assert result[0] in allowed[word], f"fetch {word:#x} is stale"
            if rng.random() < 0.5:
                ctx.set(dut.fetch.flush, 1)
                for word in words:
                    allowed[word] = {reference.read(word)}
                await ctx.tick()
                ctx.set(dut.fetch.flush, 0)
        stopped.append(True)

    async def stores(ctx):
        cpu = DataDriver(dut.cpu, reference)
        while not stopped:
            word = rng.choice(words)
            await cpu.run(
                ctx, [Access(word, CacheOp.WRITE, rng.getrandbits(64), idle=rng.choice((0, 1, 30)))]
            )
            allowed[word].add(reference.read(word))
            if rng.random() < 0.3:
                await cpu.run(ctx, [Access(rng.choice(words))])

    run(dut, memory, fetches, stores)


def test_elaborates_to_verilog():
    assert "module icache" in verilog.convert(InstructionCache(CacheConfig()), name="icache")
