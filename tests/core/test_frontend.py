"""The frontend against a consumer that checks every instruction and sends it astray."""

import random

import pytest
from amaranth.sim import Simulator

from rtl.config import BranchConfig, CoreConfig, Cuts
from rtl.core.frontend.frontend import Frontend
from rtl.core.stages import BranchKind
from rtl.mmu.interface import FaultKind

BASE = 0x8000_0000
SIZE = 2048


def random_code(rng: random.Random) -> tuple[bytes, dict[int, int]]:
    """Bytes of mixed 16- and 32-bit instructions, and the length of the instruction at each start."""
    code = bytearray()
    lengths = {}
    while len(code) < SIZE:
        lengths[len(code)] = length = rng.choice((2, 4)) if len(code) < SIZE - 2 else 2
        word = rng.getrandbits(32)
        word = word | 3 if length == 4 else word & 0xFFFC | rng.randrange(3)
        code += word.to_bytes(4, "little")[:length]
    return bytes(code), lengths


_WHOLE = Cuts()
_FETCH = Cuts(fetch=True)
_AT_ONCE = Cuts(fetch=True, decode=True)


class Bench:
    """Plays translation, instruction cache and execute for one frontend."""

    def __init__(
        self, seed: int, *, slow: float, stall: float, pairing: float | None = None, cuts: Cuts = _WHOLE
    ) -> None:
        self.rng = random.Random(seed)
        self.pairing = pairing or 0.0
        self.pairs = 0
        self.slow, self.stall = slow, stall
        self.code, self.lengths = random_code(self.rng)
        self.starts = sorted(self.lengths)
        # A fixed set of control transfers: address -> target, so that the predictor can learn.
        self.branches = {pc: self.rng.choice(self.starts) for pc in self.starts if self.rng.random() < 0.15}
        self.kinds = {pc: self.rng.choice(list(BranchKind)) for pc in self.branches}
        config = CoreConfig(branch=BranchConfig(btb_entries=16), dual_issue=pairing is not None, cuts=cuts)
        self.staged = cuts.fetch
        self.dut = Frontend(config, reset_address=BASE)
        self.checked = 0
        self.predicted = 0
        self.fault_at: int | None = None

    async def cache(self, ctx) -> None:
        """Arrays hold what was indexed in the cycle before; slow answers make the frontend repeat. If it is
        staged, an answer comes a cycle late, and nothing is looked up meanwhile."""
        dut = self.dut
        indexed = None
        answer: int | None = None
        await ctx.tick()  # the first cycle is half as long
        await ctx.delay(1e-7)
        while True:
            vaddr = ctx.get(dut.translate.request.vaddr)
            faulted = self.fault_at is not None and vaddr >= self.fault_at
            known = self.rng.random() >= self.slow
            ctx.set(dut.translate.hit, known and not faulted)
            ctx.set(dut.translate.fault_valid, faulted and bool(ctx.get(dut.translate.valid)))
            ctx.set(dut.translate.fault.kind, FaultKind.PAGE)
            ctx.set(dut.translate.paddr, vaddr if known else 0xBAD)
            paddr = ctx.get(dut.cache.paddr)
            fresh = indexed == (paddr & 0xFF8)  # else the arrays are read again, for the fetch that waits
            hit = ctx.get(dut.cache.valid) and fresh and self.rng.random() >= self.slow
            offset = (paddr - BASE) & ~7
            found = int.from_bytes(self.code[offset : offset + 8], "little") if hit else None
            if self.staged:
                found, answer = answer, None if answer is not None else found
            ctx.set(dut.cache.done, found is not None)
            ctx.set(dut.cache.data, 0xBAD if found is None else found)
            slow = self.rng.random() < self.slow
            ctx.set(dut.cache.index_ready, not slow and (not ctx.get(dut.cache.valid) or hit))
            await ctx.delay(5e-7)  # the consumer acts in between: a redirect changes the index
            waits = ctx.get(dut.cache.valid)
            paddr = ctx.get(dut.cache.paddr)
            ready = not slow and (not waits or hit)
            ctx.set(dut.cache.index_ready, ready)
            await ctx.delay(1e-7)
            if ready and ctx.get(dut.cache.index_valid):
                indexed = ctx.get(dut.cache.index) & 0xFF8
            elif waits:
                indexed = paddr & 0xFF8
            await ctx.tick()
            await ctx.delay(1e-7)

    async def consume(self, ctx, count: int) -> None:
        """Take instructions in order, one or two at a time, check them, follow the branches, redirect on a
        wrong prediction."""
        dut = self.dut
        pc = 0
        while self.checked < count:
            ctx.set(dut.redirect.valid, 0)
            ctx.set(dut.update.valid, 0)
            ready = self.rng.random() >= self.stall
            ctx.set(dut.instruction.ready, ready)
            await ctx.delay(3e-7)
            pair = self.pairing > 0 and bool(ctx.get(dut.follower_valid)) and self.may_pair(pc)
            ctx.set(dut.pair, pair)
            if ready and ctx.get(dut.instruction.valid):
                follower = ctx.get(dut.follower)
                pc = self.step(ctx, ctx.get(dut.instruction.p), pc)
                if pair:
                    self.pairs += 1
                    assert not follower.bad_prediction and not follower.fault_valid
                    pc = self.step(ctx, follower, pc)
            await ctx.tick()

    def may_pair(self, pc: int) -> bool:
        """Only one of two may redirect or train in a cycle."""
        return pc not in self.branches and pc < SIZE - 24 and self.rng.random() < self.pairing

    def step(self, ctx, fetched, pc: int) -> int:
        dut = self.dut
        assert fetched.pc == BASE + pc
        if fetched.bad_prediction:
            self.update(ctx, pc, taken=False, target=0, kind=BranchKind.JUMP, remove=True)
            return self.redirect(ctx, pc)
        length = self.lengths[pc]
        word = int.from_bytes(self.code[pc : pc + length], "little")
        assert fetched.compressed == (length == 2)
        assert fetched.instruction & ((1 << 8 * length) - 1) == word, hex(pc)
        self.checked += 1
        after = pc + length
        target = self.branches.get(pc)
        taken = target is not None and (
            self.kinds[pc] is not BranchKind.CONDITIONAL or self.rng.random() < 0.8
        )
        goes_to = target if taken else after
        if goes_to >= SIZE - 16:
            taken, goes_to = False, 0
            return self.redirect(ctx, 0)
        if target is not None or fetched.predicted_taken:
            last = pc + length - 2
            kind = self.kinds.get(pc, BranchKind.JUMP)
            self.update(ctx, last, taken=taken, target=target or 0, kind=kind, remove=target is None)
            ctx.set(dut.update.link, BASE + after)
        if fetched.predicted_taken == taken and (not taken or fetched.predicted_target == BASE + goes_to):
            self.predicted += taken
            return goes_to
        return self.redirect(ctx, goes_to)

    def update(self, ctx, last: int, *, taken: bool, target: int, kind: BranchKind, remove: bool) -> None:
        update = self.dut.update
        for member, value in (
            (update.valid, 1),
            (update.last_parcel, BASE + last),
            (update.taken, taken),
            (update.target, BASE + target),
            (update.kind, kind),
            (update.remove, remove),
        ):
            ctx.set(member, value)

    def redirect(self, ctx, pc: int) -> int:
        ctx.set(self.dut.redirect.valid, 1)
        ctx.set(self.dut.redirect.target, BASE + pc)
        return pc

    def run(self, *testbenches) -> None:
        simulator = Simulator(self.dut)
        simulator.add_clock(1e-6)
        simulator.add_testbench(self.cache, background=True)
        for testbench in testbenches:
            simulator.add_testbench(testbench)
        simulator.run()


