"""Which two instructions leave decode together, and what they take along."""

import random

import pytest
from amaranth.sim import Simulator

from cosim.torture.assembler import encode
from rtl.config import CoreConfig
from rtl.core.decode.decode import Decode

PC = 0x8000_1000


class Bench:
    """Decode with a value in every register."""

    def __init__(self, *, dual_issue: bool = True) -> None:
        self.dut = Decode(CoreConfig(dual_issue=dual_issue))
        self.x = [0] + [0x1_0000_0000 * n + n for n in range(1, 32)]

    def run(self, test) -> None:
        async def testbench(ctx):
            write = self.dut.write[0]
            for n in range(1, 32):
                ctx.set(write, {"valid": 1, "rd": n, "data": self.x[n]})
                await ctx.tick()
            ctx.set(write.valid, 0)
            ctx.set(self.dut.operation.ready, 1)
            await test(ctx)

        simulator = Simulator(self.dut)
        simulator.add_clock(1e-6)
        simulator.add_testbench(testbench)
        simulator.run()

    def show(self, ctx, first: int, second: int, *, jumps: bool = False) -> int:
        """Put two instructions before decode (``jumps``: the second is predicted to); do they pair?"""
        dut = self.dut
        ctx.set(dut.instruction.valid, 1)
        ctx.set(dut.instruction.p.pc, PC)
        ctx.set(dut.instruction.p.instruction, first)
        ctx.set(dut.follower_valid, 1)
        ctx.set(dut.follower.pc, PC + 4)
        ctx.set(dut.follower.instruction, second)
        ctx.set(dut.follower.predicted_taken, jumps)
        return ctx.get(dut.pair)


ADD = encode("add", rd=5, rs1=6, rs2=7)
ADDI = encode("addi", rd=8, rs1=9, imm=-3)
LOAD = encode("ld", rd=10, rs1=11, imm=16)
STORE = encode("sd", rs1=12, rs2=13, imm=8)
MULTIPLY = encode("mul", rd=14, rs1=15, rs2=16)
BRANCH = encode("beq", rs1=17, rs2=18, imm=64)
JUMP = encode("jal", rd=1, imm=128)
ALONE = {
    "div": encode("div", rd=19, rs1=20, rs2=21),
    "csrrw": encode("csrrw", rd=19, rs1=20, imm=0x340),
    "ecall": encode("ecall"),
    "fence": encode("fence"),
    "fence.i": encode("fence.i"),
    "amoadd.d": encode("amoadd.d", rd=19, rs1=20, rs2=21),
    "lr.d": encode("lr.d", rd=19, rs1=20),
    "hlv.d": encode("hlv.d", rd=19, rs1=20),
    "illegal": 0xFFFF_FFFF,
}


def test_a_simple_instruction_pairs_with_what_may_lead() -> None:
    bench = Bench()

    async def test(ctx):
        for leader in (LOAD, STORE, MULTIPLY, BRANCH, JUMP, ADDI):
            assert bench.show(ctx, ADD, leader), hex(leader)
            assert bench.show(ctx, leader, ADD), hex(leader)
            assert bench.show(ctx, ADD, leader, jumps=True)
        for leader in (LOAD, STORE, MULTIPLY, BRANCH):
            # A wrong prediction of the simple one would stay unnoticed.
            assert not bench.show(ctx, leader, ADD, jumps=True)
            assert not bench.show(ctx, leader, STORE)
        for name, word in ALONE.items():
            assert not bench.show(ctx, ADD, word), name
            assert not bench.show(ctx, word, ADD), name
        ctx.set(bench.dut.follower_valid, 0)
        assert not ctx.get(bench.dut.pair)

    bench.run(test)


def test_the_second_must_not_need_the_first() -> None:
    bench = Bench()

    async def test(ctx):
        for needy in (
            encode("add", rd=20, rs1=5, rs2=6),
            encode("add", rd=20, rs1=6, rs2=5),
            encode("ld", rd=20, rs1=5),
            encode("sd", rs1=5, rs2=5),
            encode("beq", rs1=6, rs2=5, imm=8),
            encode("addi", rd=5, rs1=6),  # writes the same register
        ):
            assert not bench.show(ctx, ADD, needy), hex(needy)
        assert bench.show(ctx, ADD, encode("add", rd=6, rs1=8, rs2=7))  # overwrites what the first has read
        assert bench.show(ctx, ADD, encode("lui", rd=20, imm=5 << 15))  # rs1's bits are no register
        assert bench.show(ctx, STORE, ADD)
        nothing = encode("addi", rd=0, rs1=0)
        assert bench.show(ctx, STORE, nothing)

    bench.run(test)


