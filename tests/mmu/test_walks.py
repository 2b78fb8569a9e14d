"""Walks with something special: updates of A and D, entries that change, requests that go away."""

from dataclasses import replace

import pytest

from rtl.cache.interface import CacheOp
from rtl.isa.paging import PmpMatch, Pte
from rtl.isa.privilege import Privilege
from rtl.mmu.interface import Access, FaultKind, FenceOp
from tests.mmu.bench import ALL_FLAGS, Bench, Tables, pte
from tests.mmu.reference import OPEN_PMP, Atp, Context, Pmp, PmpEntry, Request, TranslationFault

pytestmark = pytest.mark.usefixtures("each_cut")

PAGE = 0x9000_0000
SUPERVISOR = ALL_FLAGS & ~Pte.U
CLEAN = SUPERVISOR & ~Pte.D
FRESH = CLEAN & ~Pte.A
SHIFT = 0x4000_0000
"""SPA of a VS-stage table less its guest physical address."""
VA, NEIGHBOUR = 0x1000, 0x2000
STORE = Request(VA, Access.STORE)
GUEST_LOAD, GUEST_STORE = Request(VA, virt=True), Request(VA, Access.STORE, virt=True)


class OneStage(Bench):
    """VA and NEIGHBOUR in satp's tables."""

    def __init__(self, flags=SUPERVISOR):
        super().__init__()
        pool = iter(range(0x8030_0000, 0x8040_0000, 0x1000))
        self.tables = Tables(self.memory, 0x8010_0000, lambda: next(pool))
        self.entry = self.tables.map(VA, PAGE, flags)
        self.tables.map(NEIGHBOUR, PAGE + 0x1000, SUPERVISOR)
        self.context = Context(satp=Atp(8, 1, 0x8010_0), adue=True)


class TwoStage(Bench):
    """VA and NEIGHBOUR in vsatp's tables, tables and pages in hgatp's."""

    def __init__(self, flags=SUPERVISOR, guest_flags=ALL_FLAGS, *, adue=True):
        super().__init__()
        pool = iter(range(0x8030_0000, 0x8040_0000, 0x1000))
        self.guest = Tables(self.memory, 0x8020_0000, lambda: next(pool))
        self.tables = Tables(
            self.memory, 0x8010_0000 - SHIFT, lambda: next(pool) - SHIFT, lambda address: address + SHIFT
        )
        self.entry = self.tables.map(VA, VA, flags)
        self.tables.map(NEIGHBOUR, NEIGHBOUR, SUPERVISOR)
        for spa in (0x8010_0000, *range(0x8030_0000, 0x8040_0000, 0x1000)):
            self.guest.map(spa - SHIFT, spa, wide=True)
        for gpa in (VA, NEIGHBOUR):
            self.guest.map(gpa, PAGE + gpa, wide=True)
        self.entry_gpa = self.entry - SHIFT
        self.table_entry = self.guest.map(
            self.entry_gpa & -0x1000, self.entry & -0x1000, guest_flags, wide=True
        )
        self.context = Context(
            vsatp=Atp(8, 1, self.tables.root >> 12), hgatp=Atp(8, 2, 0x8020_0), adue=adue, vs_adue=adue
        )


def run(bench: Bench, test) -> None:
    async def main(_):
        bench.set_context(bench.context)
        await bench.ctx.tick()
        await test()

    bench.run(main)


@pytest.mark.parametrize("warm", [False, True])
def test_update_of_guest_entry_needs_write_permission(warm):
    """H chapter: the update of a VS-stage entry is an implicit store, reported with the entry's address."""
    bench = TwoStage(FRESH, ALL_FLAGS & ~Pte.W)

    async def test():
        if warm:
            await bench.translate(Request(NEIGHBOUR, virt=True))
        result, _ = await bench.translate(GUEST_LOAD)
        assert result == TranslationFault(FaultKind.GUEST_PAGE, bench.entry_gpa, True, True)
        assert not bench.memory[bench.entry] & Pte.A

    run(bench, test)