@pytest.mark.parametrize("slow, stall", [(0.0, 0.0), (0.3, 0.0), (0.0, 0.4), (0.3, 0.3)])
@pytest.mark.parametrize("pairing", [None, 0.0, 0.7])
@pytest.mark.parametrize("cuts", [_WHOLE, _FETCH, _AT_ONCE])
@pytest.mark.parametrize("seed", range(2))
def test_every_instruction_arrives_once_and_in_order(
    seed: int, cuts: Cuts, pairing: float | None, slow: float, stall: float
) -> None:
    bench = Bench(seed, slow=slow, stall=stall, pairing=pairing, cuts=cuts)

    async def consumer(ctx):
        await bench.consume(ctx, 1500)

    bench.run(consumer)
    assert bench.checked >= 1500
    assert bench.predicted > 20, "the predictor never learns"
    assert (bench.pairs > 40) == bool(pairing)


@pytest.mark.parametrize("cuts, cycles", [(_WHOLE, 2), (_FETCH, 4), (_AT_ONCE, 3)])
def test_cycles_from_a_redirect_to_decode(cuts: Cuts, cycles: int) -> None:
    """After a redirect in cycle t the target's instruction stands in front of decode in t + ``cycles``."""
    bench = Bench(0, slow=0.0, stall=0.0, cuts=cuts)

    async def consumer(ctx):
        ctx.set(bench.dut.instruction.ready, 1)
        await ctx.tick().repeat(20)
        for target in bench.starts[:60]:
            ctx.set(bench.dut.redirect.valid, 1)
            ctx.set(bench.dut.redirect.target, BASE + target)
            await ctx.delay(3e-7)
            await ctx.tick()
            ctx.set(bench.dut.redirect.valid, 0)
            for _ in range(cycles - 1):
                await ctx.delay(3e-7)
                assert not ctx.get(bench.dut.instruction.valid)
                await ctx.tick()
            await ctx.delay(3e-7)
            crosses = target % 8 == 6 and bench.lengths[target] == 4
            assert ctx.get(bench.dut.instruction.valid) == (not crosses)
            if not crosses:
                assert ctx.get(bench.dut.instruction.p.pc) == BASE + target

    bench.run(consumer)


