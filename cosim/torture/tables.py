"""Random page tables: Sv39 for HS and VS, Sv39x4, most entries good and some broken in every way."""

import random
from dataclasses import dataclass

from cosim.torture.layout import (
    BODIES,
    CODE,
    CODE_PAGES,
    DATA,
    DATA_FRAMES,
    MEMORY,
    PROBE,
    PROBE_PAGES,
    TABLES,
    USER_CODE,
)
from cosim.torture.zoo import NOWHERE, stale_entries
from rtl.isa.memory_map import DRAM_BASE
from rtl.isa.paging import GPA_BITS, LEVEL_BITS, PAGE_SHIFT, Pte

__all__ = ["HIGH_GUEST", "PROBES", "PROBE_MAPPINGS", "Leaf", "TableBuilder", "windows"]

_PAGE, _MEGA, _GIGA = 1 << 12, 1 << 21, 1 << 30
_V, _R, _W, _X, _U, _G, _A, _D = map(int, Pte)

SMALL = 0x1800_0000
"""Virtual addresses of 4 KiB pages of data."""
SMALL_PAGES = 32
LARGE = 0x2000_0000
"""Virtual addresses of 2 MiB pages of data."""
LARGE_PAGES = 8
PROBES = 0x3000_0000
"""Virtual addresses of the probe pages."""
PROBE_MAPPINGS = 16
HUGE = (0x1_0000_0000, 0x1_4000_0000, 0x3F_C000_0000, 0xFFFF_FFC0_0000_0000, 0xFFFF_FFFF_C000_0000)
"""Virtual addresses of 1 GiB pages over all of DRAM."""
HIGH_GUEST = 1 << (GPA_BITS - 1)
"""Guest physical address of a 1 GiB page over all of DRAM (the 16 KiB root's upper half)."""


def windows(chooser: random.Random, translated: bool, user: bool) -> int:
    """A virtual address that is worth an access to data; most pages with odd numbers are for ``user``."""
    if not translated or chooser.random() < 0.5:
        page = chooser.choice(DATA_FRAMES)
        if chooser.random() < 0.05:
            page += HIGH_GUEST - DRAM_BASE
    else:
        kind = chooser.random()
        odd = user ^ (chooser.random() < 0.1)
        if kind < 0.5:
            page = SMALL + (chooser.randrange(0, SMALL_PAGES, 2) + odd) * _PAGE
        elif kind < 0.75:
            mega = chooser.randrange(0, LARGE_PAGES, 2) + odd
            page = LARGE + mega * _MEGA + chooser.choice(DATA_FRAMES) % _MEGA
        else:
            page = chooser.choice(HUGE[odd::2]) + chooser.choice(DATA_FRAMES) - DRAM_BASE
        if chooser.random() < 0.02:
            page ^= 1 << chooser.randrange(30, 64)
    edges = (0, 8, 64, 128, 0x7F8, 0x800, 0xFC0, 0xFF8, 0xFFC, 0xFFF)
    return page + chooser.choice((*edges, chooser.randrange(0, 4096, 8), chooser.randrange(4096)))


@dataclass(frozen=True)
class Leaf:
    """A PTE that programs may change.

    Attributes
    ----------
    entry: its address
    address: virtual or guest physical address in its page
    space: ASID, or VMID if ``second``
    second: it belongs to the second stage
    user: its page is for U
    reach: its page's size in bits
    """

    entry: int
    address: int
    space: int
    second: bool
    user: bool
    reach: int


