"""ALU, branch unit, multiplier, divider and AMO unit against the specification's arithmetic in Python."""

import random

import pytest
from amaranth import Module, Signal
from amaranth.sim import Simulator

from rtl.core.execute.alu import Alu, BranchUnit
from rtl.core.execute.divider import Divider
from rtl.core.execute.multiplier import Multiplier
from rtl.core.execute.split_alu import SplitAlu, sum_differs
from rtl.core.memory.amo import AmoUnit
from rtl.core.stages import AluOp, AmoOp, BranchOp

MASK = (1 << 64) - 1
CORNERS = (0, 1, 2, 31, 63, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 63, (1 << 63) - 1, MASK, MASK - 1)


def signed(value: int, bits: int = 64) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def operands(count: int, seed: int = 1) -> list[tuple[int, int]]:
    rng = random.Random(seed)
    pairs = [(a, b) for a in CORNERS for b in CORNERS]
    for _ in range(count):
        pairs.append((rng.getrandbits(rng.randint(1, 64)), rng.getrandbits(rng.randint(1, 64))))
    return pairs


def simulate(dut, process) -> None:
    simulator = Simulator(dut)
    if isinstance(dut, (Divider, Multiplier)):
        simulator.add_clock(1e-6)
    simulator.add_testbench(process)
    simulator.run()


def alu_result(op: AluOp, a: int, b: int, word: bool) -> int:
    bits = 32 if word else 64
    x, y, amount = a & ((1 << bits) - 1), b & ((1 << bits) - 1), b & (bits - 1)
    value = {
        AluOp.ADD: x + y,
        AluOp.SUB: x - y,
        AluOp.SLL: x << amount,
        AluOp.SRL: x >> amount,
        AluOp.SRA: signed(x, bits) >> amount,
        AluOp.SLT: int(signed(x, bits) < signed(y, bits)),
        AluOp.SLTU: int(x < y),
        AluOp.XOR: x ^ y,
        AluOp.OR: x | y,
        AluOp.AND: x & y,
    }[op]
    return signed(value, 32) & MASK if word else value & MASK


@pytest.mark.parametrize("op", AluOp)
@pytest.mark.parametrize("kind", [Alu, SplitAlu])
def test_alu(kind: type, op: AluOp) -> None:
    dut = kind()
    has_word = op in (AluOp.ADD, AluOp.SUB, AluOp.SLL, AluOp.SRL, AluOp.SRA)

    async def process(ctx):
        ctx.set(dut.op, op)
        for a, b in operands(60):
            for word in (False, True) if has_word else (False,):
                ctx.set(dut.a, a)
                ctx.set(dut.b, b)
                ctx.set(dut.word, word)
                if isinstance(dut, SplitAlu):
                    ctx.set(dut.source, a)
                    ctx.set(dut.others, a ^ b)
                    ctx.set(dut.aside, 1)
                    assert ctx.get(dut.result) == a ^ b
                    ctx.set(dut.aside, 0)
                assert ctx.get(dut.result) == alu_result(op, a, b, word), (op, hex(a), hex(b), word)
                if isinstance(dut, SplitAlu):
                    assert ctx.get(dut.shifts) == (op in (AluOp.SLL, AluOp.SRL, AluOp.SRA))
                    assert ctx.get(dut.shifts) or ctx.get(dut.quick) == alu_result(op, a, b, word)

    simulate(dut, process)


@pytest.mark.parametrize("chained", [False, True])
def test_branches(chained: bool) -> None:
    dut = BranchUnit(chained)
    rules = {
        BranchOp.NONE: lambda a, b: False,
        BranchOp.JAL: lambda a, b: True,
        BranchOp.JALR: lambda a, b: True,
        BranchOp.BEQ: lambda a, b: a == b,
        BranchOp.BNE: lambda a, b: a != b,
        BranchOp.BLT: lambda a, b: signed(a) < signed(b),
        BranchOp.BGE: lambda a, b: signed(a) >= signed(b),
        BranchOp.BLTU: lambda a, b: a < b,
        BranchOp.BGEU: lambda a, b: a >= b,
    }

    async def process(ctx):
        for op, rule in rules.items():
            ctx.set(dut.op, op)
            for a, b in operands(20):
                ctx.set(dut.a, a)
                ctx.set(dut.b, b)
                assert ctx.get(dut.taken) == rule(a, b), (op, hex(a), hex(b))

    simulate(dut, process)


@pytest.mark.parametrize("registered", [False, True])
@pytest.mark.parametrize("function", range(4))
def test_multiplier(function: int, registered: bool) -> None:
    dut = Multiplier(registered=registered)

    async def process(ctx):
        for a, b in operands(60):
            x = signed(a) if function != 3 else a
            y = signed(b) if function < 2 else b
            expected = (x * y >> (64 if function else 0)) & MASK
            ctx.set(dut.function, function)
            ctx.set(dut.word, 0)
            ctx.set(dut.a, a)
            ctx.set(dut.b, b)
            ctx.set(dut.enable, 1)
            await ctx.tick()
            ctx.set(dut.enable, 0)
            if registered:
                await ctx.tick()
            assert ctx.get(dut.result) == expected, (function, hex(a), hex(b))
            if function == 0:
                ctx.set(dut.word, 1)
                ctx.set(dut.enable, 1)
                await ctx.tick()
                ctx.set(dut.enable, 0)
                if registered:
                    await ctx.tick()
                assert ctx.get(dut.result) == signed(a * b, 32) & MASK

    simulate(dut, process)


