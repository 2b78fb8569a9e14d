"""Random address spaces: two host processes and two virtual machines, with whatever a page table can hold."""

import random
from dataclasses import replace

from rtl.isa.paging import PmpMatch, Pte
from rtl.isa.privilege import Privilege
from rtl.mmu.interface import Access, FenceOp
from tests.mmu.bench import ALL_FLAGS, Bench, Tables, pte
from tests.mmu.reference import OPEN_PMP, Atp, Context, Pmp, PmpEntry, Request

__all__ = ["World"]

TABLES = 0x8010_0000
GUEST_OFFSET = 0x4000_0000
"""VS-stage tables stand at guest physical address SPA - 0x80000000 + this, and three more."""
SHARED = 0xFFFF_FFC0_0000_0000
"""This 1 GiB is the same in both address spaces: entries there may be global."""
BASES = (0x0000_0000, 0x0020_0000, 0x4000_0000, 0x3F_C000_0000, SHARED, SHARED + 0x20_0000)
GPAS = (0x0, 0x1000, 0x20_0000, 0x20_5000, 0x4000_0000, 0x1C0_0000_0000, 0x1C0_0020_1000, 0x200_0000_0000)
SPAS = (0x8000_0000, 0x8040_0000, 0x9000_0000, 0x9000_3000, 0x9020_7000, 0x1000_0000, 0x8000_0000_0000)


