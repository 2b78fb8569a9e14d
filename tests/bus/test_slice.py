"""Register slices: nothing is lost, and nothing waits."""

from random import Random

import pytest
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.bus.axi import AxiSignature
from rtl.bus.bridge import PeripheralBridge
from rtl.bus.decoder import PeripheralDecoder
from rtl.bus.peripheral import PeripheralSignature
from rtl.bus.slice import AxiSlice
from rtl.isa.memory_map import Region
from tests.bus.axi_manager import AxiManager, Transaction, random_transaction
from tests.bus.axi_memory import AxiMemory
from tests.bus.test_bridges import Device
from tests.bus.test_interconnect import check_reads, simulate


@pytest.mark.parametrize("seed", range(3))
def test_random_bursts(seed):
    rng = Random(seed)
    dut = AxiSlice()
    memory = AxiMemory(dut.subordinate, rng=Random(rng.random()))
    transactions = [random_transaction(rng, 0, 256, 4) for _ in range(120)]

    async def testbench(ctx):
        await AxiManager(dut.bus, rng).run(ctx, transactions)

    simulate(dut, [memory], testbench)
    assert {transaction.resp for transaction in transactions} == {0}
    check_reads(transactions, {})


@pytest.mark.parametrize("write", [False, True])
def test_a_beat_per_cycle(write):
    dut = AxiSlice()
    memory = AxiMemory(dut.subordinate)
    beats = 16
    burst = Transaction(write, 0, 0, beats, data=[(n, 0xFF) for n in range(beats)] if write else [])
    manager = AxiManager(dut.bus)

    async def testbench(ctx):
        await manager.run(ctx, [burst])

    simulate(dut, [memory], testbench)
    assert manager.cycles <= beats + 10


class SlicedBridge(wiring.Component):
    """A bridge with a decoder behind it that keeps what it finds out in registers."""

    bus: In(AxiSignature())
    device: Out(PeripheralSignature())

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.bridge = bridge = PeripheralBridge(cut=True)
        m.submodules.decoder = decoder = PeripheralDecoder([Region("all", 0, 1 << 32)], cut=True)
        connect(m, flipped(self.bus), bridge.bus)
        connect(m, bridge.peripheral, decoder.bus)
        connect(m, decoder.devices[0], flipped(self.device))
        return m


@pytest.mark.parametrize("seed", range(3))
def test_accesses_to_a_device(seed):
    """Each once, in order, with what the device answers."""
    rng = Random(seed)
    dut = SlicedBridge()
    device = Device(dut.device, Random(seed), frozenset({0x1000_0010}))
    transactions = [random_transaction(rng, 0x1000_0000, 64, 4) for _ in range(60)]
    reference = PeripheralBridge()
    plain = Device(reference.peripheral, None, frozenset({0x1000_0010}))
    same = [
        Transaction(t.write, t.ident, t.address, t.beats, t.size, t.burst, list(t.data)) for t in transactions
    ]

    def one_after_the_other(port, bursts):
        async def testbench(ctx):
            for burst in bursts:
                await AxiManager(port).run(ctx, [burst])

        return testbench

    for component, served, bursts in ((dut, device, transactions), (reference, plain, same)):
        simulate(component, [served], one_after_the_other(component.bus, bursts))
    assert device.log == plain.log
    assert device.words == plain.words
    assert [(t.resp, t.words) for t in transactions] == [(t.resp, t.words) for t in same]
    assert {t.resp for t in transactions} != {0}
