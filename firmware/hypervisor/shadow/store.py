"""Taking tables and giving them back: the store is bounded, so old ones make room for new ones."""

from firmware.hypervisor.shadow.page import Page, protected
from firmware.hypervisor.shadow.tables import (
    BUCKETS,
    ENTRIES,
    Table,
    clear_entry,
    entry_at,
    find,
    guest_table,
    insert,
    is_indirect,
    page_at,
    region_at,
    remove,
    shadow,
    slot_of,
    table_address,
    vm_of,
)
from firmware.lang import fw, memset, ptr, sizeof, u32, u64
from rtl.isa.paging import PAGE_SHIFT, Pte

__all__ = ["SMALLEST", "fill_store", "obtain", "protect", "release"]

SMALLEST = 64
"""Tables that the store must have at least: those that cannot be evicted, and some to work with."""
LINKS_SIZE = 4 * ENTRIES
TABLE_COST = (1 << PAGE_SHIFT) + LINKS_SIZE + sizeof(Table)


@fw
def fill_store(start: u64, end: u64) -> bool:
    """Make tables of the memory from ``start`` (a whole page) to ``end``; False if they are too few."""
    count = u64(0)
    at = start
    while end - at >= TABLE_COST:
        at += TABLE_COST
        count += 1
    shadow.memory = start
    shadow.links = ptr[u32](start + (count << PAGE_SHIFT))
    shadow.tables = ptr[Table](u64(shadow.links) + count * LINKS_SIZE)
    shadow.count = count
    shadow.made = 0
    shadow.free = 0
    shadow.hand = 0
    memset(shadow.buckets, 0, 4 * BUCKETS)
    return count >= SMALLEST


@fw(noinline=True)
def protect(page: ptr[Page]) -> None:
    """Make the shadow entries of a page of guest RAM read-only."""
    slot = u64(page.first)
    while slot != 0:
        entry = entry_at(slot)
        if (entry[0] & Pte.W) != 0:
            entry[0] &= ~Pte.W
            shadow.stale = 1
        slot = u64(shadow.links[slot - 1])


@fw
def watch(table: ptr[Table]) -> None:
    """A table of the guest's has a shadow from now on: the guest must not write it unseen."""
    vm = vm_of(table)
    region = region_at(vm, guest_table(table))
    page = page_at(vm, guest_table(table))
    region.tables += 1
    while region.first != 0:  # pages in it may differ now
        clear_entry(u64(region.first))
    page.tables += 1
    if protected(page):
        protect(page)


@fw
def unwatch(table: ptr[Table]) -> None:
    """One shadow less of a table of the guest's."""
    vm = vm_of(table)
    region = region_at(vm, guest_table(table))
    page = page_at(vm, guest_table(table))
    region.tables -= 1
    page.tables -= 1


@fw(noinline=True)
def release(table: ptr[Table]) -> None:
    """Give a table back: nothing points to it afterwards."""
    index = u64(0)
    while table.used != 0:
        slot = slot_of(table, index)
        if entry_at(slot)[0] != 0:
            clear_entry(slot)
        index += 1
    while table.parents != 0:
        clear_entry(u64(table.parents))
    if is_indirect(table):
        unwatch(table)
    remove(table)
    shadow.stale = 1


@fw
def evict() -> None:
    """Release the first table that was not used since the last time around (a clock)."""
    while True:
        table = shadow.tables + shadow.hand
        shadow.hand += 1
        if shadow.hand == shadow.count:
            shadow.hand = 0
        if table.key != 0 and table.pins == 0 and table.stamp != shadow.stamp:
            if table.touched == 0:
                release(table)
                return
            table.touched = 0


@fw
def free_table() -> ptr[Table]:
    """An empty table that nobody uses: a returned one, a new one, or one taken from others."""
    if shadow.free == 0:
        if shadow.made < shadow.count:
            table = shadow.tables + shadow.made
            shadow.made += 1
            memset(table_address(table), 0, u64(1 << PAGE_SHIFT))
            return table
        evict()
    table = shadow.tables + (shadow.free - 1)
    shadow.free = table.next
    return table


@fw(noinline=True)
def obtain(key: u64) -> ptr[Table]:
    """The table with a key, made if there is none; it stays at least until the next fault."""
    table = find(key)
    if table == ptr[Table](u64(0)):
        table = free_table()
        insert(table, key)
        table.used = 0
        table.pins = 0
        table.parents = 0
        if is_indirect(table):
            watch(table)
    table.stamp = shadow.stamp
    table.touched = 1
    return table