EARLY = {
    "mv": (encode("add", rd=5, rs1=0, rs2=7), lambda x: x[7]),
    "li": (encode("addi", rd=5, rs1=0, imm=-5), lambda x: -5),
    "lui": (encode("lui", rd=5, imm=0xFFFFF << 12), lambda x: -0x1000),
    "slli 32": (encode("slli", rd=5, rs1=7, imm=32), lambda x: x[7] << 32),
    "slli 48": (encode("slli", rd=5, rs1=7, imm=48), lambda x: x[7] << 48),
}
NOT_EARLY = {
    "slli 16": encode("slli", rd=5, rs1=7, imm=16),
    "slli 33": encode("slli", rd=5, rs1=7, imm=33),
    "srli 32": encode("srli", rd=5, rs1=7, imm=32),
    "sll": encode("sll", rd=5, rs1=7, rs2=0),
    "addiw": encode("addiw", rd=5, rs1=0, imm=1),
    "auipc": encode("auipc", rd=5, imm=0),
    "sub": encode("sub", rd=5, rs1=0, rs2=7),
    "addi": encode("addi", rd=5, rs1=7, imm=32),
    "ld": encode("ld", rd=5, rs1=0),
}


def test_a_result_that_needs_no_alu_goes_to_the_second() -> None:
    bench = Bench()
    bench.x[7] = 0x1234_5678_9ABC_DEF0

    async def test(ctx):
        for name, (word, result) in EARLY.items():
            value = result(bench.x) % (1 << 64)
            assert bench.show(ctx, word, encode("add", rd=5, rs1=6, rs2=5)), name
            op = ctx.get(bench.dut.operation.p)
            assert (op.a, op.b, op.rd) == (bench.x[6], value, 5), name
            assert (op.companion.older, op.companion.rd) == (1, 5)
            for second in (
                encode("ld", rd=20, rs1=5, imm=8),
                encode("beq", rs1=5, rs2=5, imm=8),
                encode("mul", rd=6, rs1=5, rs2=5),
                encode("sd", rs1=5, rs2=5),
                encode("jalr", rd=1, rs1=5),
            ):
                assert bench.show(ctx, word, second), (name, hex(second))
                assert ctx.get(bench.dut.operation.p.a) == value, (name, hex(second))
                assert not ctx.get(bench.dut.operation.p.stores_companion)
        for name, word in NOT_EARLY.items():
            assert not bench.show(ctx, word, encode("add", rd=20, rs1=5, rs2=6)), name

    bench.run(test)


def test_x0_is_nobodys_result() -> None:
    bench = Bench()

    async def test(ctx):
        for word in (encode("addi", rd=0, rs1=0, imm=1), encode("slli", rd=0, rs1=7, imm=32)):
            assert bench.show(ctx, word, encode("sd", rs1=0, rs2=0))
            op = ctx.get(bench.dut.operation.p)
            assert (op.a, op.b, op.stores_companion) == (0, 0, 0)

    bench.run(test)


def test_a_store_takes_what_the_first_computes() -> None:
    bench = Bench()

    async def test(ctx):
        assert bench.show(ctx, ADD, encode("sw", rs1=6, rs2=5))
        op = ctx.get(bench.dut.operation.p)
        assert (op.a, op.stores_companion, op.companion.older) == (bench.x[6], 1, 1)
        assert bench.show(ctx, ADD, encode("sw", rs1=6, rs2=7))
        assert not ctx.get(bench.dut.operation.p.stores_companion)
        for first in (LOAD, MULTIPLY):  # not simple
            register = first >> 7 & 31
            assert not bench.show(ctx, first, encode("sd", rs1=6, rs2=register))

    bench.run(test)


def test_what_the_first_writes_is_not_waited_for() -> None:
    """An older load into the same register is under way; the second takes the first's result."""
    bench = Bench()

    async def test(ctx):
        ctx.set(bench.dut.execute[0], {"valid": 1, "rd": 5, "ready": 0})
        assert bench.show(ctx, EARLY["li"][0], encode("add", rd=20, rs1=5, rs2=6))
        assert ctx.get(bench.dut.operation.valid)
        assert bench.show(ctx, ADD, encode("sd", rs1=6, rs2=5))
        ctx.set(bench.dut.execute[0], {"valid": 1, "rd": 6, "ready": 0})
        assert not bench.show(ctx, EARLY["li"][0], encode("add", rd=20, rs1=5, rs2=6))

    bench.run(test)


