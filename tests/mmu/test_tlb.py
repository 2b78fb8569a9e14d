"""Both levels of TLB alone: nothing stale, nothing doubled, whatever is filled and fenced in any order."""

import random
from dataclasses import dataclass

import pytest
from amaranth.sim import Simulator

from rtl.mmu.interface import FenceOp
from rtl.mmu.second_level import SecondLevelTlb
from rtl.mmu.tlb import Tlb

SIZES = (1, 1 << 9, 1 << 18)
VPNS = (0x0, 0x1, 0x7, 0x200, 0x201, 0x40000, 0x40201, 0x7FFFE00)


@dataclass(frozen=True)
class Entry:
    """A translation as the tests see it; ``size`` and ``stage1`` are levels."""

    vpn: int
    asid: int = 1
    vmid: int = 0
    virt: int = 0
    size: int = 0
    stage1: int = 0
    all_asids: int = 0
    ppn: int = 0

    def covers(self, other: "Entry") -> bool:
        """A look-up of ``other``'s page in its space finds this."""
        pages = SIZES[self.size]
        return (
            self.vpn // pages == other.vpn // pages
            and (self.virt, self.vmid) == (other.virt, other.vmid)
            and (self.all_asids or self.asid == other.asid)
        )

    def space(self) -> dict:
        return {"asid": self.asid, "vmid": self.vmid, "virt": self.virt, "stage1": 1, "stage2": self.virt}

    def leaf(self) -> dict:
        flags = {"mega": self.size > 0, "giga": self.size > 1, "all_asids": self.all_asids}
        flags |= {"stage1_mega": self.stage1 > 0, "stage1_giga": self.stage1 > 1}
        return {"ppn": self.ppn} | {name: int(value) for name, value in flags.items()}


@dataclass(frozen=True)
class FenceCase:
    """A fence by page number (or None) and identifier (or None); ``vmid`` is hgatp's."""

    op: FenceOp
    vpn: int | None = None
    ident: int | None = None
    vmid: int = 0

    def must_drop(self, e: Entry) -> bool:
        """Supervisor chapter, SFENCE.VMA; H chapter, HFENCE.VVMA and HFENCE.GVMA."""
        if self.op == FenceOp.ALL:
            return True
        if self.op == FenceOp.GVMA:
            return bool(e.virt) and self.ident in (None, e.vmid)
        pages = SIZES[e.stage1]
        here = self.vpn is None or self.vpn // pages == e.vpn // pages
        own = self.ident is None or (not e.all_asids and e.asid == self.ident)
        if self.op == FenceOp.VVMA:
            return bool(e.virt) and e.vmid == self.vmid and here and own
        return not e.virt and here and own


class Driver:
    """One TLB component in the simulator."""

    def __init__(self, tlb) -> None:
        self.tlb = tlb

    def run(self, test) -> None:
        async def main(ctx):
            self.ctx = ctx
            await test(self)

        sim = Simulator(self.tlb)
        sim.add_clock(1e-8)
        sim.add_testbench(main)
        sim.run()

    async def look_up(self, e: Entry) -> int | None:
        """Physical page number found."""
        ctx, tlb = self.ctx, self.tlb
        ctx.set(tlb.vpn, e.vpn)
        ctx.set(tlb.space, e.space())
        if tlb.judges:
            for space in tlb.spaces:
                ctx.set(space, e.space() | {"asid": 3, "virt": 1 - e.virt})
            ctx.set(tlb.spaces[e.virt], e.space())
            await ctx.tick()
        if isinstance(tlb, SecondLevelTlb):
            ctx.set(tlb.read_vpn, e.vpn)
            ctx.set(tlb.read, 1)
            await ctx.tick()
            ctx.set(tlb.read, 0)
        ctx.set(tlb.enable, 1)
        return ctx.get(tlb.leaf.ppn) if ctx.get(tlb.found) else None

    async def fill(self, e: Entry) -> None:
        """As after a walk: a look-up came before."""
        ctx, fill = self.ctx, self.tlb.fill
        await self.look_up(e)
        ctx.set(fill.vpn, e.vpn)
        ctx.set(fill.space, e.space())
        ctx.set(fill.leaf, e.leaf())
        if self.tlb.judges and isinstance(self.tlb, Tlb):
            await ctx.tick()
        ctx.set(fill.valid, 1)
        await ctx.tick()
        ctx.set(fill.valid, 0)

    async def fence(self, f: FenceCase) -> None:
        ctx, tlb = self.ctx, self.tlb
        shift = 2 if f.op == FenceOp.GVMA else 0
        fields = {"op": f.op, "by_address": f.vpn is not None, "by_id": f.ident is not None}
        ctx.set(tlb.fence, fields | {"address": (f.vpn or 0) << 12 >> shift, "id": f.ident or 0})
        if isinstance(tlb, Tlb):
            ctx.set(tlb.vmid, f.vmid)
        ctx.set(tlb.fence_valid, 1)
        await ctx.tick()
        ctx.set(tlb.fence_valid, 0)


