"""Sv39 and Sv39x4 page tables, satp/hgatp and PMP formats (Privileged spec 12.3-12.4, H chapter 21.5)."""

from enum import IntEnum, IntFlag

__all__ = [
    "ASID_BITS",
    "GPA_BITS",
    "LEVELS",
    "LEVEL_BITS",
    "PAGE_SHIFT",
    "PA_BITS",
    "PMP_ENTRIES",
    "PMP_GRANULARITY_SHIFT",
    "PPN_BITS",
    "ROOT_BITS_X4",
    "VA_BITS",
    "VMID_BITS",
    "AtpMode",
    "PmpMatch",
    "Pte",
]

PAGE_SHIFT = 12
LEVELS = 3
LEVEL_BITS = 9
ROOT_BITS_X4 = 11
"""Index bits of the root level of Sv39x4: the root table is 16 KiB."""
VA_BITS = 39
GPA_BITS = 41
PA_BITS = 56
PPN_BITS = 44
ASID_BITS = 16
VMID_BITS = 14

PMP_ENTRIES = 8
PMP_GRANULARITY_SHIFT = 12
"""PMP regions are whole 4 KiB pages (G = 10), so that a TLB entry can hold the PMP's verdict."""


class AtpMode(IntEnum):
    """MODE of satp, vsatp (Bare, Sv39) and hgatp (Bare, Sv39x4)."""

    BARE = 0
    SV39 = 8


class Pte(IntFlag):
    """Bits of a page-table entry; the PPN stands in bits 53:10, bits 63:54 are reserved (must be zero)."""

    V = 1 << 0
    R = 1 << 1
    W = 1 << 2
    X = 1 << 3
    U = 1 << 4
    G = 1 << 5
    A = 1 << 6
    D = 1 << 7


class PmpMatch(IntEnum):
    """Field A of a pmpcfg byte. NA4 cannot be selected (granularity is above 4 bytes)."""

    OFF = 0
    TOR = 1
    NA4 = 2
    NAPOT = 3
