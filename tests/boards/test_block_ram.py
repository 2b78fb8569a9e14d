"""Block RAM behind AXI."""

from random import Random

import pytest

from boards.block_ram import AxiBlockRam, words
from rtl.bus.axi import AxiResp
from tests.bus.axi_manager import AxiManager, Transaction, random_transaction
from tests.bus.test_interconnect import check_reads, simulate

BASE, SIZE = 0x8000_0000, 4096


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_random_bursts(seed, cut):
    rng = Random(seed)
    start = {BASE + 8 * index: rng.getrandbits(64) for index in range(SIZE // 8)}
    dut = AxiBlockRam(base=BASE, size=SIZE, init=list(start.values()), cut=cut)
    manager = AxiManager(dut.bus, rng)
    transactions = [random_transaction(rng, BASE, 512, 4) for _ in range(150)]

    async def run(ctx):
        await manager.run(ctx, transactions)

    simulate(dut, [], run)
    check_reads(transactions, start)


def test_outside_is_an_error_and_changes_nothing():
    dut = AxiBlockRam(base=BASE, size=SIZE, init=[7])
    manager = AxiManager(dut.bus)
    beyond = Transaction(False, 0, BASE + SIZE, 8)
    lost = Transaction(True, 1, BASE + SIZE, 1, data=[(5, 0xFF)])
    inside = Transaction(False, 2, BASE, 1)

    async def run(ctx):
        for transaction in (beyond, lost, inside):
            await manager.run(ctx, [transaction])

    simulate(dut, [], run)
    assert [one.resp for one in (beyond, lost, inside)] == [AxiResp.DECERR.value] * 2 + [AxiResp.OKAY.value]
    assert inside.words == [7]


def test_a_line_takes_a_cycle_per_beat():
    dut = AxiBlockRam(base=BASE, size=SIZE)
    manager = AxiManager(dut.bus)

    async def run(ctx):
        await manager.run(ctx, [Transaction(False, 0, BASE, 8)])

    simulate(dut, [], run)
    assert manager.cycles <= 8 + 4


def test_words_of_a_program():
    assert words(BASE, 16, {BASE + 4: b"\1\2", BASE + 8: b"\xff"}) == [0x0201_0000_0000, 0xFF]
    with pytest.raises(ValueError, match="2 bytes at 0x8000000f, but the memory is 0 KiB"):
        words(BASE, 16, {BASE + 15: b"ab"})


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"base": BASE, "size": 5000}, "power of two"),
        ({"base": BASE + 8, "size": SIZE}, "multiple of the size"),
    ],
)
def test_refused_parameters(parameters, said):
    with pytest.raises(ValueError, match=said):
        AxiBlockRam(**parameters)