def test_nothing_is_offered_with_a_redirect_that_execute_registered() -> None:
    bench = Bench(0, slow=0.0, stall=0.0, cuts=Cuts(redirect=True))

    async def consumer(ctx):
        await ctx.tick().repeat(20)
        assert ctx.get(bench.dut.instruction.valid)
        ctx.set(bench.dut.redirect.valid, 1)
        ctx.set(bench.dut.redirect.target, BASE)
        assert not ctx.get(bench.dut.instruction.valid)

    bench.run(consumer)


@pytest.mark.parametrize("cuts, cycles", [(_WHOLE, 2), (_FETCH, 4), (_AT_ONCE, 3)])
def test_a_fetch_fault_stops_fetch_until_a_redirect(cuts: Cuts, cycles: int) -> None:
    bench = Bench(5, slow=0.0, stall=0.0, cuts=cuts)
    bench.branches = {}
    bench.fault_at = BASE + 64

    async def consumer(ctx):
        dut = bench.dut
        ctx.set(dut.instruction.ready, 1)
        faults = []
        for _ in range(80):
            await ctx.delay(3e-7)
            if ctx.get(dut.instruction.valid) and ctx.get(dut.instruction.p.fault_valid):
                faults.append((ctx.get(dut.instruction.p.pc), ctx.get(dut.instruction.p.fault_second)))
            await ctx.tick()
        assert len(faults) == 1
        pc, second = faults[0]
        assert pc + 2 * second == bench.fault_at
        bench.fault_at = None
        ctx.set(dut.redirect.valid, 1)
        ctx.set(dut.redirect.target, pc)
        await ctx.delay(3e-7)
        await ctx.tick()
        ctx.set(dut.redirect.valid, 0)
        for _ in range(cycles - 1):
            await ctx.delay(3e-7)
            await ctx.tick()
        await ctx.delay(3e-7)
        assert ctx.get(dut.instruction.valid)
        assert ctx.get(dut.instruction.p.pc) == pc
        assert not ctx.get(dut.instruction.p.fault_valid)

    bench.run(consumer)
