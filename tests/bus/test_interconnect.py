"""Arbiter and decoders under random bursts."""

from random import Random

import pytest
from amaranth.back import verilog
from amaranth.sim import Simulator

from rtl.bus.arbiter import AxiArbiter
from rtl.bus.axi import AxiResp
from rtl.bus.decoder import AxiDecoder, PeripheralDecoder
from rtl.isa.memory_map import BOOT_ROM, CLINT, DEVICES, DRAM_BASE, PLIC, UART, VIRTIO, Region
from tests.bus.axi_manager import AxiManager, Transaction, random_transaction
from tests.bus.axi_memory import AxiMemory


def check_reads(transactions: list[Transaction], model: dict[int, int]) -> None:
    """Replay in order of issue (conflicting ones never overlap) and compare what was read."""
    for transaction in transactions:
        assert transaction.done
        if transaction.write:
            transaction.apply(model)
        else:
            for beat, (address, word) in enumerate(
                zip(transaction.addresses, transaction.words, strict=True)
            ):
                mask = sum(0xFF << 8 * lane for lane in range(8) if transaction.lanes(beat) >> lane & 1)
                assert word & mask == model.get(address & ~7, 0) & mask


def simulate(dut, memories: list[AxiMemory], *testbenches) -> None:
    """Simulate until every testbench has ended."""
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    for memory in memories:
        simulator.add_testbench(memory.run, background=True)
    for testbench in testbenches:
        simulator.add_testbench(testbench)
    simulator.run()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_arbiter(count):
    """Every manager works on memory of its own; all answers find their way."""
    rng = Random(count)
    dut = AxiArbiter(count)
    memory = AxiMemory(dut.bus, rng=Random(rng.random()))
    ids = 1 << dut.manager_id_width
    lists = [[random_transaction(rng, 4096 * n, 256, ids) for _ in range(40)] for n in range(count)]

    def manager(number):
        async def testbench(ctx):
            await AxiManager(dut.managers[number], Random(number)).run(ctx, lists[number])

        return testbench

    simulate(dut, [memory], *map(manager, range(count)))
    for transactions in lists:
        check_reads(transactions, {})


@pytest.mark.parametrize("writers", [1, 2])
def test_arbiter_with_readers(writers):
    """Those that only read share R with the writers, and nothing else."""
    rng = Random(writers)
    dut = AxiArbiter(3, writers=writers)
    memory = AxiMemory(dut.bus, rng=Random(rng.random()))
    ids = 1 << dut.manager_id_width
    lists = [[random_transaction(rng, 4096 * n, 256, ids) for _ in range(80)] for n in range(3)]
    lists[writers:] = [[each for each in bursts if not each.write] for bursts in lists[writers:]]

    def manager(number):
        async def testbench(ctx):
            await AxiManager(dut.managers[number], Random(number)).run(ctx, lists[number])

        return testbench

    simulate(dut, [memory], *map(manager, range(3)))
    for transactions in lists:
        assert transactions
        check_reads(transactions, {})


def test_arbiter_adds_no_cycle():
    dut = AxiArbiter(2)
    memory = AxiMemory(dut.bus, latency=0)
    cycles = []

    async def testbench(ctx):
        manager = AxiManager(dut.managers[1])
        await manager.run(ctx, [Transaction(False, 0, 64, beats=8)])
        cycles.append(manager.cycles)

    simulate(dut, [memory], testbench)
    assert cycles == [9]


def test_arbiter_is_fair():
    dut = AxiArbiter(3)
    memory = AxiMemory(dut.bus, latency=0)

    def manager(number):
        async def testbench(ctx):
            reads = [Transaction(False, 0, 4096 * number + 8 * n) for n in range(10)]
            await AxiManager(dut.managers[number]).run(ctx, reads)

        return testbench

    simulate(dut, [memory], *map(manager, range(3)))
    order = [burst.address >> 12 for burst in memory.log]
    assert all(sorted(order[n : n + 3]) == [0, 1, 2] for n in range(0, 30, 3))


def test_arbiter_refuses_narrow_ids():
    with pytest.raises(ValueError, match="needs an id_width above 2, not 2"):
        AxiArbiter(4, id_width=2)


@pytest.mark.parametrize("writers", [0, 3])
def test_arbiter_refuses_a_wrong_number_of_writers(writers):
    with pytest.raises(ValueError, match=f"needs 1 to 2 writers, not {writers}"):
        AxiArbiter(2, writers=writers)


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_decoder(seed, ordered, cut):
    """Bursts of a few ids to two memories and to nowhere; those of one id are answered in order."""
    rng = Random(seed)
    regions = [Region("low", 0x1000, 0x3000), Region("high", DRAM_BASE, 0x1000)]
    dut = AxiDecoder(regions, ordered=ordered, cut=cut)
    memories = [AxiMemory(port, rng=Random(rng.random())) for port in dut.subordinates]
    bases = (0x1000, 0x3F00, DRAM_BASE, DRAM_BASE + 0xF00, 0x4000, 0xFFF00, DRAM_BASE + 0x1000)
    transactions = [random_transaction(rng, rng.choice(bases), 256, 3) for _ in range(120)]

    async def testbench(ctx):
        await AxiManager(dut.bus, rng).run(ctx, transactions)

    simulate(dut, memories, testbench)
    inside = [t for t in transactions if any(t.address in region for region in regions)]
    outside = [t for t in transactions if t not in inside]
    assert {t.resp for t in inside} == {0}
    assert {t.resp for t in outside} == {AxiResp.DECERR.value}
    check_reads(inside, {})
    for region, memory in zip(regions, memories, strict=True):
        assert memory.log
        assert all(burst.address in region for burst in memory.log)


