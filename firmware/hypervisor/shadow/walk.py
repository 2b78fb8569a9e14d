"""A guest's first stage, walked as its hardware would (privileged spec, "Virtual Address Translation").

The guest is RV64 with Sv39 and without Svpbmt, Svnapot; A and D bits are updated if the guest was given
Svadu (`FLAG_HARDWARE_AD`), else they fault (Svade).
"""

from firmware.bootinfo import FLAG_HARDWARE_AD
from firmware.hypervisor.vm import VM, guest_buffer, host
from firmware.lang import array, fw, i64, ptr, static, struct, u64
from rtl.isa.causes import Cause
from rtl.isa.csrs import CSRS
from rtl.isa.paging import LEVEL_BITS, LEVELS, PAGE_SHIFT, VA_BITS, Pte

__all__ = ["ACCESS_FAULT", "PAGE_FAULT", "WALKED", "Walk", "malformed", "walk", "walked"]

WALKED = 0
PAGE_FAULT = 1
ACCESS_FAULT = 2

SUM = CSRS["sstatus"].mask("SUM")
MXR = CSRS["sstatus"].mask("MXR")
PPN_MASK = (1 << 44) - 1
RESERVED_SHIFT = 54


@struct
class Walk:
    """Where a walk went: the leaf ``pte`` at ``level``, the guest physical address that it gives, and the
    guest's table at each level above and at it."""

    address: u64
    pte: u64
    level: u64
    tables: array[u64, LEVELS]


walked = static(Walk)
"""The last walk."""


@fw
def malformed(pte: u64, level: u64) -> bool:
    """An entry that faults whatever the access is (steps 3 to 6)."""
    if (pte & Pte.V) == 0 or (pte & (Pte.R | Pte.W)) == Pte.W or (pte >> RESERVED_SHIFT) != 0:
        return True
    if (pte & (Pte.R | Pte.X)) == 0:
        return level == 0 or (pte & (Pte.A | Pte.D | Pte.U)) != 0
    return ((pte >> 10) & ((u64(1) << (LEVEL_BITS * level)) - 1)) != 0


@fw
def allowed(pte: u64, cause: u64, user: bool, status: u64) -> bool:
    """Whether a leaf's permissions let the access pass (step 7)."""
    if (pte & Pte.U) != 0:
        if not user and (cause == Cause.FETCH_PAGE_FAULT or (status & SUM) == 0):
            return False
    elif user:
        return False
    match cause:
        case Cause.FETCH_PAGE_FAULT:
            return (pte & Pte.X) != 0
        case Cause.LOAD_PAGE_FAULT:
            return (pte & Pte.R) != 0 or ((pte & Pte.X) != 0 and (status & MXR) != 0)
        case _:
            return (pte & Pte.W) != 0


@fw(noinline=True)
def walk(vm: ptr[VM], satp: u64, address: u64, cause: u64, user: bool, status: u64) -> u64:
    """Translate ``address`` for the access whose page fault would be ``cause``, in U or S mode of the guest
    with its sstatus; the result is `WALKED` and `walked`, or how it faults."""
    if u64(i64(address << (64 - VA_BITS)) >> (64 - VA_BITS)) != address:
        return PAGE_FAULT
    table = (satp & PPN_MASK) << PAGE_SHIFT
    level = u64(LEVELS)
    while True:
        level -= 1
        walked.tables[level] = table
        shift = PAGE_SHIFT + LEVEL_BITS * level
        place = guest_buffer(vm, table + (((address >> shift) & 0x1FF) << 3), 8)
        if place == 0:
            return ACCESS_FAULT
        pte = ptr[u64](place)[0]
        if malformed(pte, level):
            return PAGE_FAULT
        if (pte & (Pte.R | Pte.X)) != 0:
            break
        table = ((pte >> 10) & PPN_MASK) << PAGE_SHIFT
    if not allowed(pte, cause, user, status):
        return PAGE_FAULT
    wanted = u64(Pte.A)
    if cause == Cause.STORE_PAGE_FAULT:
        wanted |= Pte.D
    if (pte & wanted) != wanted:
        if (host.flags & FLAG_HARDWARE_AD) == 0:
            return PAGE_FAULT
        pte |= wanted
        ptr[u64](place)[0] = pte
    inside = (u64(1) << shift) - 1
    walked.level = level
    walked.pte = pte
    walked.address = ((((pte >> 10) & PPN_MASK) << PAGE_SHIFT) & ~inside) | (address & inside)
    return WALKED
