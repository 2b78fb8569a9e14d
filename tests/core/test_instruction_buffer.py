"""The buffer before decode: every instruction passes once, in order, alone or in pairs."""

import random

import pytest
from amaranth.sim import Simulator

from rtl.core.decode.buffer import InstructionBuffer

ADDI_A0_1 = 0x0505  # c.addi a0, 1
ADDI_A0_1_WIDE = 0x00150513


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("supply, demand", [(1.0, 1.0), (0.5, 1.0), (1.0, 0.5), (0.6, 0.6)])
def test_instructions_pass_once_and_in_order(pairs: bool, seed: int, supply: float, demand: float) -> None:
    """The pc counts; a flush leads to another count."""
    rng = random.Random(seed)
    dut = InstructionBuffer(pairs=pairs)
    seen = {"alone": 0, "pairs": 0, "flushes": 0}

    async def run(ctx) -> None:
        source = arriving = 0
        for _ in range(600):
            for offer, n in ((dut.source.p, 0), (dut.source_follower, 1)):
                ctx.set(offer.pc, source + n)
                ctx.set(offer.predicted_taken, (source + n) % 5 == 0)
            ctx.set(dut.source.valid, rng.random() < supply)
            ctx.set(dut.source_follower_valid, source % 5 != 0 and rng.random() < supply)
            flush = rng.random() < 0.05
            ctx.set(dut.flush, flush)
            ready = rng.random() < demand
            ctx.set(dut.instruction.ready, ready)
            if ctx.get(dut.instruction.valid):
                assert not flush
                assert ctx.get(dut.instruction.p.fetched.pc) == arriving
                pair = pairs and bool(ctx.get(dut.follower_valid)) and rng.random() < 0.7
                ctx.set(dut.pair, pair)
                if pair:
                    assert arriving % 5 != 0, "behind a jump"
                    assert ctx.get(dut.follower.fetched.pc) == arriving + 1
                if ready:
                    arriving += 1 + pair
                    seen["pairs" if pair else "alone"] += 1
            if ctx.get(dut.source.valid) and ctx.get(dut.source.ready):
                source += 1 + bool(pairs and ctx.get(dut.source_pair))
            if flush:
                source = arriving = source + 1000
                seen["flushes"] += 1
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(run)
    simulator.run()
    assert seen["alone"] > 50 and seen["flushes"] > 5
    assert (seen["pairs"] > 20) == pairs


def test_one_instruction_in_each_cycle() -> None:
    """With instructions and room for them in every cycle none of them waits; two cycles later they leave."""
    dut = InstructionBuffer(pairs=False)

    async def run(ctx) -> None:
        ctx.set(dut.source.valid, 1)
        ctx.set(dut.instruction.ready, 1)
        for n in range(20):
            ctx.set(dut.source.p.pc, n)
            assert ctx.get(dut.source.ready)
            assert ctx.get(dut.instruction.valid) == (n > 1)
            assert n <= 1 or ctx.get(dut.instruction.p.fetched.pc) == n - 2
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(run)
    simulator.run()


@pytest.mark.parametrize(
    "word, compressed, illegal",
    [(ADDI_A0_1, True, False), (ADDI_A0_1_WIDE, False, False), (0, True, True), (0, False, False)],
)
def test_what_passes_is_expanded(word: int, compressed: bool, illegal: bool) -> None:
    dut = InstructionBuffer(pairs=False)

    async def run(ctx) -> None:
        ctx.set(dut.source.valid, 1)
        ctx.set(dut.source.p.instruction, word)
        ctx.set(dut.source.p.compressed, compressed)
        await ctx.tick().repeat(2)
        out = ctx.get(dut.instruction.p)
        assert out.illegal == illegal
        assert illegal or out.word == (ADDI_A0_1_WIDE if word else 0)
        assert out.fetched.instruction == word

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(run)
    simulator.run()