@pytest.mark.parametrize(
    ("regions", "message"),
    [
        ([], "at least one region"),
        ([Region("a", 0, 16), Region("b", 8, 16)], "regions a and b overlap"),
        ([Region("a", 0, 0)], "region a must not be empty"),
    ],
)
def test_decoders_refuse_bad_regions(regions, message):
    for decoder in (AxiDecoder, PeripheralDecoder):
        with pytest.raises(ValueError, match=message):
            decoder(regions)


def test_peripheral_decoder():
    dut = PeripheralDecoder(DEVICES)
    numbers = {region.name: number for number, region in enumerate(DEVICES)}

    async def testbench(ctx):
        ctx.set(dut.bus.valid, 1)
        for region in (UART, PLIC, CLINT):
            for address in (region.base, region.base + region.size // 2, region.end - 4):
                ctx.set(dut.bus.addr, address)
                device = dut.devices[numbers[region.name]]
                assert [ctx.get(port.valid) for port in dut.devices].count(1) == 1
                assert ctx.get(device.valid) and ctx.get(device.addr) == address - region.base
                assert not ctx.get(dut.bus.ready)
                ctx.set(device.rdata, address)
                ctx.set(device.ready, 1)
                assert ctx.get(dut.bus.ready) and not ctx.get(dut.bus.error)
                assert ctx.get(dut.bus.rdata) == address
                ctx.set(device.ready, 0)
        for address in (0, UART.end, PLIC.base - 1, PLIC.end, 0x7FFF_FFF8):
            ctx.set(dut.bus.addr, address)
            assert not any(ctx.get(port.valid) for port in dut.devices)
            assert ctx.get(dut.bus.ready) and ctx.get(dut.bus.error)

    simulator = Simulator(dut)
    simulator.add_testbench(testbench)
    simulator.run()


def test_peripheral_decoder_with_registers():
    """Each access reaches its device alone, in the cycle behind, and is answered in the cycle behind that."""
    dut = PeripheralDecoder(DEVICES, cut=True)
    places = [
        (address, number, address - region.base)
        for number, region in enumerate(DEVICES)
        for address in (region.base, region.base + region.size // 2, region.end - 4)
    ]
    places += [
        (address, None, 0)
        for address in (0, BOOT_ROM.base - 4, UART.end, PLIC.base - 4, PLIC.end, VIRTIO.end)
    ]

    async def testbench(ctx):
        def reached():
            return [number for number, port in enumerate(dut.devices) if ctx.get(port.valid)]

        for address, number, offset in places:
            ctx.set(dut.bus.addr, address)
            ctx.set(dut.bus.valid, 1)
            assert not reached() and not ctx.get(dut.bus.ready)
            await ctx.tick()
            assert reached() == ([] if number is None else [number])
            if number is not None:
                device = dut.devices[number]
                assert ctx.get(device.addr) == offset
                for refused in (0, 1):
                    await ctx.tick().repeat(2)
                    assert reached() == [number] and not ctx.get(dut.bus.ready)
                    ctx.set(device.ready, 1)
                    ctx.set(device.error, refused)
                    ctx.set(device.rdata, address << 8 | refused)
                    await ctx.tick()
                    ctx.set(device.ready, 0)
                    assert not reached()
                    assert ctx.get(dut.bus.ready) and ctx.get(dut.bus.error) == refused
                    assert ctx.get(dut.bus.rdata) == address << 8 | refused
                    ctx.set(device.rdata, (1 << 64) - 1)
                    await ctx.tick()
                    assert not reached() and not ctx.get(dut.bus.ready)
                    if not refused:
                        await ctx.tick()
            else:
                await ctx.tick()
                assert ctx.get(dut.bus.ready) and ctx.get(dut.bus.error) and ctx.get(dut.bus.rdata) == 0
                ctx.set(dut.bus.valid, 0)
                await ctx.tick()
            ctx.set(dut.bus.valid, 0)
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()


@pytest.mark.parametrize(
    ("component", "arguments"), [(AxiArbiter, 2), (AxiDecoder, DEVICES), (PeripheralDecoder, DEVICES)]
)
def test_elaborates_to_verilog(component, arguments):
    assert "module top" in verilog.convert(component(arguments))