@pytest.mark.parametrize("warm", [False, True])
def test_update_of_guest_entry_dirties_its_page(warm):
    """... and sets D in the G-stage entry of the table's page, then A and D in the VS-stage entry."""
    bench = TwoStage(FRESH, ALL_FLAGS & ~Pte.D)

    async def test():
        if warm:
            await bench.translate(Request(NEIGHBOUR, virt=True))
            assert not bench.memory[bench.table_entry] & Pte.D
        assert (await bench.translate(GUEST_STORE))[0] == PAGE + VA
        assert bench.memory[bench.table_entry] & Pte.D
        assert bench.memory[bench.entry] == pte(VA, SUPERVISOR)

    run(bench, test)


def test_guest_dirty_bit_faults_without_hardware_update():
    """Svade in the G stage: a VS-stage update (Svadu) finds D clear in the page of its table."""
    bench = TwoStage(FRESH, ALL_FLAGS & ~Pte.D, adue=False)

    async def test():
        assert (await bench.translate(GUEST_LOAD))[0] == TranslationFault(FaultKind.PAGE)

    run(bench, test)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda value: 0, TranslationFault(FaultKind.PAGE)),
        (lambda value: int(value & ~Pte.W), TranslationFault(FaultKind.PAGE)),
        (lambda value: pte(PAGE + 0x5000, FRESH), PAGE + 0x5000),
    ],
)
def test_entry_changes_before_its_update(change, expected):
    """Step 9 compares: another hart changed the entry, so the walk looks at it again."""
    bench = OneStage(FRESH)

    def before_swap(address):
        bench.before_swap = lambda _: None
        bench.memory[address] = change(bench.memory[address])

    bench.before_swap = before_swap

    async def test():
        assert (await bench.translate(STORE))[0] == expected
        assert bool(bench.memory[bench.entry] & Pte.D) == isinstance(expected, int)

    run(bench, test)


def test_dropped_store_does_not_dirty(each_cut):
    """D is never set for a store that is not waited for when the update is sent; with the cut, a cycle before
    that."""
    bench = OneStage(FRESH)
    late = int(each_cut.walk)
    outcomes = []

    async def test():
        for cycles in range(1, 14 + 10 * late):
            bench.memory[bench.entry] = pte(PAGE, FRESH)
            await bench.fence(FenceOp.ALL)
            sent = False
            bench.offer(bench.mmu.data, STORE)
            for cycle in range(cycles + late):
                bench.ctx.set(bench.mmu.data.valid, cycle < cycles)
                sent |= (
                    bool(bench.ctx.get(bench.mmu.walker.valid))
                    and bench.ctx.get(bench.mmu.walker.op) == CacheOp.CAS
                )
                await bench.ctx.tick()
            bench.ctx.set(bench.mmu.data.valid, 0)
            await bench.ctx.tick().repeat(20)
            assert bool(bench.memory[bench.entry] & Pte.D) == sent
            outcomes.append(sent)

    run(bench, test)
    assert outcomes == ([False] * 19 + [True] * 4 if late else [False] * 8 + [True] * 5)


def test_fence_during_walk():
    """Whatever the walk has read so far: after the fence only the new entry counts."""
    bench = OneStage()

    async def test():
        for cycles in range(24):
            bench.memory[bench.entry] = pte(PAGE, SUPERVISOR)
            await bench.fence(FenceOp.ALL)
            bench.offer(bench.mmu.data, STORE)
            for _ in range(cycles):
                await bench.ctx.tick()
            bench.memory[bench.entry] = pte(PAGE + 0x5000, SUPERVISOR)
            await bench.fence(FenceOp.SFENCE, address=VA, ident=1)
            assert (await bench.translate(STORE))[0] == PAGE + 0x5000

    run(bench, test)


@pytest.mark.parametrize("guest", [False, True])
def test_context_change_during_walk(guest):
    """The address space changes under a walk: nothing of the old one is reported or kept as the new."""
    bench = TwoStage() if guest else OneStage()
    request = GUEST_LOAD if guest else Request(VA)
    other = Tables(bench.memory, bench.tables.root + 0x8_0000, bench.tables.allocate, bench.tables.locate)
    name = "vsatp" if guest else "satp"

    async def test():
        if guest:
            bench.guest.map(other.root, other.root + SHIFT, wide=True)
        other.map(VA, NEIGHBOUR if guest else PAGE + 0x7000, SUPERVISOR)
        for cycles in range(24 if not guest else 60):
            await bench.fence(FenceOp.ALL)
            bench.offer(bench.mmu.data, request)
            for _ in range(cycles):
                await bench.ctx.tick()
            bench.set_context(replace(bench.context, **{name: Atp(8, 3, other.root >> 12)}))
            assert (await bench.translate(request))[0] == PAGE + (NEIGHBOUR if guest else 0x7000)
            bench.set_context(bench.context)
            assert (await bench.translate(request))[0] == PAGE + (VA if guest else 0)

    run(bench, test)


