"""Page tables in which every defect stands at every level, and the addresses that meet each of them.

``_species`` lists what an entry can be: pages of all permissions, and every defect. A table's zoo has each
one at each level, with sound entries around it. A guest's zoo also has sound pages of each size whose guest
physical address meets each entry of the second stage's zoo, and pointers to tables at such addresses.
"""

import random
from dataclasses import dataclass
from typing import Protocol

from cosim.torture.layout import DATA, DATA_FRAMES, FORBIDDEN, FROZEN, PROBE, PROBE_PAGES
from rtl.isa.memory_map import DRAM_BASE
from rtl.isa.paging import LEVEL_BITS, PAGE_SHIFT, Pte

__all__ = ["FAR", "NOWHERE", "FirstZoo", "SecondZoo", "Site", "Tables", "frozen_entries", "stale_entries"]

_V, _R, _W, _X, _U, _G, _A, _D = map(int, Pte)
_GOOD = _V | _R | _W | _X | _A | _D
_MEGA = 1 << 21
NOWHERE = 1 << 30
"""A physical address without memory, aligned for pages of every size; other machines may have another one."""
FAR = 600 << 30
"""A guest physical address whose root entry is not in the root's first page."""
_FIRST_ROOT = 16
_SECOND_ROOT = 64
"""First root index of each stage's zoo."""
_FROZEN_TABLE = FROZEN + 0x8000


class Tables(Protocol):
    """What the zoo needs of the TableBuilder."""

    chooser: random.Random
    nowhere: int

    def new_table(self, pages: int = 1) -> int:
        """Address of a new table of zeros."""

    def set_entry(self, table: int, index: int, target: int, flags: int) -> None:
        """Write an entry."""


@dataclass(frozen=True)
class Site:
    """An address that is worth an access.

    Attributes
    ----------
    address: virtual, or guest physical
    code: there are returns to be fetched; else there is data
    blocked: what stands there cannot be read as a page table, with hardware updates of A or without
    closed: the same, without them
    user: a first stage's page for U mode
    sound: a page with some permissions, nothing broken
    """

    address: int
    code: bool
    blocked: bool = False
    closed: bool = False
    user: bool = False
    sound: bool = False


def _species(second: bool) -> list[tuple[str, int]]:
    """(kind of entry, its flags); where it points is the kind's business."""
    users = (_U,) if second else (0, _U)
    found = []
    for flags in (_R, _R | _W, _X, _R | _X, _R | _W | _X):
        found += [("leaf", _V | _A | _D | flags | user) for user in (0, _U)]
    for user in users:
        found += [("leaf", _GOOD & ~_A & ~_D | user), ("leaf", _GOOD & ~_D | user)]
        found += [(kind, _GOOD | user) for kind in ("nowhere", "wide", "forbidden", "misaligned", "reserved")]
    found += [("broken", _GOOD & ~_V | users[-1]), ("broken", _V | _W | _A | _D | users[-1])]
    found += [("broken", _V | bit) for bit in (_A, _D, _U)]
    found += [("empty", _V), ("no table", _V), ("forbidden table", _V), ("frozen table", _V)]
    return found


