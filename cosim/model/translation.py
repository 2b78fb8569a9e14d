"""Address translation: Sv39, Sv39x4 and both at once (privileged spec, "Sv39"; H chapter, "Two-Stage
Address Translation").

A ``Space`` is everything that decides a translation besides the tables themselves: the effective
privilege and V of the access and the fields of the status, atp and envcfg registers that apply to it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from cosim.model.exceptions import Access, SecondStageFault, Trap
from cosim.model.pmp import Pmp
from rtl.isa.htinst import PSEUDO_READ, PSEUDO_WRITE
from rtl.isa.paging import (
    GPA_BITS,
    LEVEL_BITS,
    LEVELS,
    PA_BITS,
    PAGE_SHIFT,
    PPN_BITS,
    ROOT_BITS_X4,
    VA_BITS,
    Pte,
)
from rtl.isa.privilege import Privilege

__all__ = ["PhysicalMemory", "Refusal", "Space", "Walk", "Walker"]

_PPN_MASK = (1 << PPN_BITS) - 1
_RESERVED = ~((1 << 54) - 1)
"""Bits 63:54 of a PTE: reserved, or of extensions that this machine does not have (Svpbmt, Svnapot)."""
_V, _R, _W, _X, _U, _A, _D = map(int, (Pte.V, Pte.R, Pte.W, Pte.X, Pte.U, Pte.A, Pte.D))
_S, _USER = int(Privilege.S), int(Privilege.U)
_MALFORMED = {"write_only", "reserved", "pointer", "no_leaf", "misaligned"}
"""Refusals of entries that no software should write: EPT misconfigurations of Xvmx."""


class PhysicalMemory(Protocol):
    """What the walker needs of memory."""

    def is_main_memory(self, address: int) -> bool:
        """Whether DRAM answers at ``address``."""

    def read_u64(self, address: int) -> int:
        """Aligned 8 bytes of DRAM."""

    def write_u64(self, address: int, value: int) -> None:
        """Write aligned 8 bytes of DRAM."""


@dataclass(frozen=True, slots=True)
class Space:
    """The state that one access is translated under.

    Attributes
    ----------
    privilege, virt: effective mode of the access
    atp: satp, or vsatp if ``virt`` (0: Bare)
    gatp: hgatp if ``virt``, else 0
    sum, mxr: of the first stage (for V = 1: vsstatus.SUM, and mstatus.MXR or vsstatus.MXR)
    mxr_g: mstatus.MXR, which alone counts in the second stage
    adue, adue_g: hardware updates A and D in the first and in the second stage
    """

    privilege: int
    virt: int = 0
    atp: int = 0
    gatp: int = 0
    sum: bool = False
    mxr: bool = False
    mxr_g: bool = False
    adue: bool = False
    adue_g: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a translation failed.

    Attributes
    ----------
    why: ``wide`` (address out of range), ``invalid``, ``write_only``, ``reserved``, ``pointer`` (with A, D or
        U), ``no_leaf`` (a pointer at level 0), ``misaligned`` (superpage), ``user``, ``kind`` (R, W or
        X), ``accessed``, ``dirty``; for access faults ``memory`` (none there), ``pmp``, ``update`` (the PMP
        forbids to set A or D)
    second: which stage's table; of the last check of the physical address, neither: None
    level: of the entry
    table: the access was the walker's own, to the first stage's entry of this level; else None
    write: it was a write, to set A or D there
    """

    why: str
    second: bool | None
    level: int
    table: int | None = None
    write: bool = False


class Walker:
    """Walks page tables in ``memory`` under the protection of ``pmp``. Keeps nothing between calls.

    ``observer``, if there is one, sees every walk when it is over.
    """

    def __init__(self, memory: PhysicalMemory, pmp: Pmp):
        self.memory = memory
        self.pmp = pmp
        self.observer: Callable[[Walk], None] | None = None

    def translate(self, space: Space, va: int, access: int, hlvx: bool = False) -> int:
        """Physical address of ``va``, or the exception that the access raises.

        ``hlvx``: execute permission stands in for read permission in both stages; the PMP must grant both.
        """
        walk = Walk(self, space, va, access, hlvx)
        if self.observer is None:
            return walk.translate()
        try:
            return walk.translate()
        finally:
            self.observer(walk)


