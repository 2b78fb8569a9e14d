"""AXI to the peripheral bus, and DMA through the data cache."""

from random import Random

import pytest
from amaranth import Module
from amaranth.back import verilog
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.sim import Simulator

from rtl.bus.axi import AxiBurst, AxiResp, AxiSignature
from rtl.bus.bridge import PeripheralBridge
from rtl.bus.dma import DmaPort
from rtl.cache.dcache import DataCache
from rtl.cache.interface import DataPort
from rtl.cache.uncached import CACHE_ID_WIDTH
from rtl.config import CacheConfig
from rtl.isa.memory_map import DRAM_BASE
from tests.bus.axi_manager import AxiManager, Transaction, random_transaction
from tests.bus.axi_memory import AxiMemory, merge
from tests.bus.test_interconnect import check_reads, simulate
from tests.cache.drivers import Access, DataDriver

OKAY, SLVERR = AxiResp.OKAY.value, AxiResp.SLVERR.value


class Device:
    """Registers on the peripheral bus; refuses every address in ``refused``; takes its time with ``rng``."""

    def __init__(self, port, rng: Random | None = None, refused: frozenset[int] = frozenset()) -> None:
        self.port = port
        self.rng = rng
        self.refused = refused
        self.words: dict[int, int] = {}
        self.log: list[tuple[bool, int, int]] = []

    def _access(self, ctx) -> tuple:
        """What must not change while the device takes its time."""
        names = ("valid", "write", "addr", "size") + (("wdata", "wstrb") if ctx.get(self.port.write) else ())
        return tuple(ctx.get(getattr(self.port, name)) for name in names)

    async def run(self, ctx) -> None:
        """Testbench: serve for ever."""
        port = self.port
        while True:
            await ctx.tick()
            while not ctx.get(port.valid):
                await ctx.tick()
            for _ in range(self.rng.choice((0, 0, 1, 5)) if self.rng else 0):
                held = self._access(ctx)
                await ctx.tick()
                assert self._access(ctx) == held, "the access changed before it was answered"
            address = ctx.get(port.addr)
            self.log.append((bool(ctx.get(port.write)), address, ctx.get(port.size)))
            word = self.words.get(address & ~7, 0)
            if ctx.get(port.write) and address not in self.refused:
                self.words[address & ~7] = merge(word, ctx.get(port.wdata), ctx.get(port.wstrb))
            ctx.set(port.rdata, word)
            ctx.set(port.error, address in self.refused)
            ctx.set(port.ready, 1)
            await ctx.tick()
            ctx.set(port.ready, 0)


def run_bridge(transactions: list[Transaction], rng: Random | None = None, refused=frozenset()) -> Device:
    """Carry ``transactions`` out through a bridge."""
    dut = PeripheralBridge()
    device = Device(dut.peripheral, rng, refused)

    async def testbench(ctx):
        await AxiManager(dut.bus, rng).run(ctx, transactions)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(device.run, background=True)
    simulator.add_testbench(testbench)
    simulator.run()
    return device


def test_bridge_splits_bursts():
    transactions = [
        Transaction(False, 3, 0x1000_0002, beats=3, size=1),
        Transaction(True, 1, 0x1000_0018, 2, 3, AxiBurst.WRAP, [(1, 0xFF), (2, 0xFF)]),
        Transaction(False, 2, 0x1000_0010, beats=2),
    ]
    device = run_bridge(transactions)
    assert device.log == [
        (False, 0x1000_0002, 1),
        (False, 0x1000_0004, 1),
        (False, 0x1000_0006, 1),
        (True, 0x1000_0018, 3),
        (True, 0x1000_0010, 3),
        (False, 0x1000_0010, 3),
        (False, 0x1000_0018, 3),
    ]
    assert transactions[2].words == [2, 1]


def test_bridge_reports_refusal():
    transactions = [
        Transaction(False, 0, 0x100, beats=2),
        Transaction(True, 0, 0x100, beats=3, data=[(1, 0xFF), (2, 0xFF), (3, 0xFF)]),
        Transaction(True, 0, 0x108, data=[(9, 0)]),
        Transaction(False, 0, 0x110),
    ]
    device = run_bridge(transactions, refused=frozenset({0x108}))
    assert [transaction.resp for transaction in transactions] == [SLVERR, SLVERR, OKAY, OKAY]
    assert device.words == {0x100: 1, 0x110: 3}
    assert (True, 0x108, 3) in device.log
    assert device.log.count((True, 0x108, 3)) == 1, "a write without strobes reached the device"


@pytest.mark.parametrize("seed", range(2))
def test_bridge_random(seed):
    rng = Random(seed)
    transactions = [random_transaction(rng, 0x1000_0000, 64, 4) for _ in range(60)]
    run_bridge(transactions, rng)
    check_reads(transactions, {})


class CoherentDma(wiring.Component):
    """A DMA port, a data cache and its memory port."""

    def __init__(self) -> None:
        super().__init__(
            {
                "dma": In(AxiSignature()),
                "cpu": In(DataPort),
                "bus": Out(AxiSignature(id_width=CACHE_ID_WIDTH)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.bridge = bridge = DmaPort()
        m.submodules.cache = cache = DataCache(CacheConfig(ways=2, way_bytes=256))
        connect(m, flipped(self.dma), bridge.bus)
        connect(m, bridge.port, cache.dma)
        connect(m, flipped(self.cpu), cache.cpu)
        connect(m, cache.bus, flipped(self.bus))
        return m


@pytest.mark.parametrize("seed", range(2))
def test_dma_random(seed):
    """Any bursts, while the hart hammers other lines of the same sets; the hart then sees what DMA wrote."""
    rng = Random(seed)
    dut = CoherentDma()
    memory = AxiMemory(dut.bus, rng=Random(rng.random()))
    transactions = [random_transaction(rng, DRAM_BASE + 256 * rng.randrange(4), 256, 4) for _ in range(20)]
    model: dict[int, int] = {}

    async def testbench(ctx):
        await AxiManager(dut.dma, rng).run(ctx, transactions)
        check_reads(transactions, model)
        loads = [Access(address) for address in model]
        await DataDriver(dut.cpu).run(ctx, loads)
        assert {load.paddr: load.rdata for load in loads} == model

    simulate(dut, [memory], testbench)
    assert {transaction.resp for transaction in transactions} == {OKAY}


def test_dma_errors():
    dut = CoherentDma()
    bad = DRAM_BASE + 0x400
    memory = AxiMemory(dut.bus, fails=lambda address: address & ~63 == bad)
    transactions = [
        Transaction(False, 0, bad - 16, beats=4),
        Transaction(True, 0, bad, data=[(1, 0xFF)]),
        Transaction(True, 0, bad - 8, beats=2, data=[(7, 0xFF), (1, 0xFF)]),
        Transaction(False, 0, 0x1000_0000),
        Transaction(False, 0, bad - 8),
    ]

    async def testbench(ctx):
        await AxiManager(dut.dma).run(ctx, transactions)

    simulate(dut, [memory], testbench)
    assert [transaction.resp for transaction in transactions] == [SLVERR, SLVERR, SLVERR, SLVERR, OKAY]
    assert transactions[4].words == [7]


@pytest.mark.parametrize("component", [PeripheralBridge, DmaPort])
def test_elaborates_to_verilog(component):
    assert "module top" in verilog.convert(component())
