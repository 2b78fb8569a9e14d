"""Shadow paging under CPython: whatever a guest does to its tables, the shadow says what they say.

A guest of random stores to its tables, fences, address spaces and accesses. The hart is played here: it walks
the shadow tables, and faults where they do not let it pass. The judge is a walk of the guest's own tables.
"""

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from firmware.hypervisor.outcome import EMULATE, RESUME
from firmware.hypervisor.pool import take_pages
from firmware.hypervisor.shadow.exits import is_translation, shadow_fault, translation
from firmware.hypervisor.shadow.page import Page, protected
from firmware.hypervisor.shadow.space import start_space
from firmware.hypervisor.shadow.store import SMALLEST, fill_store
from firmware.hypervisor.shadow.sync import unsync
from firmware.hypervisor.shadow.tables import shadow
from firmware.hypervisor.vm import vms
from firmware.lang import ptr
from firmware.lang.function import FwFunction
from rtl.isa.causes import Cause
from rtl.isa.instructions import INSTRUCTIONS
from rtl.isa.paging import Pte

from .world import BACKING, RAM, World, world

BASE = 0x8000_0000
STORE_AT = 0x9000_0000
TABLE_COST = 4096 + 2048 + 64
FETCH, LOAD, STORE = Cause.FETCH_PAGE_FAULT, Cause.LOAD_PAGE_FAULT, Cause.STORE_PAGE_FAULT
SUM, MXR = 1 << 18, 1 << 19
SATP = 0x180
SV39 = 8 << 60


@dataclass(frozen=True)
class Leaf:
    """What a walk finds: the physical address and the entry."""

    address: int
    pte: int
    level: int


def walk(read, table: int, va: int) -> Leaf | str | None:
    """Sv39 (privileged spec, "Virtual Address Translation Process"), permissions and A and D apart.

    None for a page fault, "access" where a table is no memory.
    """
    for level in (2, 1, 0):
        pte = read(table + (va >> 12 + 9 * level & 511) * 8)
        if pte is None:
            return "access"
        if not pte & Pte.V or pte & (Pte.R | Pte.W) == Pte.W or pte >> 54:
            return None
        if pte & (Pte.R | Pte.X):
            mask = (1 << 12 + 9 * level) - 1
            address = (pte >> 10) << 12
            return None if address & mask else Leaf(address | va & mask, pte, level)
        if level == 0 or pte & (Pte.A | Pte.D | Pte.U):
            return None
        table = (pte >> 10) << 12
    raise AssertionError


def permitted(pte: int, cause: int, user: bool, status: int) -> bool:
    """Step 7 of the walk."""
    if bool(pte & Pte.U) != user and (user or cause == FETCH or not status & SUM):
        return False
    if cause == FETCH:
        return bool(pte & Pte.X)
    if cause == STORE:
        return bool(pte & Pte.W)
    return bool(pte & Pte.R or (pte & Pte.X and status & MXR))


