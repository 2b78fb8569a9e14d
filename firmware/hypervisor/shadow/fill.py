"""Putting a translation into the shadow: the entries from the root down to the page."""

from firmware.bootinfo import FLAG_4K_PAGES
from firmware.hypervisor import arch
from firmware.hypervisor.shadow.page import protected
from firmware.hypervisor.shadow.store import obtain
from firmware.hypervisor.shadow.tables import (
    ACCESS,
    Table,
    child_of,
    clear_entry,
    direct_key,
    entry_at,
    indirect_key,
    page_at,
    region_at,
    set_entry,
    shadow,
    slot_of,
    table_address,
)
from firmware.hypervisor.shadow.walk import walked
from firmware.hypervisor.vm import VM
from firmware.lang import fw, ptr, u64
from rtl.isa.memory_map import DRAM_BASE
from rtl.isa.paging import LEVEL_BITS, LEVELS, PAGE_SHIFT, Pte

__all__ = ["fill", "flush", "granted"]

LARGE_SIZE = 1 << (PAGE_SHIFT + LEVEL_BITS)


@fw
def flush() -> None:
    """Make the hart forget what is no longer in the shadow."""
    if shadow.stale != 0:
        shadow.stale = 0
        arch.forget_virtual()


@fw
def granted(pte: u64) -> u64:
    """What the shadow of a leaf may allow: a store to a page without D bit must be seen."""
    access = pte & ACCESS
    if (pte & Pte.D) == 0:
        access &= ~Pte.W
    return access


@fw
def leaf(address: u64, access: u64) -> u64:
    """A leaf entry. A and D are set: the guest's own bits are kept by `walk`."""
    return ((address >> PAGE_SHIFT) << 10) | access | Pte.V | Pte.A | Pte.D


@fw
def large_possible(vm: ptr[VM], address: u64) -> bool:
    """Whether the 2 MiB around ``address`` are alike on the host: RAM, aligned, and none of it a table."""
    start = (address & ~(LARGE_SIZE - 1)) - DRAM_BASE
    return (
        (vm.flags & FLAG_4K_PAGES) == 0
        and (vm.backing & (LARGE_SIZE - 1)) == 0
        and start + LARGE_SIZE <= vm.size
        and region_at(vm, address).tables == 0
    )


@fw
def replace(slot: u64, entry: u64) -> None:
    """Put an entry into a slot, whatever is there."""
    place = entry_at(slot)
    if place[0] == entry:
        return
    if place[0] != 0:
        clear_entry(slot)
    set_entry(slot, entry)


@fw
def descend(slot: u64, key: u64) -> ptr[Table]:
    """The table with a key, to which the slot points afterwards."""
    entry = entry_at(slot)[0]
    if entry != 0 and (entry & (Pte.R | Pte.X)) == 0:
        table = child_of(entry)
        if table.key == key:
            table.touched = 1
            table.stamp = shadow.stamp
            return table
    table = obtain(key)
    replace(slot, ((table_address(table) >> PAGE_SHIFT) << 10) | Pte.V)
    return table


@fw(noinline=True)
def fill(vm: ptr[VM], root: ptr[Table], virtual: u64) -> None:
    """Map the page at ``virtual`` as `walked` says, in the shadow that begins at ``root``."""
    address = walked.address
    access = granted(walked.pte)
    table = root
    level = u64(LEVELS - 1)
    while True:
        slot = slot_of(table, (virtual >> (PAGE_SHIFT + LEVEL_BITS * level)) & 0x1FF)
        if level == 0:
            page = page_at(vm, address)
            if protected(page):
                access &= ~Pte.W
            start = address & ~((1 << PAGE_SHIFT) - 1)
            replace(slot, leaf(start - DRAM_BASE + vm.backing, access))
            break
        if level == 1 and walked.level != 0 and large_possible(vm, address):
            start = address & ~(LARGE_SIZE - 1)
            replace(slot, leaf(start - DRAM_BASE + vm.backing, access))
            break
        if level > walked.level:
            table = descend(slot, indirect_key(vm, walked.tables[level - 1], level - 1))
        else:
            table = descend(slot, direct_key(vm, address, level - 1, access))
        level -= 1
    arch.forget_address(virtual)
    flush()