class TableBuilder:
    """Makes tables in DRAM from ``TABLES`` on; ``entries`` maps the address of each PTE to its value.
    ``nowhere`` is a physical address without memory, aligned for pages of every size."""

    def __init__(
        self, chooser: random.Random, defects: float, global_pages: bool, nowhere: int = NOWHERE
    ) -> None:
        self.chooser = chooser
        self.defects = defects
        self.global_pages = global_pages
        self.nowhere = nowhere
        self.entries: dict[int, int] = {}
        self.leaves: list[Leaf] = []
        self._next = TABLES
        self._stale: int | None = None

    @property
    def end(self) -> int:
        """First address after the tables."""
        return self._next

    @property
    def stale(self) -> int:
        """A table of pages without A."""
        if self._stale is None:
            self._stale = self.new_table()
            self.entries |= stale_entries(self._stale)
        return self._stale

    def new_table(self, pages: int = 1) -> int:
        """Address of a new table, aligned to its size."""
        size = pages * _PAGE
        self._next = (self._next + size - 1) & -size
        found = self._next
        self._next += size
        return found

    def set_entry(self, table: int, index: int, target: int, flags: int) -> None:
        """Entry ``index`` of ``table``: the page or table at ``target``."""
        self.entries[table + 8 * index] = target >> PAGE_SHIFT << 10 | flags

    def _child(self, table: int, index: int) -> int:
        entry = self.entries.get(table + 8 * index)
        if entry is not None:
            return entry >> 10 << PAGE_SHIFT
        child = self.new_table()
        self.set_entry(table, index, child, _V)
        return child

    def _flags(self, user: bool, rate: float = 1.0) -> int:
        """Permissions of a leaf: good ones, or with the program's rate of defects anything."""
        chooser = self.chooser
        if chooser.random() < self.defects * rate:
            flags = chooser.choice(
                (
                    chooser.randrange(256),
                    chooser.randrange(256) | _V | _A | _D,
                    _V | _R | _W | _A,
                    _V | _R | _W | _X | _D,
                    _V | _X | _A | _D,
                    _V | _R | _A | _D,
                    _V,
                    _V | _R | _W | _A | _D | 1 << chooser.randrange(54, 64),
                )
            )
            flags |= _U if user and chooser.random() < 0.8 else 0
        else:
            flags = _V | _R | _W | _A | _D | (_X if chooser.random() < 0.3 else 0)
            flags |= _U if user ^ (chooser.random() < 0.05) else 0
        if not self.global_pages or chooser.random() < 0.5:
            flags &= ~_G
        return flags

    def _frame(self, guest: bool) -> int:
        """Physical (or guest physical) address of a page of data."""
        chooser = self.chooser
        frame = chooser.choice(DATA_FRAMES)
        if chooser.random() < 0.04:
            frame = chooser.choice((1 << 30, 0, 3 << GPA_BITS - 1, 1 << 55))
        elif guest and chooser.random() < 0.3:
            frame += HIGH_GUEST - DRAM_BASE
        return frame

    def another(self, leaf: Leaf) -> int:
        """A new value for ``leaf``: other permissions, and for a small page another frame."""
        if leaf.second and self.chooser.random() < 0.6:
            flags = self._flags(True, 0.0) | _X
        else:
            flags = self._flags(leaf.user)
        target = self.entries[leaf.entry] >> 10 << PAGE_SHIFT
        if leaf.reach == PAGE_SHIFT and not PROBE <= target < TABLES:
            target = self.chooser.choice(DATA_FRAMES) if leaf.second else self._frame(False)
        return target >> PAGE_SHIFT << 10 | flags

    def first_stage(self, asid: int, guest: bool) -> int:
        """Root of an Sv39 table for address space ``asid``."""
        chooser = self.chooser
        root = self.new_table()
        for base, user in ((CODE, 0), (USER_CODE, _U)):
            self._code(root, base, user)
        for mega in (DATA, DATA + _MEGA):  # at their own addresses: pointers then outlive a change of mode
            flags = self._flags(bool(chooser.randrange(2)))
            self.set_entry(self._child(root, mega >> 30), mega >> 21 & 511, mega, flags)
        for n in range(SMALL_PAGES):
            leaf = self._leaf_table(root, SMALL)
            self.set_entry(leaf, n, self._frame(guest), self._flags(bool(n & 1)))
            self._remember(leaf + 8 * n, SMALL + n * _PAGE, asid, False, n, 12)
        for n in range(LARGE_PAGES):
            middle = self._child(root, LARGE >> 30)
            target = DATA + chooser.randrange(2) * _MEGA
            if chooser.random() < self.defects / 2:
                target += _PAGE << chooser.randrange(9)
            if guest and chooser.random() < 0.3:
                target += HIGH_GUEST - DRAM_BASE
            index = (LARGE >> 21 & 511) + n
            self.set_entry(middle, index, target, self._flags(bool(n & 1)))
            self._remember(middle + 8 * index, LARGE + n * _MEGA, asid, False, n, 21)
        for n in range(PROBE_MAPPINGS):
            leaf = self._leaf_table(root, PROBES)
            flags = self._flags(bool(n & 1)) | (_X if chooser.random() < 0.8 else 0)
            self.set_entry(leaf, n, PROBE + chooser.randrange(PROBE_PAGES) * _PAGE, flags)
            self._remember(leaf + 8 * n, PROBES + n * _PAGE, asid, False, n, 12)
        for n, va in enumerate(HUGE):
            target = DRAM_BASE + (HIGH_GUEST - DRAM_BASE if guest and chooser.random() < 0.3 else 0)
            if chooser.random() < self.defects / 4:
                target += _PAGE << chooser.randrange(18)
            self.set_entry(root, va >> 30 & 511, target, self._flags(bool(n & 1)))
            self._remember(root + 8 * (va >> 30 & 511), va, asid, False, n, 30)
        return root

    def _remember(self, entry: int, base: int, space: int, second: bool, number: int, reach: int) -> None:
        address = base
        if reach == 21:
            address += self.chooser.choice((*DATA_FRAMES, self.chooser.randrange(_MEGA) & -8)) % _MEGA
        elif reach == 30:
            address += self.chooser.choice(DATA_FRAMES) - DRAM_BASE
        self.leaves.append(Leaf(entry, address, space, second, bool(number & 1), reach))

    def _leaf_table(self, root: int, va: int) -> int:
        middle = self._child(root, va >> 30 & 511)
        return self._child(middle, va >> 21 & 511)

    def _code(self, root: int, base: int, user: int) -> None:
        """The program's own code: handlers always, bodies nearly always executable."""
        chooser = self.chooser
        good = _V | _R | _X | _A | user | (_W | _D if chooser.random() < 0.7 else 0)
        if chooser.random() < 0.2:
            middle = self._child(root, base >> 30)
            self.set_entry(middle, base >> 21 & 511, CODE, good)
            return
        leaf = self._leaf_table(root, base)
        for page in range(CODE_PAGES):
            flags = good
            if page >= (BODIES - CODE) >> 12 and chooser.random() < self.defects / 5:
                flags = self._flags(bool(user))
            self.set_entry(leaf, page, CODE + page * _PAGE, flags)

    def second_stage(self, vmid: int) -> int:
        """Root of an Sv39x4 table of ``vmid``: DRAM at its own address and, in part, at ``HIGH_GUEST``."""
        chooser = self.chooser
        root = self.new_table(4)
        good = _V | _R | _W | _X | _U | _A | _D
        middle = self._child(root, DRAM_BASE >> 30)
        for mega in range(MEMORY >> 21):
            base = DRAM_BASE + mega * _MEGA
            if chooser.random() < 0.3:
                flags = self._flags(True, 0.3) | _X if mega in (1, 2) else good
                self.set_entry(middle, (base >> 21) & 511, base, flags)
                if mega in (1, 2):
                    self._remember(middle + 8 * (base >> 21 & 511), base, vmid, True, 1, 21)
                continue
            leaf = self._child(middle, (base >> 21) & 511)
            for page in range(1 << LEVEL_BITS):
                address = base + page * _PAGE
                self.set_entry(leaf, page, address, self._guest_flags(address, good))
                if address in DATA_FRAMES:
                    self._remember(leaf + 8 * page, address, vmid, True, 1, 12)
        flags = self._flags(True, 0.5) | (_X if chooser.random() < 0.5 else 0)
        self.set_entry(root, HIGH_GUEST >> 30, DRAM_BASE, flags)
        return root

    def _guest_flags(self, address: int, good: int) -> int:
        if address in DATA_FRAMES or PROBE <= address < PROBE + PROBE_PAGES * _PAGE:
            return self._flags(True) | (_X if self.chooser.random() < 0.5 else 0)
        rate = 0.0
        if BODIES <= address < CODE + CODE_PAGES * _PAGE:
            rate = 0.1
        elif address >= TABLES:
            rate = 0.08
        return self._flags(True, 1.0) if self.chooser.random() < self.defects * rate else good
