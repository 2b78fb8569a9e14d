# amaranth: UnusedElaboratable=no
"""PLIC against the specification's rules (RISC-V PLIC specification 1.0.0)."""

import random

import pytest
from amaranth.sim import Simulator

from rtl.isa import plic as map_
from rtl.isa.memory_map import PLIC_SOURCES
from rtl.isa.plic import CLAIM, CONTEXT, CONTEXT_STRIDE, ENABLE, ENABLE_STRIDE, PENDING, THRESHOLD
from rtl.platform.plic import Plic, PlicSelector
from tests.platform.bus import BusDriver, simulate

M, S = 0, 1


class Driver:
    """The PLIC's registers by name, and its lines."""

    def __init__(self, ctx, bus: BusDriver, plic: Plic) -> None:
        self.ctx, self.bus, self.plic = ctx, bus, plic

    async def priority(self, source: int, value: int) -> None:
        await self.bus.write(map_.PRIORITY + 4 * source, value)

    async def enable(self, context: int, *sources: int) -> None:
        bits = sum(1 << source for source in sources)
        for word in range(2):
            await self.bus.write(ENABLE + ENABLE_STRIDE * context + 4 * word, bits >> 32 * word & 0xFFFF_FFFF)

    async def pending(self) -> int:
        return await self.bus.read(PENDING) | await self.bus.read(PENDING + 4) << 32

    async def threshold(self, context: int, value: int) -> None:
        await self.bus.write(CONTEXT + CONTEXT_STRIDE * context + THRESHOLD, value)

    async def claim(self, context: int) -> int:
        return await self.bus.read(CONTEXT + CONTEXT_STRIDE * context + CLAIM)

    async def complete(self, context: int, source: int) -> None:
        await self.bus.write(CONTEXT + CONTEXT_STRIDE * context + CLAIM, source)
        await self.settle()

    async def raise_(self, *sources: int) -> None:
        """Raise these levels, lower all others."""
        self.ctx.set(self.plic.levels, sum(1 << source for source in sources))
        await self.settle()

    async def settle(self) -> None:
        """Let a change pass through gateway and selection."""
        await self.ctx.tick().repeat(4 if self.plic.cut else 2)

    async def line(self, context: int) -> int:
        await self.settle()
        return self.ctx.get(self.plic.lines) >> context & 1


def run(testbench, plic: Plic | None = None) -> None:
    """With the registers of ``Cuts.bus`` and without them, or on ``plic``."""
    for dut in [plic] if plic else [Plic(), Plic(cut=True)]:

        async def body(ctx, bus, dut=dut):
            await testbench(Driver(ctx, bus, dut))

        simulate(dut, body)


def test_level_is_claimed_once_and_again_after_completion_while_it_lasts():
    async def testbench(plic):
        await plic.priority(10, 1)
        await plic.enable(S, 10)
        assert await plic.line(S) == 0
        await plic.raise_(10)
        assert await plic.line(S) == 1 and await plic.line(M) == 0
        assert await plic.pending() == 1 << 10
        assert await plic.claim(S) == 10
        assert await plic.line(S) == 0
        assert await plic.pending() == 0, "no new request while the last one is in service"
        assert await plic.claim(S) == 0
        await plic.complete(S, 10)
        assert await plic.line(S) == 1
        assert await plic.claim(S) == 10
        await plic.raise_()
        await plic.complete(S, 10)
        assert await plic.line(S) == 0 and await plic.claim(S) == 0

    run(testbench)


def test_request_stays_when_the_level_falls():
    async def testbench(plic):
        await plic.priority(3, 1)
        await plic.enable(S, 3)
        await plic.raise_(3)
        await plic.raise_()
        assert await plic.line(S) == 1
        assert await plic.claim(S) == 3
        assert await plic.line(S) == 0

    run(testbench)


def test_highest_priority_wins_then_the_lowest_number():
    async def testbench(plic):
        for source, priority in ((5, 2), (9, 7), (40, 7), (53, 3)):
            await plic.priority(source, priority)
        await plic.enable(S, 5, 9, 40, 53)
        await plic.raise_(5, 9, 40, 53)
        assert [await plic.claim(S) for _ in range(5)] == [9, 40, 53, 5, 0]

    run(testbench)


