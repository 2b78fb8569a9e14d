"""Address translation as the specification tells it, over a dict of 64-bit words: the tests' judge.

Written from the Supervisor chapter (Sv39, steps 1 to 10), the H chapter (two-stage translation, guest-page
faults) and the Machine chapter (PMP), with none of the hardware's caches, sizes and shortcuts.
"""

from dataclasses import dataclass, field

from rtl.isa.paging import PmpMatch, Pte
from rtl.isa.privilege import Privilege
from rtl.mmu.interface import Access, FaultKind

__all__ = ["Context", "Pmp", "Request", "TranslationFault", "leaf_permits", "pmp_permits", "translate"]

DRAM = range(0x8000_0000, 0xC000_0000)
MAP = range(1 << 32)
"""All of the memory map; what is outside may be refused together with what the PMP refuses."""


@dataclass(frozen=True)
class TranslationFault(Exception):
    """The architecturally visible outcome of a failed translation."""

    kind: FaultKind
    gpa: int = 0
    implicit: bool = False
    implicit_write: bool = False


@dataclass(frozen=True)
class Request:
    """Like ``TranslationRequest``."""

    vaddr: int
    access: Access = Access.LOAD
    privilege: Privilege = Privilege.S
    virt: bool = False
    hlvx: bool = False


@dataclass(frozen=True)
class Atp:
    """satp, vsatp, hgatp; ``ident`` is ASID or VMID."""

    mode: int = 0
    ident: int = 0
    ppn: int = 0


@dataclass(frozen=True)
class Context:
    """Like ``TranslationContext``."""

    satp: Atp = Atp()
    vsatp: Atp = Atp()
    hgatp: Atp = Atp()
    adue: bool = False
    vs_adue: bool = False
    mxr: bool = False
    sum: bool = False
    vs_mxr: bool = False
    vs_sum: bool = False


@dataclass(frozen=True)
class PmpEntry:
    """One pmpcfg byte and its pmpaddr."""

    match: PmpMatch = PmpMatch.OFF
    addr: int = 0
    r: bool = False
    w: bool = False
    x: bool = False
    locked: bool = False


@dataclass(frozen=True)
class Pmp:
    """Eight entries."""

    entries: tuple[PmpEntry, ...] = field(default_factory=lambda: (PmpEntry(),) * 8)


OPEN_PMP = Pmp((PmpEntry(PmpMatch.NAPOT, (1 << 54) - 1, True, True, True),) + (PmpEntry(),) * 7)


def pmp_permits(pmp: Pmp, paddr: int, access: Access, privilege: Privilege) -> bool:
    """Machine chapter, "Physical Memory Protection"; grain G = 10. Outside of the map: no."""
    if paddr not in MAP:
        return False
    below = 0
    for entry in pmp.entries:
        top = entry.addr >> 10 << 12
        if entry.match == PmpMatch.TOR:
            matched = below <= paddr < top
        elif entry.match == PmpMatch.NAPOT:
            ones = entry.addr | 0x1FF
            size = 8
            while ones & 1:
                ones >>= 1
                size *= 2
            base = (entry.addr << 2) & ~(size - 1)
            matched = base <= paddr < base + size
        else:
            matched = False
        below = top
        if matched:
            if privilege == Privilege.M and not entry.locked:
                return True
            return {Access.FETCH: entry.x, Access.LOAD: entry.r, Access.STORE: entry.w}[access]
    return privilege == Privilege.M


def leaf_permits(pte: int, access: Access, privilege: Privilege, hlvx: bool, mxr: bool, sum_: bool) -> bool:
    """Step 6: R, W, X and U of a leaf."""
    user = bool(pte & Pte.U)
    if privilege == Privilege.U:
        if not user:
            return False
    elif user and (access == Access.FETCH or not sum_):
        return False
    if access == Access.FETCH or hlvx:
        return bool(pte & Pte.X)
    if access == Access.STORE:
        return bool(pte & Pte.W)
    return bool(pte & Pte.R) or (mxr and bool(pte & Pte.X))