class World:
    """Tables in ``bench.memory`` and moves that a test may make: requests, changes of tables, contexts."""

    def __init__(self, bench: Bench, rng: random.Random) -> None:
        self.bench, self.rng, self.memory = bench, rng, bench.memory
        pool = iter(range(TABLES, TABLES + 0x40_0000, 0x1000))
        self.guests = []
        for root in (0x8060_0000, 0x8061_0000):
            guest = Tables(self.memory, root, lambda: next(pool))
            self.guests.append(guest)
            for page in range(TABLES, TABLES + 0x40_000, 0x1000):
                where = guest.slot(self.to_guest(page), 0, wide=True)
                self.memory[where] = pte(page, ALL_FLAGS if rng.random() < 0.85 else self.table_flags())
        self.hosts = [Tables(self.memory, next(pool), lambda: next(pool)) for _ in range(2)]
        self.inner = [
            Tables(self.memory, self.to_guest(next(pool)), lambda: self.to_guest(next(pool)), self.to_host)
            for _ in range(2)
        ]
        self.recent: list[Request] = []
        self.mapped: dict[int, list[int]] = {t.root: [] for t in self.hosts + self.inner}
        for family, targets in ((self.hosts, SPAS), (self.inner, GPAS)):
            first, second = family
            for tables in family:
                for base in BASES:
                    for _ in range(3):
                        self.map_random(tables, base, targets)
            share, other = first.slot(SHARED, 2), second.slot(SHARED, 2)
            self.memory[other] = self.memory.get(share, 0)
            first.pointers.add(share)
            second.pointers.add(other)
            second.pointers |= first.pointers
        for guest in self.guests:
            for gpa in GPAS:
                where, level = guest.find(gpa & (1 << 41) - 1, rng.choice((0, 0, 1, 2)), wide=True)
                if where not in guest.pointers:
                    self.memory[where] = self.leaf(SPAS, level, Pte.U)
        self.context = Context()
        self.pmp = OPEN_PMP

    @staticmethod
    def to_guest(spa: int) -> int:
        """Guest physical address of a table: pages go round over three places."""
        return GUEST_OFFSET + (spa - TABLES) + ((spa >> 12) % 3) * 0x4000_0000

    @staticmethod
    def to_host(gpa: int) -> int:
        """Its inverse, for any address in such a page."""
        for place in range(3):
            spa = gpa - GUEST_OFFSET - place * 0x4000_0000 + TABLES
            if TABLES <= spa < TABLES + 0x100_0000 and (spa >> 12) % 3 == place:
                return spa
        raise AssertionError(hex(gpa))

    def flags(self, base: int = ALL_FLAGS) -> int:
        """Flags of an entry, mostly usable."""
        flags = int(base)
        for bit, chance in (
            (Pte.R, 0.05),
            (Pte.W, 0.1),
            (Pte.X, 0.1),
            (Pte.A, 0.1),
            (Pte.D, 0.2),
            (Pte.V, 0.02),
        ):
            if self.rng.random() < chance:
                flags &= ~int(bit)
        if self.rng.random() < 0.4:
            flags &= ~int(Pte.U)
        if self.rng.random() < 0.03:
            flags |= 1 << self.rng.randrange(54, 64)
        return flags

    def table_flags(self) -> int:
        """Flags of a guest physical page that holds tables: some cannot be written."""
        return (self.flags() | Pte.U | Pte.R) & ~(Pte.W if self.rng.random() < 0.4 else 0)

    def leaf(self, targets, level: int, always: int = 0) -> int:
        """A random leaf (sometimes misaligned, sometimes a stray pointer)."""
        target = self.rng.choice(targets)
        if self.rng.random() < 0.95:
            target &= -(1 << 12 + 9 * level)
        flags = self.flags() | (always if self.rng.random() < 0.97 else 0)
        if self.rng.random() < 0.03:
            flags = Pte.V | self.rng.choice((0, Pte.A, Pte.D, Pte.U))
        return pte(target, flags)

    def map_random(self, tables: Tables, base: int, targets) -> None:
        """A leaf somewhere in the 2 MiB at ``base``, unless there is a table already."""
        address = base + self.rng.choice((0, 0x1000, 0x7000, 0x1FF000))
        where, level = tables.find(
            address, self.rng.choice((0, 0, 0, 0, 0, 1, 1, 2)) if base != SHARED else 0
        )
        if where not in tables.pointers:
            self.mapped[tables.root].append(address)
            self.memory[where] = self.leaf(targets, level)
            if base >= SHARED and self.rng.random() < 0.3:
                self.memory[where] |= int(Pte.G)

    # --- moves -------------------------------------------------------------------------------------------

    def next_context(self) -> None:
        """Other address spaces, other modes, other permissions."""
        rng = self.rng
        host, inner, guest = (rng.randrange(2) for _ in range(3))
        mode = lambda: 8 if rng.random() < 0.85 else 0  # noqa: E731
        bit = lambda: rng.random() < 0.5  # noqa: E731
        adue = bit()
        self.context = Context(
            satp=Atp(mode(), host + 1, self.hosts[host].root >> 12),
            vsatp=Atp(mode(), inner + 1, self.inner[inner].root >> 12),
            hgatp=Atp(mode(), guest + 1, self.guests[guest].root >> 12),
            adue=adue,
            vs_adue=adue and bit(),
            mxr=bit(),
            sum=rng.random() < 0.7,
            vs_mxr=bit(),
            vs_sum=rng.random() < 0.7,
        )
        self.bench.set_context(self.context)

    def request(self, access: Access | None = None) -> Request:
        """An access near what is mapped, often one that was made before, perhaps of another kind."""
        rng = self.rng
        access = rng.choice(list(Access)) if access is None else access
        if self.recent and rng.random() < 0.5:
            old = rng.choice(self.recent[-6:])
            again = replace(old, access=access, hlvx=old.hlvx and access == Access.LOAD)
            return replace(again, vaddr=again.vaddr ^ rng.randrange(0, 0x1000, 8))
        virt = rng.random() < 0.6
        if virt and not self.context.vsatp.mode:
            vaddr = rng.choice(GPAS)
        else:
            atp, family = (self.context.vsatp, self.inner) if virt else (self.context.satp, self.hosts)
            vaddr = rng.choice(self.mapped[family[(atp.ident - 1) % 2].root])
        vaddr ^= rng.randrange(0, 0x1000, 8)
        if rng.random() < 0.05:
            vaddr ^= 1 << rng.randrange(38, 64)
        hlvx = virt and access == Access.LOAD and rng.random() < 0.2
        privilege = rng.choice((Privilege.U, Privilege.S, Privilege.S))
        if rng.random() < 0.03:
            privilege, virt, hlvx = Privilege.M, False, False
        self.recent.append(Request(vaddr, access, privilege, virt, hlvx))
        return self.recent[-1]

    async def change_host(self) -> None:
        """Remap a page of a host process; SFENCE.VMA as narrow as the specification allows."""
        asid = self.rng.randrange(2)
        tables = self.hosts[asid]
        fence = self._remap(tables, SPAS, asid + 1)
        await self.bench.fence(FenceOp.SFENCE, **fence)

    async def change_inner(self) -> None:
        """Remap a page of a guest process; HFENCE.VVMA in both virtual machines, which share the tables."""
        asid = self.rng.randrange(2)
        fence = self._remap(self.inner[asid], GPAS, asid + 1)
        for vmid in (1, 2):
            self.bench.set_context(replace(self.context, hgatp=replace(self.context.hgatp, ident=vmid)))
            await self.bench.fence(FenceOp.VVMA, **fence)
        self.bench.set_context(self.context)

    def _remap(self, tables: Tables, targets, asid: int) -> dict:
        """Another leaf; returns the fence's operands. A pointer that comes or goes needs a full fence."""
        rng = self.rng
        address = rng.choice(self.mapped[tables.root])
        where, level = tables.find(address, rng.choice((0, 0, 1)))
        if where in tables.pointers:
            return {}
        old = self.memory.get(where, 0)
        new = self.memory[where] = self.leaf(targets, level)
        if not new & (Pte.R | Pte.X) or not old & (Pte.R | Pte.X):
            return {}
        fence = {}
        if rng.random() < 0.8:
            size = 1 << 12 + 9 * level
            fence["address"] = (address & -size) + rng.randrange(size)
        if address < SHARED and rng.random() < 0.6:
            fence["ident"] = asid
        return fence

    async def change_guest(self) -> None:
        """Remap a guest physical page, or change the flags of one that holds tables; HFENCE.GVMA."""
        rng = self.rng
        vmid = rng.randrange(2)
        guest = self.guests[vmid]
        if rng.random() < 0.5:
            gpa = self.to_guest(TABLES + rng.randrange(0x40) * 0x1000)
            self.memory[guest.slot(gpa, 0, wide=True)] = pte(self.to_host(gpa), self.table_flags())
        else:
            gpa = rng.choice(GPAS) & (1 << 41) - 1
            where, level = guest.find(gpa, 0, wide=True)
            if where not in guest.pointers:
                self.memory[where] = self.leaf(SPAS, level, Pte.U) | Pte.R
        await self.bench.fence(
            FenceOp.GVMA, address=rng.choice((None, gpa >> 2)), ident=rng.choice((None, vmid + 1))
        )

    async def change_pmp(self) -> None:
        """Other protection; the core then fences all."""
        rng = self.rng
        entries = []
        for _ in range(rng.choice((0, 0, 1, 2))):
            base = rng.choice((*SPAS, TABLES + rng.randrange(64) * 0x1000))
            size = 1 << rng.randrange(12, 24)
            rwx = [rng.random() < 0.7 for _ in range(3)]
            locked = rng.random() < 0.2
            if rng.random() < 0.5:
                napot = (base & ~(size - 1)) >> 2 | (size >> 3) - 1
                entries.append(PmpEntry(PmpMatch.NAPOT, napot, *rwx, locked))
            else:
                entries.append(PmpEntry(PmpMatch.OFF, base >> 2))
                entries.append(PmpEntry(PmpMatch.TOR, (base + size) >> 2, *rwx, locked))
        entries.append(OPEN_PMP.entries[0])
        self.pmp = Pmp((*entries, *(PmpEntry(),) * (8 - len(entries))))
        self.bench.set_pmp(self.pmp)
        await self.bench.ctx.tick()
        await self.bench.fence(FenceOp.ALL)