class Walk:
    """One translation under way.

    Attributes
    ----------
    leaves: (level, PTE) that the access itself used in the first and second stage; None for Bare or not found
    refusal: why it failed, or None
    """

    def __init__(self, walker: Walker, space: Space, va: int, access: int, hlvx: bool):
        self.walker = walker
        self.space = space
        self.va = va
        self.access = access
        self.hlvx = hlvx
        self.leaves: list[tuple[int, int] | None] = [None, None]
        self.refusal: Refusal | None = None
        self._levels = [LEVELS - 1, LEVELS - 1]
        self._table: int | None = None

    def translate(self) -> int:
        """Physical address, or a Trap."""
        space, va = self.space, self.va
        gpa = self.first_stage() if space.atp else va
        pa = self.second_stage(gpa, implicit=False) if space.gatp else gpa
        if pa >> PA_BITS or not self._pmp_permits(pa):
            self.refusal = Refusal("memory" if pa >> PA_BITS else "pmp", None, 0)
            raise self.fault(Access.ACCESS_FAULT)
        return pa

    def fault(self, causes: tuple[int, ...], gpa: int = 0, pseudo: int = 0) -> Trap:
        """The exception of this access's kind."""
        return Trap(causes[self.access], self.va, gpa >> 2, pseudo, gva=bool(self.space.virt))

    # ---- Stages ----

    def first_stage(self) -> int:
        """VA to PA, or with V = 1 to GPA (privileged spec, "Virtual Address Translation Process")."""
        if self.va >> (VA_BITS - 1) not in (0, (1 << (65 - VA_BITS)) - 1):
            self.refusal = Refusal("wide", False, LEVELS - 1)
            raise self.fault(Access.PAGE_FAULT)
        return self._walk(
            root=(self.space.atp & _PPN_MASK) << PAGE_SHIFT,
            address=self.va & ((1 << VA_BITS) - 1),
            root_bits=LEVEL_BITS,
            second=False,
            implicit=False,
        )

    def second_stage(self, gpa: int, implicit: bool, write: bool = False) -> int:
        """GPA to PA (H chapter, "Guest Physical Address Translation").

        ``implicit``: the access is the walker's own, to a first-stage table entry (``write``: to
        update A or D in it).
        """
        self._table = self._levels[0] if implicit else None
        if gpa >> GPA_BITS:
            self.refusal = Refusal("wide", True, LEVELS - 1, self._table, write)
            raise self._guest_page_fault(gpa, implicit, write, 0)
        return self._walk(
            root=(self.space.gatp & _PPN_MASK) << PAGE_SHIFT,
            address=gpa,
            root_bits=ROOT_BITS_X4,
            second=True,
            implicit=implicit,
            write=write,
        )

    def _guest_page_fault(self, gpa: int, implicit: bool, write: bool, pte: int) -> Trap:
        """The GPA is that of the byte accessed; the pseudoinstruction tells an implicit access. ``pte`` is
        the entry at which the walk ended."""
        assert self.refusal is not None
        pseudo = (PSEUDO_WRITE if write else PSEUDO_READ) if implicit else 0
        trap = self.fault(Access.GUEST_PAGE_FAULT, gpa, pseudo)
        permissions = (pte & (_R | _W | _X)) >> 1
        trap.second_stage = SecondStageFault(
            gpa, implicit, write, permissions, self.refusal.why in _MALFORMED
        )
        return trap

    # ---- One table ----

    def level(self, second: bool) -> int:
        """Level of the entry that is being looked at, in the second or first stage."""
        return self._levels[second]

    def _walk(
        self, root: int, address: int, root_bits: int, second: bool, implicit: bool, write: bool = False
    ) -> int:
        """Walk one stage's table from ``root`` for ``address``."""

        def refused(why: str) -> Trap:
            self.refusal = Refusal(why, second, level, self._table if second else None, write)
            if second:
                return self._guest_page_fault(address, implicit, write, pte)
            return self.fault(Access.PAGE_FAULT)

        table = root
        for level in range(LEVELS - 1, -1, -1):
            self._levels[second] = level
            bits = root_bits if level == LEVELS - 1 else LEVEL_BITS
            shift = PAGE_SHIFT + level * LEVEL_BITS
            entry = table + (address >> shift & ((1 << bits) - 1)) * 8
            entry_pa = self._locate_entry(entry, second)
            pte = self.walker.memory.read_u64(entry_pa)
            if not pte & _V:
                raise refused("invalid")
            if pte & (_R | _W) == _W:
                raise refused("write_only")
            if pte & _RESERVED:
                raise refused("reserved")
            frame = (pte >> 10 & _PPN_MASK) << PAGE_SHIFT
            if pte & (_R | _X):
                break
            if level and pte & (_D | _A | _U):  # reserved in a pointer
                raise refused("pointer")
            table = frame
        else:
            raise refused("no_leaf")
        offset = address & ((1 << shift) - 1)
        if frame & ((1 << shift) - 1):
            raise refused("misaligned")
        if not implicit:
            self.leaves[second] = level, pte
        user_fits = bool(pte & _U) if second else self._user_fits(pte)
        if not user_fits:
            raise refused("user")
        if not (self._second_permits(pte, implicit, write) if second else self._first_permits(pte)):
            raise refused("kind")
        self._accessed_dirty(entry, entry_pa, pte, second, refused, implicit, write)
        return frame | offset

    def _locate_entry(self, entry: int, second: bool) -> int:
        """Physical address of a table entry; the walker reads as S mode does."""
        space = self.space
        pa = self.second_stage(entry, implicit=True) if space.gatp and not second else entry
        main_memory = self.walker.memory.is_main_memory(pa)
        if not main_memory or not self.walker.pmp.allows(pa, Access.LOAD, _S):
            why = "pmp" if main_memory else "memory"
            self.refusal = Refusal(why, second, self._levels[second], self._table if second else None)
            raise self.fault(Access.ACCESS_FAULT)
        return pa

    def _user_fits(self, pte: int) -> bool:
        """Whether the first stage's page is for the access's privilege."""
        space = self.space
        if space.privilege == _USER:
            return bool(pte & _U)
        return not pte & _U or (self.access != Access.FETCH and space.sum)

    def _pmp_permits(self, pa: int) -> bool:
        """HLVX must be allowed to execute and to read (H chapter, "Hypervisor Virtual-Machine Load and Store
        Instructions")."""
        allows, privilege = self.walker.pmp.allows, self.space.privilege
        return allows(pa, self.access, privilege) and (not self.hlvx or allows(pa, Access.FETCH, privilege))

    def _first_permits(self, pte: int) -> bool:
        return self._kind_permits(pte, self.access, self.space.mxr, self.hlvx)

    def _second_permits(self, pte: int, implicit: bool, write: bool) -> bool:
        """The walker's own accesses are implicit loads or stores (H chapter, "Guest Physical Address
        Translation"); MXR is for explicit loads (H chapter, "Two-Stage Address Translation")."""
        if implicit:
            return self._kind_permits(pte, Access.STORE if write else Access.LOAD, False, False)
        return self._kind_permits(pte, self.access, self.space.mxr_g, self.hlvx)

    @staticmethod
    def _kind_permits(pte: int, access: int, mxr: bool, hlvx: bool) -> bool:
        if access == Access.FETCH or hlvx:
            return bool(pte & _X)
        if access == Access.STORE:
            return bool(pte & _W)
        return bool(pte & (_R | _X if mxr else _R))

    def _accessed_dirty(
        self, entry: int, entry_pa: int, pte: int, second: bool, refused, implicit: bool, write: bool
    ) -> None:
        """Svade: a clear A, or D for a store, faults. Svadu: hardware sets them (Svadu chapter).

        A second-stage D is due for stores and for the walker's own writes.
        """
        stores = write if implicit else self.access == Access.STORE
        wanted = _A | (_D if stores else 0)
        if pte & wanted == wanted:
            return
        space = self.space
        if not (space.adue_g if second else space.adue):
            raise refused("dirty" if pte & _A else "accessed")
        if space.gatp and not second:
            entry_pa = self.second_stage(entry, implicit=True, write=True)
        if not self.walker.pmp.allows(entry_pa, Access.STORE, _S):
            level = self._levels[second]
            self.refusal = Refusal("update", second, level, self._table if second else None, write)
            raise self.fault(Access.ACCESS_FAULT)
        self.walker.memory.write_u64(entry_pa, pte | wanted)