@pytest.mark.parametrize("simple_first", [True, False])
def test_each_gets_its_own_operands(simple_first: bool) -> None:
    bench = Bench()

    async def test(ctx):
        words = (ADDI, STORE) if simple_first else (STORE, ADDI)
        assert bench.show(ctx, *words)
        op = ctx.get(bench.dut.operation.p)
        assert (op.a, op.b, op.immediate) == (bench.x[12], bench.x[13], 8)
        assert op.fetched.pc == PC + 4 * simple_first
        companion = op.companion
        assert (companion.valid, companion.older, companion.rd) == (1, simple_first, 8)
        assert (companion.a, companion.b) == (bench.x[9], (1 << 64) - 3)
        assert companion.pc == PC + 4 * (not simple_first)
        assert bench.show(ctx, encode("auipc", rd=3, imm=0), LOAD)
        assert ctx.get(bench.dut.operation.p.companion.a) == PC
        assert bench.show(ctx, encode("lui", rd=3, imm=0), LOAD)
        assert ctx.get(bench.dut.operation.p.companion.a) == 0
        assert not bench.show(ctx, encode("fence"), LOAD)
        assert not ctx.get(bench.dut.operation.p.companion.valid)

    bench.run(test)


def test_a_follower_that_waits_is_left_behind() -> None:
    bench = Bench()

    async def test(ctx):
        dut = bench.dut
        ctx.set(dut.execute[0], {"valid": 1, "rd": 9, "ready": 0})
        assert not bench.show(ctx, STORE, ADDI)
        assert ctx.get(dut.operation.valid) and ctx.get(dut.instruction.ready)
        assert not bench.show(ctx, ADDI, STORE) or not ctx.get(dut.operation.valid)
        assert not ctx.get(dut.instruction.ready)

    bench.run(test)


def test_operands_come_from_the_youngest_result() -> None:
    """Against a plain list of who is younger: both instructions in execute, both in memory, the registers."""
    bench = Bench()
    rng = random.Random(1)

    async def test(ctx):
        dut = bench.dut
        sources = [*dut.execute, *dut.memory]
        for _ in range(300):
            expected = list(bench.x)
            registers = [*rng.sample(range(5, 10), 2), *rng.sample(range(5, 10), 2)]
            for source, register in reversed(list(zip(sources, registers, strict=True))):
                valid, value = rng.randrange(2), rng.getrandbits(64)
                ctx.set(source, {"valid": valid, "rd": register, "ready": 1, "data": value})
                if valid:
                    expected[register] = value
            a, b, c = (rng.randrange(5, 10) for _ in range(3))
            assert bench.show(ctx, encode("sd", rs1=a, rs2=b), encode("addi", rd=20, rs1=c))
            op = ctx.get(dut.operation.p)
            assert (op.a, op.b, op.companion.a) == (expected[a], expected[b], expected[c])
            await ctx.tick()

    bench.run(test)


def test_two_results_are_written_at_once() -> None:
    """The operation's is the younger one, if both are for the same register."""
    bench = Bench()
    rng = random.Random(2)

    async def test(ctx):
        dut = bench.dut
        x = list(bench.x)
        for _ in range(200):
            for write, rd in reversed(list(zip(dut.write, rng.choices(range(8), k=2), strict=True))):
                valid, value = rng.randrange(2), rng.getrandbits(64)
                ctx.set(write, {"valid": valid, "rd": rd, "data": value})
                if valid and rd:
                    x[rd] = value
            await ctx.tick()
            a, b = rng.randrange(8), rng.randrange(8)
            bench.show(ctx, encode("sd", rs1=a, rs2=b), ALONE["ecall"])
            op = ctx.get(dut.operation.p)
            assert (op.a, op.b) == (x[a], x[b])

    bench.run(test)


def test_single_issue_never_pairs() -> None:
    bench = Bench(dual_issue=False)

    async def test(ctx):
        assert not bench.show(ctx, ADD, LOAD)
        assert not bench.show(ctx, LOAD, ADD)

    bench.run(test)
