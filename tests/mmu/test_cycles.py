"""Cycle counts over a first-level hit. They are exact: change a figure only on purpose."""

import pytest

from rtl.config import TlbConfig
from rtl.mmu.interface import FenceOp
from tests.mmu.bench import ALL_FLAGS, Bench, Tables
from tests.mmu.reference import Atp, Context, Request

ROOT, GUEST_ROOT = 0x8010_0000, 0x8020_0000
SATP = Atp(8, 1, ROOT >> 12)
HGATP = Atp(8, 2, GUEST_ROOT >> 12)
TLB = TlbConfig(instruction=2, data=2)
FIRST, OTHERS = 0x1000, [0x2000, 0x3000, 0x4000]


class Machine:
    """Pages at FIRST and OTHERS, one- or two-stage; guest tables at GPA = SPA - 0x80000000 + 0x40000000."""

    def __init__(self, *, first: int | None, guest: int | None) -> None:
        self.bench = bench = Bench(TLB)
        pool = iter(range(0x8030_0000, 0x8060_0000, 0x1000))
        shift = 0x4000_0000 if guest is not None else 0
        if guest is not None:
            guests = Tables(bench.memory, GUEST_ROOT, lambda: next(pool))
            size = 1 << 12 + 9 * guest
            for gpa in range(0, 0x10000 if guest == 0 else 1, 0x1000):
                guests.map(gpa, 0x9000_0000 + gpa if guest < 2 else 0x8000_0000, level=guest, wide=True)
            for gpa in range(0x4000_0000, 0x4080_0000, min(size, 0x80_0000)):
                guests.map(gpa, gpa + shift, level=guest, wide=True)
        if first is not None:
            tables = Tables(
                bench.memory, ROOT - shift, lambda: next(pool) - shift, lambda address: address + shift
            )
            for va in [FIRST, *OTHERS] if first == 0 else [0]:
                tables.map(va, (0 if guest is not None else 0x9000_0000) + va, ALL_FLAGS & ~0x10, level=first)
        self.virt = guest is not None
        root = Atp(8, 1, ROOT - shift >> 12) if first is not None else Atp()
        self.context = Context(
            satp=Atp() if self.virt else root,
            vsatp=root if self.virt else Atp(),
            hgatp=HGATP if self.virt else Atp(),
        )

    def measure(self, plan) -> list[tuple[int, int]]:
        """(cycles, reads) of each step of ``plan``: addresses to translate or fences."""
        figures = []

        async def test(bench):
            bench.set_context(self.context)
            await bench.ctx.tick()
            for step in plan:
                if isinstance(step, FenceOp):
                    await bench.fence(step)
                    continue
                before = bench.reads
                result, cycles = await bench.translate(Request(step, virt=self.virt))
                assert isinstance(result, int), result
                figures.append((cycles, bench.reads - before))

        self.bench.run(test)
        return figures


@pytest.mark.parametrize(
    ("first", "guest", "cold", "warm", "cut"),
    [
        (0, None, (8, 3), (4, 1), (24, 14)),
        (0, 0, (26, 12), (6, 2), (77, 21)),
        (None, 0, (8, 3), (4, 1), (26, 16)),
        (0, 1, None, (5, 1), (0, 18)),
    ],
    ids=["sv39", "two-stage", "guest-only", "guest-2M"],
)
def test_walk(first, guest, cold, warm, cut, each_cut):
    """Cold: every cache just flushed. Warm: only the leaf entries are to be read. ``cut``: the cycles of both
    with registers in the long paths."""
    if each_cut.walk:
        cold, warm = cold and (cut[0], cold[1]), (cut[1], warm[1])
    figures = Machine(first=first, guest=guest).measure([FIRST, *OTHERS, FenceOp.ALL, FIRST])
    assert figures[1:4] == [warm] * 3
    if cold:
        assert figures[0] == figures[4] == cold


@pytest.mark.parametrize("guest", [None, 0])
def test_second_level_hit(guest, each_cut):
    """The L1 (2 entries) has lost the first page; the second level has it."""
    figures = Machine(first=0, guest=guest).measure([FIRST, *OTHERS, FIRST, FIRST])
    assert figures[4:] == [(7 if each_cut.walk else 2, 0), (0, 0)]


@pytest.mark.parametrize("op", list(FenceOp))
def test_fence_takes_one_cycle(op, each_cut):
    """One more if it goes into a register first."""

    async def test(bench):
        assert await bench.fence(op) == 1 + each_cut.walk

    Bench(TLB).run(test)
