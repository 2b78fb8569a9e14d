"""The decoder's immediates, sign-extended to 64 bits (unprivileged spec 2.3)."""

import random

import pytest
from amaranth import Module
from amaranth.sim import Simulator

from rtl.core.decode.decoder import Decoder
from rtl.isa.instructions import INSTRUCTIONS

ALL = (1 << 64) - 1

WORDS = [
    (0xFFFFF0B7, -0x1000, "lui ra, 0xfffff"),
    (0x80000097, -0x8000_0000, "auipc ra, 0x80000"),
    (0x7FFFF0B7, 0x7FFF_F000, "lui ra, 0x7ffff"),
    (0xFFF00093, -1, "addi ra, zero, -1"),
    (0x7FF00093, 2047, "addi ra, zero, 2047"),
    (0xFE1138A3, -15, "sd ra, -15(sp)"),
    (0xFE208EE3, -4, "beq ra, sp, .-4"),
    (0x80000063, -4096, "beq zero, zero, .-4096"),
    (0xFFDFF0EF, -4, "jal ra, .-4"),
    (0x800000EF, -(1 << 20), "jal ra, .-1048576"),
]


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize(("word", "expected", "text"), WORDS, ids=[text for _, _, text in WORDS])
def test_immediate(word: int, expected: int, text: str, early: bool) -> None:
    dut = Decoder(hypervisor=True, early=early)

    async def bench(ctx) -> None:
        ctx.set(dut.instruction, word)
        assert ctx.get(dut.immediate) & ALL == expected & ALL

    simulator = Simulator(dut)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize("xvmx", [False, True])
@pytest.mark.parametrize("hypervisor", [False, True])
def test_the_early_decoder_says_the_same(hypervisor: bool, xvmx: bool) -> None:
    """Of every instruction, whatever its operands; of its neighbours, a bit away; and of random words."""
    rng = random.Random(1)
    m = Module()
    m.submodules.late = late = Decoder(hypervisor=hypervisor, xvmx=xvmx)
    m.submodules.early = early = Decoder(hypervisor=hypervisor, xvmx=xvmx, early=True)
    words = [(rng.getrandbits(32), "") for _ in range(1000)]
    for instruction in INSTRUCTIONS.values():
        for _ in range(16):
            word = instruction.match | rng.getrandbits(32) & ~instruction.mask
            words += [(word, instruction.name), (word ^ 1 << rng.randrange(32), "")]

    async def bench(ctx) -> None:
        legal = 0
        for word, name in words:
            ctx.set(late.instruction, word)
            ctx.set(early.instruction, word)
            assert ctx.get(early.control.as_value()) == ctx.get(late.control.as_value()), hex(word)
            assert not (name and hypervisor and xvmx and ctx.get(late.control.illegal)), name
            if not ctx.get(late.control.illegal):
                legal += 1
                assert ctx.get(early.immediate) == ctx.get(late.immediate), hex(word)
        assert legal > len(INSTRUCTIONS) * 10

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()
