"""Page tables of a guest that measures: RAM and devices where they are, and a window of 4 KiB pages."""

from firmware.lang import array, csr, fw, sfence_vma, static, u64
from rtl.isa.csrs import CSRS
from rtl.isa.memory_map import DRAM_BASE
from rtl.isa.paging import LEVEL_BITS, PAGE_SHIFT, AtpMode, Pte

__all__ = [
    "FRAMES",
    "LEAF",
    "UNMAPPED",
    "WINDOW",
    "entry_of",
    "identity",
    "leaves",
    "middle",
    "pointer_to",
    "root",
    "satp_of",
]

ENTRIES = 1 << LEVEL_BITS
LEAF = Pte.V | Pte.R | Pte.W | Pte.A | Pte.D
CODE = LEAF | Pte.X
FRAMES = DRAM_BASE + (8 << 20)
"""Guest RAM behind the window, beyond the image."""
WINDOW = 0x20_0000_0000
"""A virtual address with a root entry of its own."""
UNMAPPED = WINDOW + (1 << PAGE_SHIFT + LEVEL_BITS) - (1 << PAGE_SHIFT)
"""The last page of the window's first 2 MiB: nothing maps it."""
MODE = CSRS["satp"].field("MODE").lo
ASID = CSRS["satp"].field("ASID").lo

root = static(array[u64, ENTRIES], align=1 << PAGE_SHIFT)
middle = static(array[u64, ENTRIES], align=1 << PAGE_SHIFT)
leaves = static(array[u64, ENTRIES], align=1 << PAGE_SHIFT)


@fw
def entry_of(address: u64) -> u64:
    """Entry of a leaf for loads and stores."""
    return ((address >> PAGE_SHIFT) << 10) | LEAF


@fw
def pointer_to(address: u64) -> u64:
    """Entry that points to a table."""
    return ((address >> PAGE_SHIFT) << 10) | Pte.V


@fw
def satp_of(table: u64, asid: u64) -> u64:
    """satp for Sv39 with a root table."""
    return (u64(AtpMode.SV39) << MODE) | (asid << ASID) | (table >> PAGE_SHIFT)


@fw
def identity() -> u64:
    """Translate with these tables from now on; the satp."""
    root[0] = entry_of(u64(0))
    root[2] = ((u64(DRAM_BASE) >> PAGE_SHIFT) << 10) | CODE
    root[WINDOW >> 30] = pointer_to(u64(middle))
    middle[0] = pointer_to(u64(leaves))
    satp = satp_of(u64(root), u64(1))
    csr.satp = satp
    sfence_vma()
    return satp