class _Walk:
    def __init__(self, memory: dict[int, int], context: Context, pmp: Pmp, request: Request) -> None:
        self.memory, self.context, self.pmp, self.request = memory, context, pmp, request

    def access_fault(self) -> TranslationFault:
        return TranslationFault(FaultKind.ACCESS)

    def load_entry(self, spa: int) -> int:
        if spa not in DRAM or not pmp_permits(self.pmp, spa, Access.LOAD, Privilege.S):
            raise self.access_fault()
        return self.memory.get(spa, 0)

    def store_entry(self, spa: int, value: int) -> None:
        if not pmp_permits(self.pmp, spa, Access.STORE, Privilege.S):
            raise self.access_fault()
        self.memory[spa] = value

    def table_walk(self, root: int, address: int, wide: bool, check, adue: bool, dirty: bool, fault, locate):
        """The common algorithm; ``locate(entry address, write)`` gives its supervisor physical address."""
        table = root
        for level in (2, 1, 0):
            index = address >> (12 + 9 * level) & (0x7FF if wide and level == 2 else 0x1FF)
            where = table + 8 * index
            spa = locate(where, False)
            pte = self.load_entry(spa)
            if not pte & Pte.V or (pte & Pte.W and not pte & Pte.R) or pte >> 54:
                raise fault
            if not pte & (Pte.R | Pte.X):
                if pte & (Pte.A | Pte.D | Pte.U):
                    raise fault
                table = (pte >> 10 & (1 << 44) - 1) << 12
                continue
            size = 1 << (12 + 9 * level)
            base = (pte >> 10 & (1 << 44) - 1) << 12
            if base % size or not check(pte):
                raise fault
            wanted = pte | Pte.A | (Pte.D if dirty else 0)
            if wanted != pte:
                if not adue:
                    raise fault
                self.store_entry(locate(where, True), wanted)
            return base + address % size
        raise fault

    def guest(self, gpa: int, implicit: bool, write: bool) -> int:
        """The G stage."""
        context, request = self.context, self.request
        if not context.hgatp.mode:
            return gpa
        fault = TranslationFault(FaultKind.GUEST_PAGE, gpa, implicit, write)
        if gpa >> 41:
            raise fault
        if implicit:
            access, hlvx, mxr = (Access.STORE if write else Access.LOAD), False, False
        else:
            access, hlvx, mxr = request.access, request.hlvx, context.mxr
        return self.table_walk(
            context.hgatp.ppn >> 2 << 14,
            gpa,
            True,
            lambda pte: leaf_permits(pte, access, Privilege.U, hlvx, mxr, False),
            context.adue,
            access == Access.STORE,
            fault,
            lambda where, _: where,
        )

    def run(self) -> int:
        context, request = self.context, self.request
        if request.privilege == Privilege.M:
            return self.final(request.vaddr)
        atp = context.vsatp if request.virt else context.satp
        gpa = request.vaddr
        if atp.mode:
            if gpa >> 38 not in (0, (1 << 26) - 1):
                raise TranslationFault(FaultKind.PAGE)
            mxr = context.mxr or (request.virt and context.vs_mxr)
            sum_ = context.vs_sum if request.virt else context.sum
            gpa = self.table_walk(
                atp.ppn << 12,
                gpa,
                False,
                lambda p: leaf_permits(p, request.access, request.privilege, request.hlvx, mxr, sum_),
                context.vs_adue if request.virt else context.adue,
                request.access == Access.STORE,
                TranslationFault(FaultKind.PAGE),
                lambda where, write: self.guest(where, True, write) if request.virt else where,
            )
        return self.final(self.guest(gpa, False, False) if request.virt else gpa)

    def final(self, spa: int) -> int:
        request = self.request
        kinds = [request.access, *([Access.FETCH] if request.hlvx else [])]
        if spa >> 56 or not all(pmp_permits(self.pmp, spa, kind, request.privilege) for kind in kinds):
            raise self.access_fault()
        return spa


def translate(memory: dict[int, int], context: Context, pmp: Pmp, request: Request) -> int | TranslationFault:
    """Physical address or fault; A and D are updated in ``memory``."""
    try:
        return _Walk(memory, context, pmp, request).run()
    except TranslationFault as fault:
        return fault
