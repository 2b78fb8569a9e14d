"""Second-stage tables of both back ends: Sv39x4 (H chapter, "Guest Physical Address Translation")."""

from firmware.hypervisor.pool import take_page
from firmware.lang import fw, ptr, u64
from rtl.isa.csrs import CSRS
from rtl.isa.paging import LEVEL_BITS, LEVELS, PAGE_SHIFT, ROOT_BITS_X4, AtpMode, Pte

__all__ = ["make_space", "map_page"]

MODE_AT = CSRS["hgatp"].field("MODE").lo
VMID_AT = CSRS["hgatp"].field("VMID").lo
LEAF = Pte.V | Pte.R | Pte.W | Pte.X | Pte.U | Pte.A | Pte.D
"""A guest page: all guest accesses count as U accesses, and A and D are set so they never fault."""
TOP_SHIFT = PAGE_SHIFT + (LEVELS - 1) * LEVEL_BITS
PPN_MASK = (1 << 44) - 1


@fw
def make_space(root: u64, number: u64) -> u64:
    """The context word of a VM, in hgatp's format: VMID 0 is never used."""
    return (u64(AtpMode.SV39) << MODE_AT) | ((number + 1) << VMID_AT) | (root >> PAGE_SHIFT)


@fw(noinline=True)
def map_page(space: u64, gpa: u64, hpa: u64, large: bool) -> bool:
    """Map 2 MiB (``large``) or 4 KiB at ``gpa`` to ``hpa``; False if no page for a table is left."""
    table = ptr[u64]((space & PPN_MASK) << PAGE_SHIFT)
    index = (gpa >> TOP_SHIFT) & ((1 << ROOT_BITS_X4) - 1)
    shift = u64(TOP_SHIFT)
    last = u64(PAGE_SHIFT)
    if large:
        last += LEVEL_BITS
    while shift != last:
        found = table[index]
        if (found & Pte.V) == 0:
            page = take_page()
            if page == 0:
                return False
            found = ((page >> PAGE_SHIFT) << 10) | Pte.V
            table[index] = found
        table = ptr[u64]((found >> 10) << PAGE_SHIFT)
        shift -= LEVEL_BITS
        index = (gpa >> shift) & ((1 << LEVEL_BITS) - 1)
    table[index] = ((hpa >> PAGE_SHIFT) << 10) | LEAF
    return True
