"""Host memory for tables and for what is known of guests' pages: taken from a pool, never given back.

What a VM has lives as long as the machine: an ended VM is not started again.
"""

from firmware.lang import fw, memset, ptr, static, struct, u64
from rtl.isa.paging import PAGE_SHIFT, ROOT_BITS_X4

__all__ = ["PAGE_SIZE", "ROOT_SIZE", "fill_pool", "take_page", "take_pages", "take_rest", "take_root"]

PAGE_SIZE = 1 << PAGE_SHIFT
ROOT_SIZE = 8 << ROOT_BITS_X4


@struct
class Pool:
    """The pages not yet taken: from ``next`` up to ``end``."""

    next: u64
    end: u64


pool = static(Pool)


@fw
def fill_pool(start: u64, end: u64) -> None:
    """Hand the pool its memory, whole pages."""
    pool.next = start
    pool.end = end


@fw(noinline=True)
def take(size: u64, alignment: u64) -> u64:
    """``size`` zeroed bytes at a multiple of ``alignment``, a power of two; 0 if the pool is used up."""
    start = (pool.next + alignment - 1) & ~(alignment - 1)
    if start > pool.end or size > pool.end - start:
        return 0
    pool.next = start + size
    memset(ptr[u64](start), 0, size)
    return start


@fw
def take_page() -> u64:
    """A zeroed page, or 0."""
    return take(PAGE_SIZE, PAGE_SIZE)


@fw
def take_root() -> u64:
    """A zeroed Sv39x4 root table, or 0."""
    return take(ROOT_SIZE, ROOT_SIZE)


@fw
def take_pages(size: u64) -> u64:
    """At least ``size`` zeroed bytes, whole pages, or 0."""
    return take((size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1), u64(PAGE_SIZE))


@fw
def take_rest() -> tuple[u64, u64]:
    """All that is left: start and end, as it is."""
    start = pool.next
    pool.next = pool.end
    return start, pool.end