def test_priority_zero_never_interrupts():
    async def testbench(plic):
        await plic.enable(S, 7)
        await plic.raise_(7)
        assert await plic.line(S) == 0
        assert await plic.pending() == 1 << 7
        assert await plic.claim(S) == 0

    run(testbench)


@pytest.mark.parametrize("threshold", range(8))
def test_threshold_masks_priorities_up_to_it_but_not_the_claim(threshold):
    async def testbench(plic):
        await plic.threshold(S, threshold)
        assert await plic.bus.read(CONTEXT + CONTEXT_STRIDE * S + THRESHOLD) == threshold
        await plic.priority(4, 4)
        await plic.enable(S, 4)
        await plic.raise_(4)
        assert await plic.line(S) == (threshold < 4)
        assert await plic.claim(S) == 4

    run(testbench)


def test_contexts_are_apart_and_share_the_request():
    async def testbench(plic):
        await plic.priority(8, 1)
        await plic.priority(20, 2)
        await plic.enable(M, 8)
        await plic.enable(S, 8, 20)
        await plic.raise_(8)
        assert await plic.line(M) == 1 and await plic.line(S) == 1
        assert await plic.claim(M) == 8
        assert await plic.line(M) == 0 and await plic.line(S) == 0
        assert await plic.claim(S) == 0
        await plic.raise_(8, 20)
        assert await plic.line(M) == 0 and await plic.line(S) == 1

    run(testbench)


def test_completion_of_a_source_not_enabled_for_the_context_is_ignored():
    async def testbench(plic):
        await plic.priority(8, 1)
        await plic.enable(S, 8)
        await plic.raise_(8)
        assert await plic.claim(S) == 8
        await plic.complete(M, 8)
        await plic.complete(S, 9)
        await plic.complete(S, 8 + 64)
        await plic.complete(S, 0)
        assert await plic.line(S) == 0
        await plic.complete(S, 8)
        assert await plic.line(S) == 1

    run(testbench)


def test_completion_need_not_follow_the_order_of_claims():
    async def testbench(plic):
        for source in (1, 2):
            await plic.priority(source, 1)
        await plic.enable(S, 1, 2)
        await plic.raise_(1, 2)
        assert [await plic.claim(S), await plic.claim(S)] == [1, 2]
        await plic.complete(S, 1)
        assert await plic.claim(S) == 1
        await plic.complete(S, 2)
        assert await plic.claim(S) == 2

    run(testbench)


def test_disabled_source_pends_and_interrupts_when_enabled():
    async def testbench(plic):
        await plic.priority(33, 1)
        await plic.raise_(33)
        assert await plic.line(S) == 0
        assert await plic.pending() == 1 << 33
        await plic.enable(S, 33)
        assert await plic.line(S) == 1
        await plic.enable(S)
        assert await plic.line(S) == 0 and await plic.claim(S) == 0

    run(testbench)


def test_registers_read_back_and_hold_what_exists_only():
    async def testbench(plic):
        read, write = plic.bus.read, plic.bus.write
        for source in range(PLIC_SOURCES + 1):
            await write(4 * source, 0xFFFF_FFFF)
        for source in range(64):
            expected = 7 if 1 <= source <= PLIC_SOURCES else 0
            assert await read(4 * source) == expected, source
        await write(4 * 12, 5)
        assert [await read(4 * source) for source in (11, 12, 13)] == [7, 5, 7]
        last = (1 << PLIC_SOURCES - 31) - 1
        for context in (M, S):
            base = ENABLE + ENABLE_STRIDE * context
            assert await read(base) == 0 and await read(base + 4) == 0
            for word in range(4):
                await write(base + 4 * word, 0xFFFF_FFFF)
            assert [await read(base + 4 * word) for word in range(4)] == [0xFFFF_FFFE, last, 0, 0]
        await write(PENDING, 0xFFFF_FFFF)
        assert await plic.pending() == 0, "pending bits are read-only"
        await write(CONTEXT + THRESHOLD, 0xFF)
        assert await read(CONTEXT + THRESHOLD) == 7
        for nowhere in (0x1800, 0x2100, CONTEXT + 8, CONTEXT + 2 * CONTEXT_STRIDE, 0x5F_FFFC):
            await write(nowhere, 0xFFFF_FFFF)
            assert await read(nowhere) == 0, hex(nowhere)

    run(testbench)