def test_hit_under_walk_and_fault_waiting():
    """A data walk and data hits go on while a fetch walks, and while its fault waits to be taken."""
    bench = OneStage()
    lost = Request(0x5000, Access.FETCH)

    async def test():
        assert (await bench.translate(Request(VA)))[0] == PAGE
        bench.offer(bench.mmu.fetch, lost)
        assert (await bench.translate(Request(VA)))[1] == 0
        for _ in range(40):
            await bench.ctx.tick()
        assert bench.answer(bench.mmu.fetch) == TranslationFault(FaultKind.PAGE)
        assert (await bench.translate(Request(NEIGHBOUR)))[0] == PAGE + 0x1000
        assert bench.answer(bench.mmu.fetch) == TranslationFault(FaultKind.PAGE)
        bench.offer(bench.mmu.fetch, Request(VA, Access.FETCH))
        assert bench.answer(bench.mmu.fetch) is None

    run(bench, test)


def test_waiting_fault_is_forgotten_at_fence():
    bench = OneStage()
    lost = Request(0x5000, Access.LOAD)

    async def test():
        assert isinstance((await bench.translate(lost))[0], TranslationFault)
        bench.offer(bench.mmu.data, lost)
        await bench.ctx.tick().repeat(10)
        bench.tables.map(0x5000, PAGE, SUPERVISOR)
        await bench.fence(FenceOp.SFENCE)
        assert (await bench.translate(lost))[0] == PAGE

    run(bench, test)


def test_fault_does_not_depend_on_the_tlb():
    """A store to a read-only page: the same page fault with and without the load's entry in the TLB."""
    bench = TwoStage(SUPERVISOR & ~Pte.W)

    async def test():
        for _ in range(2):
            assert (await bench.translate(GUEST_STORE))[0] == TranslationFault(FaultKind.PAGE)
            assert (await bench.translate(GUEST_LOAD))[0] == PAGE + VA

    run(bench, test)


def test_guest_physical_address_too_big():
    """H chapter: address bits above 40 must be zero; without a VS stage they come with the address itself."""
    bench = TwoStage()
    bench.context = replace(bench.context, vsatp=Atp())

    async def test():
        assert (await bench.translate(GUEST_LOAD))[0] == PAGE + VA
        for upper in (1 << 41, 1 << 55, 1 << 63):
            result, _ = await bench.translate(Request(upper | VA, virt=True))
            assert result == TranslationFault(FaultKind.GUEST_PAGE, upper | VA)

    run(bench, test)


def test_machine_mode_and_closed_pmp(each_cut):
    """M mode goes straight through, with the cut when the PMP's verdict is known; without a PMP entry nobody
    else goes anywhere."""
    bench = OneStage()

    async def test():
        bench.set_pmp(Pmp())
        await bench.fence(FenceOp.ALL)
        machine = Request(0x8000_0004, Access.FETCH, Privilege.M)
        for cycles in (3 * each_cut.walk, 0):
            assert await bench.translate(machine, bench.mmu.fetch) == (0x8000_0004, cycles)
        assert (await bench.translate(Request(1 << 56, Access.LOAD, Privilege.M)))[0] == TranslationFault(
            FaultKind.ACCESS
        )
        assert (await bench.translate(Request(VA)))[0] == TranslationFault(FaultKind.ACCESS)
        bench.set_pmp(OPEN_PMP)
        await bench.fence(FenceOp.ALL)
        assert (await bench.translate(Request(VA)))[0] == PAGE

    run(bench, test)


