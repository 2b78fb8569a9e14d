"""What the shadow knows of each page of guest RAM."""

from firmware.lang import fw, ptr, struct, u32

__all__ = ["UNSYNCED", "Page", "protected"]

UNSYNCED = 1 << 31
"""In `Page.tables`: the guest may write the page though it is one of its tables."""


@struct
class Page:
    """4 KiB of guest RAM, or a region of 2 MiB.

    ``first`` is the first of the shadow entries that map it (`tables`), ``tables`` the number of shadow
    tables made from it as a guest table (for a region: from any of its pages).
    """

    first: u32
    tables: u32


@fw
def protected(page: ptr[Page]) -> bool:
    """Whether the guest must not write the page unseen."""
    return page.tables != 0 and (page.tables & UNSYNCED) == 0