def test_source_zero_does_not_exist():
    async def testbench(plic):
        await plic.priority(0, 7)
        await plic.enable(S, 0)
        await plic.raise_(0)
        assert await plic.line(S) == 0
        assert await plic.claim(S) == 0 and await plic.pending() == 0

    run(testbench)


def test_only_32_bit_accesses():
    async def testbench(plic):
        for size in (0, 1, 3):
            assert await plic.bus.refuses(CONTEXT, size)
            assert await plic.bus.refuses(0, size, write=True)
        assert not await plic.bus.refuses(4, 2)

    run(testbench)


@pytest.mark.parametrize("cut", [False, True])
def test_a_line_never_sees_half_of_a_new_priority(cut):
    dut = Plic(sources=3, cut=cut)
    seen = []

    async def testbench(ctx, bus):
        plic = Driver(ctx, bus, dut)
        await plic.bus.write(ENABLE, 1 << 2)
        await plic.raise_(2)
        for before in range(8):
            for after in range(8):
                await plic.threshold(M, 7)
                await plic.priority(2, before)
                await plic.threshold(M, max(before, after))
                await plic.priority(2, after)
                await plic.settle()
        assert not seen
        await plic.threshold(M, 0)
        await plic.settle()
        assert seen, "the line works"

    async def watch(ctx):
        async for _, _, lines in ctx.tick().sample(dut.lines):
            if lines:
                seen.append(lines)

    simulate(dut, testbench, watch)


def test_a_refused_read_does_not_claim():
    async def testbench(plic):
        await plic.priority(6, 1)
        await plic.enable(S, 6)
        await plic.raise_(6)
        assert await plic.line(S) == 1
        assert await plic.bus.refuses(CONTEXT + CONTEXT_STRIDE * S, 3)
        assert await plic.claim(S) == 6

    run(testbench)


@pytest.mark.parametrize("cut", [False, True])
def test_selector_agrees_with_max(cut):
    """With registers in it too, although the next question comes before the answer to this one."""
    selector = PlicSelector(cut=cut)
    rng = random.Random(1)
    simulator = Simulator(selector)

    async def testbench(ctx):
        for _ in range(300):
            priorities = [rng.randrange(8) for _ in range(PLIC_SOURCES + 1)]
            density = rng.choice((1, 2, 5, 50))
            chosen = [n for n in range(1, PLIC_SOURCES + 1) if rng.randrange(density) == 0]
            ctx.set(selector.candidates, sum(1 << n for n in chosen))
            for bit in range(map_.PRIORITY_BITS):
                ctx.set(selector.planes[bit], sum((p >> bit & 1) << n for n, p in enumerate(priorities)))
            best = max((n for n in chosen if priorities[n]), key=lambda n: (priorities[n], -n), default=None)
            expected.append((best or 0, 0 if best is None else priorities[best]))
            if cut:
                await ctx.tick()
            assert ctx.get(selector.priority) == expected[-1][1]
            if len(expected) > cut:
                assert ctx.get(selector.id) == expected[-1 - cut][0]

    expected = []
    if cut:
        simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="sources must be 1 to 1023, not 1024"):
        Plic(sources=1024)
    with pytest.raises(ValueError, match="contexts must be at least 1, not 0"):
        Plic(contexts=0)


def test_other_sizes_of_machine():
    async def testbench(plic):
        await plic.bus.write(4 * 100, 3)
        await plic.bus.write(ENABLE + ENABLE_STRIDE * 3 + 12, 1 << 4)
        await plic.raise_(100)
        assert await plic.line(3) == 1 and await plic.line(2) == 0
        assert await plic.claim(3) == 100

    run(testbench, Plic(sources=127, contexts=4))