class Guest:
    """One VM with shadow paging, and the hart that it runs on."""

    def __init__(self, w: World, tables: int, hardware_ad: bool) -> None:
        self.w, self.machine, self.v = w, w.machine, w.vcpu(0)
        self.hardware_ad = hardware_ad
        self.user, self.status = False, 0
        vms[0].pages = ptr[Page](take_pages(RAM // 4096 * 8))
        vms[0].regions = ptr[Page](take_pages(RAM // (2 << 20) * 8))
        self.machine.map(STORE_AT, tables * TABLE_COST)
        assert fill_store(STORE_AT, STORE_AT + tables * TABLE_COST)
        start_space(self.v)
        self.machine.csrs["vsatp"] = int(self.v.state.vsatp)

    def ram(self, gpa: int) -> int | None:
        """Eight bytes of the guest's RAM."""
        if not BASE <= gpa < BASE + RAM:
            return None
        return self.machine.read(gpa - BASE + BACKING, 8)

    def host(self, address: int) -> int:
        return self.machine.read(address, 8)

    def store(self, gpa: int, value: int) -> None:
        """The guest writes its RAM by its physical address, which leaves if the page is protected."""
        unsync(vms[0], gpa)
        self.machine.write(gpa - BASE + BACKING, 8, value)

    def instruction(self, word: int, **registers: int) -> None:
        """An instruction that leaves with VTVM."""
        assert is_translation(word)
        for name, value in registers.items():
            self.v.state.x[int(name[1:])] = value
        self.machine.csrs["stval"] = word
        translation(self.v)

    def set_satp(self, value: int) -> None:
        self.instruction(SATP << 20 | 5 << 15 | 1 << 12 | 0x73, x5=value)

    def fence(self, va: int | None = None) -> None:
        match = INSTRUCTIONS["sfence.vma"].match
        self.instruction(match if va is None else match | 5 << 15, x5=va or 0)

    def truth(self, va: int, cause: int) -> Leaf | str:
        """What the guest's tables say now: where it goes, or how it faults."""
        satp = int(self.v.satp)
        if satp >> 60 == 0:
            return Leaf(va, Pte.V | Pte.R | Pte.W | Pte.X | Pte.A | Pte.D | (Pte.U if self.user else 0), 0)
        found = walk(self.ram, (satp & (1 << 44) - 1) << 12, va)
        if found == "access":
            return "access"
        if found is None or not permitted(found.pte, cause, self.user, self.status):
            return "page"
        wanted = Pte.A | (Pte.D if cause == STORE else 0)
        if found.pte & wanted != wanted and not self.hardware_ad:
            return "page"
        return found

    def hart(self, va: int, cause: int) -> int | None:
        """What the hart does with the shadow: the host address, or None where it faults."""
        vsatp = self.machine.csrs["vsatp"]
        assert vsatp >> 60 == 8 and vsatp >> 44 & 0xFFFF
        found = walk(self.host, (vsatp & (1 << 44) - 1) << 12, va)
        if found is None or not permitted(found.pte, cause, self.user, self.status):
            return None
        assert found.pte & (Pte.A | Pte.D) == Pte.A | Pte.D
        return found.address

    def access(self, va: int, cause: int) -> int | str:
        """One access, to its end: a host address, ``device``, or the exception that the guest gets."""
        csrs = self.machine.csrs
        for _ in range(8):
            place = self.hart(va, cause)
            if place is not None:
                return place
            csrs["stval"], csrs["sepc"], csrs["vstvec"] = va, BASE, BASE + 0x100
            csrs["sstatus"] = 0 if self.user else 1 << 8
            csrs["vsstatus"] = self.status
            csrs["vscause"] = 0
            outcome = int(shadow_fault(self.v, cause))
            if outcome == EMULATE:
                return "device"
            assert outcome == RESUME
            if csrs["vscause"]:
                assert csrs["vstval"] == va
                return "page" if csrs["vscause"] == cause else "access"
        raise AssertionError("the guest does not get on")

    def check(self, va: int, cause: int) -> None:
        """With every store to the tables fenced, the hart does what the guest's tables say."""
        expected = self.truth(va, cause)
        found = self.access(va, cause)
        if isinstance(expected, str):
            assert found == expected
        elif not BASE <= expected.address < BASE + RAM:
            assert found == ("access" if cause == FETCH else "device")
        else:
            assert found == expected.address - BASE + BACKING
            after = self.truth(va, cause)
            assert isinstance(after, Leaf)
            if int(self.v.satp) >> 60:
                assert after.pte & Pte.A and (after.pte & Pte.D or cause != STORE), "A and D are kept"

    def check_protection(self) -> None:
        """No shadow entry lets the guest write a page that it must not; every entry is in the books."""
        for number in range(int(shadow.made)):
            table = shadow.tables[number]
            if not int(table.key):
                continue
            level = int(table.key) & 3
            entries = [self.host(STORE_AT + number * 4096 + 8 * i) for i in range(512)]
            assert sum(entry != 0 for entry in entries) == int(table.used)
            for entry in filter(None, entries):
                address = (entry >> 10) << 12
                if entry & (Pte.R | Pte.X):
                    assert BACKING <= address < BACKING + RAM
                    for page in range((address - BACKING) >> 12, ((address - BACKING) >> 12) + 512**level):
                        assert not (entry & Pte.W and protected(vms[0].pages[page]))
                else:
                    child = shadow.tables[(address - STORE_AT) >> 12]
                    assert int(child.key) and int(child.key) & 3 == level - 1


@contextmanager
def guest(tables: int = SMALLEST, hardware_ad: bool = False) -> Iterator[Guest]:
    """A guest without paging, in S mode, on ``tables`` shadow tables."""
    with world(flags=int(hardware_ad)) as w:
        yield Guest(w, tables, hardware_ad)


def pointer(gpa: int) -> int:
    return gpa >> 12 << 10 | Pte.V


def leaf(gpa: int, flags: int) -> int:
    return gpa >> 12 << 10 | flags | Pte.V


RW = Pte.R | Pte.W | Pte.A | Pte.D
ROOT, MIDDLE, LOW, LOW2, ROOT2 = (BASE + n * 4096 for n in (16, 17, 18, 19, 20))
VA = 0x4000_0000
PAGE = BASE + 0x30_0000


def build(g: Guest) -> None:
    """ROOT -> MIDDLE -> LOW, with VA mapped to PAGE, and VA + 4096 to LOW itself."""
    g.store(ROOT + 8 * 1, pointer(MIDDLE))
    g.store(MIDDLE, pointer(LOW))
    g.store(LOW, leaf(PAGE, RW))
    g.store(LOW + 8, leaf(LOW, RW))
    g.set_satp(SV39 | ROOT >> 12)


def test_without_paging_each_mode_reaches_all_of_ram():
    with guest() as g:
        for user in (False, True, False):
            g.user = user
            for cause in (FETCH, LOAD, STORE):
                for va in (BASE, BASE + RAM - 8, 0x1000_0000, BASE + RAM, 1 << 45):
                    g.check(va, cause)


def test_store_to_a_table_leaves_once_until_the_fence():
    with guest() as g:
        build(g)
        assert g.access(VA, LOAD) == PAGE - BASE + BACKING
        assert g.hart(VA + 4096, STORE) is None, "LOW is a table: protected"
        assert g.access(VA + 4096, STORE) == LOW - BASE + BACKING
        assert g.hart(VA + 4096, STORE) is not None, "and now out of step"
        g.machine.write(LOW - BASE + BACKING, 8, leaf(PAGE + 4096, RW))
        assert g.hart(VA, LOAD) == PAGE - BASE + BACKING, "remembered until the fence"
        g.fence(VA)
        g.check(VA, LOAD)
        assert g.hart(VA + 4096, STORE) is not None, "still out of step"
        g.fence()
        assert g.hart(VA + 4096, STORE) is None, "protected again"
        g.check_protection()


def test_console_input_into_a_table_puts_it_out_of_step(monkeypatch: pytest.MonkeyPatch):
    module = sys.modules["firmware.hypervisor.sbi.dbcn"]
    monkeypatch.setattr(module, "SHADOW", True)
    read = FwFunction(module.read.python)  # checked anew, with what SHADOW is now
    with guest() as g:
        build(g)
        g.check(VA, LOAD)
        g.w.typed += leaf(PAGE + 4096, RW).to_bytes(8, "little")
        g.v.state.x[11] = LOW
        assert read(g.v, LOW - BASE + BACKING, 8) == RESUME and g.ram(LOW) == leaf(PAGE + 4096, RW)
        g.fence(VA)
        g.check(VA, LOAD)


def test_satp_is_the_guests_own():
    with guest() as g:
        build(g)
        assert int(g.v.satp) == SV39 | ROOT >> 12
        g.instruction(SATP << 20 | 2 << 12 | 7 << 7 | 0x73)  # csrr x7, satp
        assert int(g.v.state.x[7]) == SV39 | ROOT >> 12
        g.set_satp(9 << 60 | ROOT2 >> 12)
        assert int(g.v.satp) == SV39 | ROOT >> 12, "a MODE that is not there changes nothing"
        g.instruction(SATP << 20 | 1 << 15 | 3 << 12 | 7 << 7 | 0x73, x1=SV39)  # csrrc x7, satp, x1
        assert int(g.v.satp) == ROOT >> 12 and int(g.v.state.x[7]) == SV39 | ROOT >> 12
        g.instruction(SATP << 20 | 31 << 15 | 5 << 12 | 0x73)  # csrwi satp, 31
        assert int(g.v.satp) == 31


def test_address_spaces_stay():
    with guest() as g:
        build(g)
        g.store(ROOT2 + 8, pointer(MIDDLE))
        g.access(VA, LOAD)
        first = g.machine.csrs["vsatp"]
        g.set_satp(SV39 | ROOT2 >> 12)
        g.check(VA, LOAD)
        assert g.machine.csrs["vsatp"] >> 44 != first >> 44, "an ASID of its own"
        g.set_satp(SV39 | 1 << 44 | ROOT >> 12)
        assert g.machine.csrs["vsatp"] == first and g.hart(VA, LOAD) is not None


def test_root_outside_ram_is_an_access_fault():
    with guest() as g:
        g.set_satp(SV39 | 0x1000_0000 >> 12)
        for cause in (FETCH, LOAD, STORE):
            assert g.access(VA, cause) == "access"


@pytest.mark.parametrize("hardware_ad", [False, True])
def test_accessed_and_dirty(hardware_ad):
    with guest(hardware_ad=hardware_ad) as g:
        build(g)
        g.store(LOW, leaf(PAGE, Pte.R | Pte.W))
        assert g.access(VA, LOAD) == (PAGE - BASE + BACKING if hardware_ad else "page")
        if not hardware_ad:
            g.store(LOW, leaf(PAGE, Pte.R | Pte.W | Pte.A))
        assert g.hart(VA, STORE) is None
        g.check(VA, LOAD)
        g.check(VA, STORE)
        assert g.ram(LOW) == leaf(PAGE, RW if hardware_ad else Pte.R | Pte.W | Pte.A)


@pytest.mark.parametrize("hardware_ad", [False, True])
@pytest.mark.parametrize("taken", [Pte.W, Pte.X, Pte.A, Pte.D, Pte.V, Pte.R | Pte.W])
def test_permissions_taken_away_are_gone_after_the_fence(taken, hardware_ad):
    with guest(hardware_ad=hardware_ad) as g:
        build(g)
        for fence_address in (VA, None):
            g.store(LOW, leaf(PAGE, RW | Pte.X))
            g.fence(fence_address)
            for cause in (LOAD, STORE, FETCH):
                g.check(VA, cause)
            g.store(LOW, leaf(PAGE, RW | Pte.X) & ~taken)
            g.fence(fence_address)
            for cause in (LOAD, FETCH, STORE):
                g.check(VA, cause)


class Chaos:
    """What a random guest does: two roots, three middle and four low tables, a dozen addresses."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = random.Random(seed)
        pages = [BASE + 4096 * n for n in rng.sample(range(16, 512), 9)]
        self.tables = {2: pages[:2], 1: pages[2:5], 0: pages[5:]}
        self.pages = pages
        self.indices = {
            2: rng.sample([0, 1, 511], 2),
            1: rng.sample(range(512), 2),
            0: rng.sample(range(512), 3),
        }

    def virtual(self) -> int:
        """An address that has entries at every level."""
        rng = self.rng
        va = sum(
            rng.choice(self.indices[level]) << 12 + 9 * level for level in (0, 1, 2)
        ) + 8 * rng.randrange(512)
        return va | (-1 << 39) & (1 << 64) - 1 if va >> 38 else va

    def flags(self) -> int:
        """Permissions, mostly sensible ones."""
        return self.rng.choice([RW, RW, RW | Pte.X, RW | Pte.U, Pte.R | Pte.A, Pte.R | Pte.W, Pte.X | Pte.A])

    def entry(self, level: int) -> int:
        """An entry for a table at a level, mostly a sensible one."""
        rng, kind = self.rng, self.rng.random()
        if kind < 0.08:
            return rng.choice([0, leaf(0x1000_0000, RW), leaf(BASE, RW) | 1 << 60, rng.getrandbits(54)])
        if level and kind < 0.75:
            return pointer(rng.choice(self.tables[level - 1] if kind < 0.65 else self.pages))
        if level:
            return leaf(rng.choice([BASE, BASE + (2 << 20)] if level == 1 else [BASE]), self.flags())
        return leaf(rng.choice([*self.pages, PAGE, PAGE + 4096, BASE + 4096]), self.flags())

    def change(self, g: Guest) -> None:
        """Store one entry: a new one, or one with other permissions."""
        rng = self.rng
        level = rng.choice([2, 1, 0, 0])
        place = rng.choice(self.tables[level]) + 8 * rng.choice(self.indices[level])
        old = g.ram(place)
        if old and old & (Pte.R | Pte.X) and rng.random() < 0.5:
            g.store(place, old & ~0xFF | self.flags() | Pte.V)
        else:
            g.store(place, self.entry(level))

    def space(self) -> int:
        """A satp."""
        if self.rng.random() < 0.05:
            return 0
        return SV39 | self.rng.randrange(4) << 44 | self.rng.choice(self.tables[2]) >> 12


@pytest.mark.parametrize("hardware_ad", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_random_guest(seed: int, hardware_ad: bool):
    """Few tables, few addresses, much change."""
    chaos = Chaos(seed)
    rng = chaos.rng
    with guest(hardware_ad=hardware_ad) as g:
        for _ in range(30):
            chaos.change(g)
        g.set_satp(SV39 | chaos.tables[2][0] >> 12)
        for step in range(120):
            for _ in range(rng.randrange(4)):
                chaos.change(g)
                g.access(chaos.virtual(), rng.choice([LOAD, STORE]))  # may remember what is not fenced yet
            kind = rng.random()
            g.user = rng.random() < 0.2
            g.status = rng.choice([0, SUM, MXR, SUM | MXR])
            cause = rng.choice([FETCH, LOAD, LOAD, STORE])
            if kind < 0.5:
                va = chaos.virtual()
                g.fence(va)
                g.check(va, cause)
                continue
            if kind < 0.7:
                g.set_satp(chaos.space())
            else:
                g.fence()
            for _ in range(4):
                g.check(chaos.virtual(), cause)
            if step % 16 == 0:
                g.check_protection()
        g.check_protection()


def test_table_inside_a_large_page_breaks_it():
    """What was one entry for 2 MiB must let the table alone be protected; and never become one again."""
    with guest() as g:
        g.access(BASE + 0x10_0000, STORE)
        assert g.hart(ROOT, STORE) is not None, "2 MiB at once"
        build(g)
        g.check_protection()
        g.set_satp(0)
        assert g.hart(ROOT, STORE) is None
        g.check(BASE + 0x10_0000, STORE)
        assert g.hart(ROOT, STORE) is None
        g.check_protection()
        assert g.hart(BASE + (2 << 20), LOAD) is None
        g.check(BASE + (2 << 20), LOAD)
        assert g.hart(BASE + (2 << 20) + 4096, STORE) is not None, "no table there: 2 MiB at once"


def test_every_table_can_be_evicted():
    """Address spaces one after the other, more than the store holds."""
    with guest() as g:
        for n in range(3 * SMALLEST):
            root = BASE + 4096 * (16 + 2 * n)
            g.store(root + 8, leaf(BASE & -(1 << 30), RW))
            g.set_satp(SV39 | root >> 12)
            g.check(VA + 4096 * n, LOAD)
            g.check(VA + (2 << 20), STORE)
        g.check_protection()