def division(a: int, b: int, is_signed: bool, remainder: bool, word: bool) -> int:
    bits = 32 if word else 64
    x, y = (signed(v, bits) if is_signed else v & ((1 << bits) - 1) for v in (a, b))
    if y == 0:
        value = x if remainder else -1
    else:
        quotient = abs(x) // abs(y) * (-1 if (x < 0) != (y < 0) else 1)
        value = x - quotient * y if remainder else quotient
    return signed(value, bits) & MASK


@pytest.mark.parametrize("word", [False, True])
@pytest.mark.parametrize("remainder", [False, True])
@pytest.mark.parametrize("is_signed", [False, True])
@pytest.mark.parametrize("slow", [False, True])
def test_divider(slow: bool, is_signed: bool, remainder: bool, word: bool) -> None:
    dut = Divider(slow)

    async def process(ctx):
        ctx.set(dut.signed, is_signed)
        ctx.set(dut.remainder, remainder)
        ctx.set(dut.word, word)
        for number, (a, b) in enumerate(operands(30)):
            ctx.set(dut.a, a)
            ctx.set(dut.b, b)
            ctx.set(dut.start, 1)
            cycles = 0
            while not ctx.get(dut.done):
                await ctx.tick()
                cycles += 1
                assert cycles <= 66 + 2 * slow
            for _ in range(number % 3):  # the result stays until it is taken
                await ctx.tick()
            assert ctx.get(dut.result) == division(a, b, is_signed, remainder, word), (hex(a), hex(b))
            ctx.set(dut.take, 1)
            await ctx.tick()
            ctx.set(dut.take, 0)

    simulate(dut, process)


@pytest.mark.parametrize("slow", [False, True])
def test_divider_stops_when_the_result_is_not_wanted(slow: bool) -> None:
    dut = Divider(slow)

    async def process(ctx):
        for wasted in range(1, 6):
            ctx.set(dut.a, 1 << 60)
            ctx.set(dut.b, 1)
            ctx.set(dut.start, 1)
            await ctx.tick().repeat(wasted)
            ctx.set(dut.take, 1)
            ctx.set(dut.start, 0)
            await ctx.tick()
            ctx.set(dut.take, 0)
            ctx.set(dut.a, 91)
            ctx.set(dut.b, 13)
            ctx.set(dut.start, 1)
            while not ctx.get(dut.done):
                await ctx.tick()
            assert ctx.get(dut.result) == 7
            ctx.set(dut.take, 1)
            await ctx.tick()
            ctx.set(dut.take, 0)

    simulate(dut, process)


@pytest.mark.parametrize("op", AmoOp)
def test_amo(op: AmoOp) -> None:
    dut = AmoUnit()

    async def process(ctx):
        ctx.set(dut.op, op)
        for a, b in operands(30):
            for bits in (32, 64):
                x, y = signed(a, bits), signed(b, bits)
                ux, uy = x & ((1 << bits) - 1), y & ((1 << bits) - 1)
                expected = {
                    AmoOp.ADD: x + y,
                    AmoOp.XOR: x ^ y,
                    AmoOp.OR: x | y,
                    AmoOp.AND: x & y,
                    AmoOp.MIN: min(x, y),
                    AmoOp.MAX: max(x, y),
                    AmoOp.MINU: min(ux, uy),
                    AmoOp.MAXU: max(ux, uy),
                    AmoOp.SWAP: y,
                }[op]
                ctx.set(dut.word, bits == 32)
                ctx.set(dut.old, x & MASK)
                ctx.set(dut.operand, b)
                got = ctx.get(dut.result) & ((1 << bits) - 1)
                assert got == expected & ((1 << bits) - 1), (op, hex(a), hex(b), bits)

    simulate(dut, process)


def test_a_sum_is_compared_without_its_carries() -> None:
    m = Module()
    a, b, other, differs = Signal(64), Signal(64), Signal(64), Signal()
    m.d.comb += differs.eq(sum_differs(a, b, other))

    async def process(ctx):
        rng = random.Random(3)
        for x, y in operands(200):
            total = (x + y) & MASK & ~1
            wrong = total ^ (1 << rng.randrange(64))
            for z in (total, total + 1, total ^ 2, wrong, x, y):
                ctx.set(a, x)
                ctx.set(b, y)
                ctx.set(other, z)
                assert ctx.get(differs) == (z != total), (hex(x), hex(y), hex(z))

    simulate(m, process)