@pytest.mark.parametrize("port", ["data", "fetch"])
def test_physical_access_after_pmp_change(port):
    """Not translated: whatever verdicts are kept, the one of the right page, mode and PMP counts, from the
    fence on."""
    bench = OneStage()
    port = getattr(bench.mmu, port)
    locked = PmpEntry(PmpMatch.NAPOT, (0x9000_3000 >> 2) | 0x1FF, locked=True)

    async def test():
        bench.set_context(Context())
        for change in range(6):
            closed = bool(change & 1)
            bench.set_pmp(Pmp((locked, *OPEN_PMP.entries[:7])) if closed else OPEN_PMP)
            bench.offer(port, Request(0x9000_3000, Access.LOAD))
            for _ in range(change // 2):
                await bench.ctx.tick()
            await bench.fence(FenceOp.ALL)
            for page in (3, 2, 3, 4, 0x203, 3):
                for privilege in (Privilege.S, Privilege.M, Privilege.U):
                    request = Request(0x9000_0000 + page * 0x1000, Access.LOAD, privilege)
                    expected = TranslationFault(FaultKind.ACCESS) if closed and page == 3 else request.vaddr
                    assert (await bench.translate(request, port))[0] == expected

    run(bench, test)


def test_requests_that_come_and_go():
    """A miss that is not held is not taken for the next request, whatever that is."""
    bench = OneStage()
    hit, miss = Request(NEIGHBOUR), Request(VA)
    others = (Request(PAGE, privilege=Privilege.M), Request(0x5000), Request(VA, Access.STORE))

    async def test():
        for cycles in range(16):
            for other in (hit, *others):
                await bench.fence(FenceOp.ALL)
                await bench.translate(hit)
                bench.offer(bench.mmu.data, miss)
                for _ in range(cycles):
                    await bench.ctx.tick()
                result, _ = await bench.translate(other)
                assert (
                    result
                    == {
                        hit: PAGE + 0x1000,
                        others[0]: PAGE,
                        others[1]: TranslationFault(FaultKind.PAGE),
                        others[2]: PAGE,
                    }[other]
                )

    run(bench, test)


def test_guest_fence_reaches_cached_table_pointers():
    """The page of a VS-stage table moves: after HFENCE.GVMA of its address the walk reads the new page."""
    bench = TwoStage()
    copy = 0x8050_0000

    async def test():
        assert (await bench.translate(GUEST_LOAD))[0] == PAGE + VA
        index = bench.entry & 0xFFF
        bench.memory[copy + index] = pte(NEIGHBOUR, SUPERVISOR)
        bench.guest.map(bench.entry_gpa & -0x1000, copy, wide=True)
        await bench.fence(FenceOp.GVMA, address=bench.entry_gpa >> 2, ident=2)
        assert (await bench.translate(GUEST_LOAD))[0] == PAGE + NEIGHBOUR

    run(bench, test)


@pytest.mark.parametrize("stages", [OneStage, TwoStage])
def test_pmp_splits_a_superpage(stages):
    """A 4 KiB hole in a 2 MiB page is a hole for it alone, whatever is translated first."""
    bench = stages()
    virt = stages is TwoStage
    if virt:
        bench.guest.map(0x20_0000, 0x9020_0000, level=1, wide=True)
    bench.tables.map(0x20_0000, 0x20_0000 if virt else 0x9020_0000, SUPERVISOR, level=1)
    hole = PmpEntry(PmpMatch.NAPOT, (0x9020_3000 >> 2) | 0x1FF, r=True)

    async def test():
        bench.set_pmp(Pmp((hole, *OPEN_PMP.entries[:7])))
        await bench.fence(FenceOp.ALL)
        for page in (0x2, 0x3, 0x2, 0x3):
            request = Request(0x20_0000 + page * 0x1000, Access.STORE, virt=virt)
            expected = TranslationFault(FaultKind.ACCESS) if page == 3 else 0x9020_0000 + page * 0x1000
            assert (await bench.translate(request))[0] == expected

    run(bench, test)


def test_without_hypervisor():
    """V is ignored."""
    bench = OneStage()
    bench.mmu = Bench(hypervisor=False).mmu

    async def test():
        assert (await bench.translate(Request(VA, virt=True)))[0] == PAGE

    run(bench, test)
