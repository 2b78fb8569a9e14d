"""What is different in the data cache that compares tags in a cycle of its own: cycles, and withdrawal."""

import pytest
from amaranth.sim import Simulator

from rtl.cache.interface import CacheOp
from rtl.cache.stepped import SteppedDataCache
from rtl.isa.memory_map import UART
from tests.cache.drivers import Access
from tests.cache.test_dcache import Bench, line

READ, WRITE, CAS = CacheOp.READ, CacheOp.WRITE, CacheOp.CAS


def test_hits_take_two_cycles_each():
    bench = Bench(cache=SteppedDataCache)
    accesses = [Access(line(0))]
    for word in range(8):
        accesses.append(Access(line(0, word), WRITE, wdata=0x1111 * word, idle=40))
        accesses.append(Access(line(0, word)))
    bench.run_cpu(*accesses)
    assert [access.cycles for access in accesses[1:]] == [2] * 16


@pytest.mark.parametrize("latency", [1, 20])
def test_miss_cost(latency):
    """A load gets the word as it arrives; a store leaves its bytes with the fill."""
    bench = Bench(cache=SteppedDataCache, latency=latency)
    accesses = bench.run_cpu(
        Access(line(5, 6)), Access(line(4, 1), WRITE, wdata=9, idle=40), Access(line(4, 1), idle=40)
    )
    assert [access.cycles for access in accesses] == [latency + 4, 2, 2]
    assert accesses[2].rdata == 9


def test_coherent_hits():
    """A read is done four cycles after it was taken, into a register and out of one, a swap five."""
    bench = Bench(cache=SteppedDataCache)
    bench.poke(line(1), 5)
    got = []

    async def walker(ctx):
        for op in (READ, READ, CAS, CAS, READ):
            got.append(await bench.walker.request(ctx, line(1), op, wdata=6, expected=5))
            await ctx.tick().repeat(20)

    bench.run(walker)
    assert [request[3] for request in got[1:]] == [4, 5, 5, 4]
    assert [request[1] for request in got[2:4]] == [1, 0]
    assert got[4][0] == 6


@pytest.mark.parametrize("op", [READ, WRITE])
def test_a_device_does_not_notice_a_request_withdrawn_at_once(op):
    bench = Bench(cache=SteppedDataCache)
    port, pins = bench.dut.cpu, bench.cpu.pins

    async def testbench(ctx):
        bench.cpu.present(ctx, Access(UART.base, op, wdata=1, wmask=1, size=0))
        pins.set(ctx, valid=True)
        await ctx.tick()
        pins.set(ctx, valid=False)
        for _ in range(20):
            assert not ctx.get(port.done)
            await ctx.tick()
        await bench.cpu.run(ctx, [Access(UART.base + 1, size=0)])

    bench.run(testbench)
    assert [burst.address for burst in bench.memory.log] == [UART.base + 1]


def test_the_hart_and_dma_take_turns():
    bench = Bench(cache=SteppedDataCache)
    cycles = []

    async def cpu(ctx):
        await bench.cpu.run(ctx, [Access(line(0, n % 8)) for n in range(100)])

    async def dma(ctx):
        await ctx.tick().repeat(40)
        for _ in range(5):
            cycles.append(await bench.dma.request(ctx, line(0)))

    simulator = Simulator(bench.dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench.memory.run, background=True)
    simulator.add_testbench(cpu)
    simulator.add_testbench(dma)
    simulator.run()
    assert len(cycles) == 5
    assert bench.cpu.cycles < 400


def test_a_swap_withdrawn_before_it_is_taken_does_nothing():
    """The walker may, while DMA's request stands in the register."""
    bench = Bench(cache=SteppedDataCache, latency=20)
    bench.poke(line(1), 5)
    pins = bench.walker.pins

    async def dma(ctx):
        assert (await bench.dma.request(ctx, line(3)))[2] == 0

    async def walker(ctx):
        await ctx.tick().repeat(2)
        pins.set(ctx, valid=True, paddr=line(1), op=CAS, wdata=6, wmask=0xFF, expected=5)
        for _ in range(4):
            assert not ctx.get(bench.dut.walker.ready)
            await ctx.tick()
        pins.set(ctx, valid=False)
        await ctx.tick().repeat(60)
        rdata, _, error, _ = await bench.walker.request(ctx, line(1))
        assert (rdata, error) == (5, 0)

    bench.run(dma, walker)


def test_the_walker_gets_its_turn_between_requests_of_dma():
    bench = Bench(cache=SteppedDataCache)
    beats = []
    answered = []

    async def dma(ctx):
        for n in range(30):
            await bench.dma.request(ctx, line(0, n % 8), WRITE, wdata=n)
            beats.append(n)

    async def walker(ctx):
        await ctx.tick().repeat(50)
        for _ in range(5):
            await bench.walker.request(ctx, line(2))
            answered.append(len(beats))

    bench.run(dma, walker)
    assert answered[-1] - answered[0] <= 5