def make(kind: str):
    return SecondLevelTlb(4, 2) if kind == "second" else Tlb(4, judges=kind == "judging")


def random_entry(rng: random.Random, serial: int) -> Entry:
    virt = rng.randrange(2)
    stage1 = rng.choice((0, 0, 1, 2))
    return Entry(
        vpn=rng.choice(VPNS),
        asid=rng.choice((1, 2)),
        vmid=rng.choice((1, 2)) if virt else 0,
        virt=virt,
        size=rng.randrange(stage1 + 1),
        stage1=stage1,
        all_asids=rng.random() < 0.2,
        ppn=serial << 18,
    )


@pytest.mark.parametrize("kind", ["first", "judging", "second"])
@pytest.mark.parametrize("seed", range(3))
def test_nothing_stale_nothing_doubled(kind, seed):
    """A look-up finds nothing, or the last translation filled for it that no fence has covered since.

    (Last: the tables may change without a fence; the TLB may then use the old or the new, never a mixture.
    The second level keeps the old one for other pages of a superpage, so there any of them will do.)
    """
    rng = random.Random(seed)

    async def test(driver):
        history: list[Entry] = []
        found = 0
        for serial in range(1, 500):
            chance = rng.random()
            if chance < 0.5:
                entry = random_entry(rng, serial)
                await driver.fill(entry)
                history.append(entry)
                assert await driver.look_up(entry) is not None
            elif chance < 0.6:
                fence = FenceCase(
                    rng.choice(list(FenceOp)[:3]),
                    rng.choice((None, rng.choice(VPNS))),
                    rng.choice((None, 1, 2)),
                    rng.choice((1, 2)),
                )
                await driver.fence(fence)
                history = [e for e in history if not fence.must_drop(e)]
            probe = random_entry(rng, 0)
            got = await driver.look_up(probe)
            if got is not None:
                found += 1
                legal = [e for e in history if e.covers(probe)]
                if kind != "second":
                    legal = legal[-1:]
                assert got >> 18 in [e.ppn >> 18 for e in legal], (probe, legal)
        assert found > 30

    Driver(make(kind)).run(test)


@pytest.mark.parametrize("kind", ["first", "judging", "second"])
def test_fence_reaches_every_page_of_a_first_stage_leaf(kind):
    """A 4 KiB entry out of a 2 MiB VS-stage page (4 KiB in the G stage) is under the whole leaf's fence."""
    entry = Entry(0x201, vmid=1, virt=1, size=0, stage1=1, ppn=5)

    async def test(driver):
        await driver.fill(entry)
        await driver.fence(FenceCase(FenceOp.VVMA, vpn=0x3FE, vmid=1))
        assert await driver.look_up(entry) is None

    Driver(make(kind)).run(test)


@pytest.mark.parametrize("kind", ["first", "judging"])
def test_what_fences_leave_alone(kind):
    """The first level drops no more than the specification asks for, but for G-stage fences by address."""
    host, shared = Entry(0x1, ppn=1), Entry(0x2, all_asids=1, ppn=2)
    guest, other = Entry(0x1, vmid=1, virt=1, ppn=3), Entry(0x1, vmid=2, virt=1, ppn=4)
    entries = (host, shared, guest, other)

    async def test(driver):
        for fence in (
            FenceCase(FenceOp.SFENCE),
            FenceCase(FenceOp.SFENCE, ident=1),
            FenceCase(FenceOp.SFENCE, vpn=1),
            FenceCase(FenceOp.SFENCE, vpn=2, ident=1),
            FenceCase(FenceOp.VVMA, vmid=1),
            FenceCase(FenceOp.VVMA, ident=2, vmid=1),
            FenceCase(FenceOp.GVMA, ident=2),
            FenceCase(FenceOp.ALL),
        ):
            for entry in entries:
                if await driver.look_up(entry) is None:
                    await driver.fill(entry)
            await driver.fence(fence)
            for entry in entries:
                assert (await driver.look_up(entry) is None) == fence.must_drop(entry), (fence, entry)

    Driver(make(kind)).run(test)


@pytest.mark.parametrize("kind", ["first", "judging"])
def test_superpage_offsets(kind):
    """A 2 MiB or 1 GiB entry gives each page its own physical page."""

    async def test(driver):
        await driver.fill(Entry(0x201, size=1, stage1=1, ppn=0x80201))
        assert await driver.look_up(Entry(0x3FF)) == 0x803FF
        assert await driver.look_up(Entry(0x400)) is None
        await driver.fill(Entry(0x40005, size=2, stage1=2, ppn=0xC0005))
        assert await driver.look_up(Entry(0x7FFFF)) == 0xFFFFF

    Driver(make(kind)).run(test)