def frozen_entries() -> dict[int, int]:
    """Of the tables that the PMP keeps from being updated: pages without A. As a root of the second stage the
    first of them maps DRAM at its own address all the same."""
    leaf = DRAM_BASE >> PAGE_SHIFT << 10 | _GOOD & ~_A & ~_D | _U
    entries = {FROZEN + 8 * n: leaf for n in range(0x4000 // 8)}
    entries[FROZEN + 8 * (DRAM_BASE >> 30)] = leaf | _A | _D
    return entries | {_FROZEN_TABLE + 8 * n: leaf for n in range(512)}


def stale_entries(table: int) -> dict[int, int]:
    """A table at any level of pages of data without A."""
    leaf = DRAM_BASE >> PAGE_SHIFT << 10 | _GOOD & ~_A & ~_D | _U
    return {table + 8 * n: leaf for n in range(512)}


def _size(level: int) -> int:
    return 1 << PAGE_SHIFT + LEVEL_BITS * level


class _Zoo:
    """``sites`` holds the addresses that meet the entries of one table, the same in each table of a stage."""

    def __init__(self, tables: Tables, root: int, second: bool) -> None:
        self._tables = tables
        self._chooser = tables.chooser
        self._second = second
        self.sites: list[Site] = []
        self._empty = tables.new_table()
        self._root = root
        self._middle, self._leaves = tables.new_table(), tables.new_table()
        species = _species(second)
        self._used = {root: _SECOND_ROOT if second else _FIRST_ROOT, self._middle: 0, self._leaves: 0}
        tables.set_entry(self._middle, 511, self._leaves, _V)
        self._inner = self._allot(root)
        tables.set_entry(root, self._inner, self._middle, _V)
        for kind, flags in species:
            for level, table in enumerate((self._leaves, self._middle, root)):
                self._place(table, level, kind, flags)

    def _allot(self, table: int) -> int:
        index = self._used.setdefault(table, 0)
        self._used[table] += 1
        return index

    def _base(self, level: int) -> int:
        """Address of the first entry of the zoo's table of ``level``."""
        return (0 if level == 2 else self._inner << 30) | (0 if level else 511 << 21)

    def _place(self, table: int, level: int, kind: str, flags: int) -> None:
        """An entry for data and one for code (of a gigabyte: both), and the addresses that meet them."""
        if kind == "misaligned" and not level:
            return
        index = None
        for code in (False, True):
            frame, offset = self._target(level, code)
            if index is None or level < 2:
                index = self._allot(table)
                target, flags = self._entry(level, kind, frame, flags)
                self._tables.set_entry(table, index, target, flags)
            if kind == "forbidden":
                offset = FORBIDDEN & _size(level) - 1
            address = self._base(level) | index << PAGE_SHIFT + LEVEL_BITS * level | offset
            unread = kind != "leaf" or not flags & _R or (self._second and not flags & _U)
            user = not self._second and (bool(flags & _U) or kind == "frozen table")
            sound = kind == "leaf" and flags & (_A | _D) == _A | _D
            self.sites.append(Site(address, code, unread, unread or not flags & _A, user, sound))

    def _target(self, level: int, code: bool) -> tuple[int, int]:
        """(frame of a page of this level, offset in it) of data or of code."""
        place = PROBE + self._chooser.randrange(PROBE_PAGES) * 4096
        if not code:
            place = self._chooser.choice([frame for frame in DATA_FRAMES if frame < DATA + _MEGA])
        return place & -_size(level), place & _size(level) - 1

    def _entry(self, level: int, kind: str, frame: int, flags: int) -> tuple[int, int]:
        """(target, flags)"""
        match kind:
            case "misaligned":
                frame += 4096 << self._chooser.randrange(LEVEL_BITS * level)
            case "nowhere" | "no table":
                frame = self._tables.nowhere
            case "wide":  # for the second stage, or for memory
                frame = 1 << 45
            case "forbidden":
                frame = FORBIDDEN & -_size(level)
            case "reserved":
                flags |= 1 << self._chooser.randrange(54, 64)
            case "forbidden table":
                frame = FORBIDDEN
            case "frozen table":
                frame = _FROZEN_TABLE
            case "empty" | "broken" if not flags & (_R | _X):
                frame = self._empty
        return frame, flags


class SecondZoo(_Zoo):
    """Of a second stage.

    Attributes
    ----------
    aliases: guest physical addresses that show the table ``stale`` read-only, in pages of each size
    """

    def __init__(self, tables: Tables, root: int, stale: int) -> None:
        super().__init__(tables, root, True)
        self.aliases: list[int] = []
        for level, table in enumerate((self._leaves, self._middle, root)):
            index = self._allot(table)
            tables.set_entry(table, index, stale & -_size(level), _V | _R | _A | _D | _U)
            address = self._base(level) | index << PAGE_SHIFT + LEVEL_BITS * level
            self.aliases.append(address | stale & _size(level) - 1)


class FirstZoo(_Zoo):
    """Of a first stage; with ``second``, of a guest's, in front of that zoo.

    Attributes
    ----------
    own: how many of the ``sites`` do not depend on the second stage
    roots: guest physical addresses that a walk cannot start from
    """

    def __init__(
        self, tables: Tables, root: int, second: SecondZoo | None = None, updates: bool = False
    ) -> None:
        super().__init__(tables, root, False)
        self.own = len(self.sites)
        self.roots: list[int] = []
        if second:
            closed = [site for site in second.sites if site.closed and not site.code]
            # With hardware updates of A, a page without A can be read after all.
            self.roots = [site.address & -4096 if site.blocked or not updates else FAR for site in closed]
            self.roots += [FAR, 1 << 45, *second.aliases]
            self._cross(second)
            self._pointers()

    def _cross(self, second: SecondZoo) -> None:
        """A page of each size for each guest physical address."""
        tables, inner = self._tables, self._allot(self._root)
        middle, leaves = tables.new_table(), tables.new_table()
        tables.set_entry(self._root, inner, middle, _V)
        tables.set_entry(middle, 511, leaves, _V)
        levels = ((leaves, inner << 30 | 511 << 21), (middle, inner << 30), (self._root, 0))
        pages: dict[tuple[int, int], int] = {}
        for site in second.sites:
            for level, (table, base) in enumerate(levels):
                frame = site.address & -_size(level)
                index = pages.get((level, frame))
                if index is None:
                    index = pages[level, frame] = self._allot(table)
                    tables.set_entry(table, index, frame, _GOOD | (_U if index & 1 else 0))
                offset = site.address & _size(level) - 1
                address = base | index << PAGE_SHIFT + LEVEL_BITS * level | offset
                self.sites.append(Site(address, site.code, user=bool(index & 1)))

    def _pointers(self) -> None:
        """To tables at those addresses, from the root and from a middle table."""
        middle = self._tables.new_table()
        top = self._allot(self._root)
        self._tables.set_entry(self._root, top, middle, _V)
        for page in self.roots:
            for table, base, shift in ((self._root, 0, 30), (middle, top << 30, 21)):
                index = self._allot(table)
                self._tables.set_entry(table, index, page, _V)
                address = base | index << shift | 8
                self.sites += [Site(address, code, user=True) for code in (False, True)]
