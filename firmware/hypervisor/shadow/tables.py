"""Shadow tables: found by what they stand for, chained to what they map, bounded in number.

A table stands for one table of the guest's (*indirect*), or for the inside of a large page of the guest's
(*direct*), at one level; its key says so. Tables are shared: two address spaces of a guest that use the same
lower table use the same shadow of it.

An entry is known by its slot: the number of the entry among all entries of all tables, from 1. Every entry in
use is in one chain: with all entries that map the same page of guest RAM, the same 2 MiB of it, or that
point to the same table. So nothing has to be searched when a page or a table goes away.
"""

from firmware.hypervisor.shadow.page import Page
from firmware.hypervisor.vm import VM, vms
from firmware.lang import addr_of, array, fw, ptr, sizeof, static, struct, u32, u64
from rtl.isa.memory_map import DRAM_BASE
from rtl.isa.paging import LEVEL_BITS, PAGE_SHIFT, Pte

__all__ = [
    "ACCESS",
    "ENTRIES",
    "Table",
    "child_of",
    "clear_entry",
    "direct_key",
    "entry_at",
    "find",
    "guest_table",
    "indirect_key",
    "insert",
    "is_indirect",
    "level_of",
    "page_at",
    "region_at",
    "remove",
    "set_entry",
    "shadow",
    "slot_of",
    "table_address",
    "vm_of",
]

ENTRIES = 1 << LEVEL_BITS
REGION_SHIFT = PAGE_SHIFT + LEVEL_BITS
ACCESS = Pte.R | Pte.W | Pte.X | Pte.U
"""What a leaf entry allows."""
BUCKETS = 256

LEVEL_MASK = 3
DIRECT = 1 << 2
ACCESS_SHIFT = 2
VM_SHIFT = 8
KEY_USED = 1 << 11
PAGE_MASK = (1 << PAGE_SHIFT) - 1


@struct
class Table:
    """A shadow table. ``key`` is 0 if it is free; ``next`` the next one (from 1) in its bucket or free list.

    ``parents`` chains the entries that point here, ``used`` counts its own entries in use, ``pins`` the
    vCPUs whose root it is. ``touched`` and ``stamp`` keep it from being evicted.
    """

    key: u64
    next: u64
    used: u64
    pins: u64
    touched: u64
    stamp: u64
    parents: u32
    padding: array[u32, 3]


@struct
class Shadow:
    """All tables: room for ``count`` of 4 KiB each from ``memory`` on, the chains' links and `Table` of each.
    The first ``made`` have been used, those of them on the list ``free`` are empty again.

    ``stamp`` is the number of the fault being served. ``stale`` is 1 while the hart may remember an entry
    that has been taken away.
    """

    memory: u64
    links: ptr[u32]
    tables: ptr[Table]
    count: u64
    made: u64
    free: u64
    hand: u64
    stamp: u64
    stale: u64
    buckets: array[u32, BUCKETS]


TABLE_SHIFT = 6
assert sizeof(Table) == 1 << TABLE_SHIFT

shadow = static(Shadow)


# --- keys ---
@fw
def indirect_key(vm: ptr[VM], address: u64, level: u64) -> u64:
    """Key of the shadow of the guest's table at ``address``."""
    return (address & ~PAGE_MASK) | KEY_USED | (vm.number << VM_SHIFT) | level


@fw
def direct_key(vm: ptr[VM], address: u64, level: u64, access: u64) -> u64:
    """Key of the table for the inside of a large page, from guest physical ``address`` on."""
    inside = (u64(1) << (PAGE_SHIFT + LEVEL_BITS * (level + 1))) - 1
    what = DIRECT | (access << ACCESS_SHIFT) | (vm.number << VM_SHIFT)
    return (address & ~inside) | KEY_USED | what | level


@fw
def level_of(table: ptr[Table]) -> u64:
    """0 for a table whose entries map 4 KiB."""
    return table.key & LEVEL_MASK


@fw
def is_indirect(table: ptr[Table]) -> bool:
    """Whether the table is made from one of the guest's."""
    return (table.key & DIRECT) == 0


@fw
def vm_of(table: ptr[Table]) -> ptr[VM]:
    """Whose table it is."""
    return addr_of(vms[(table.key >> VM_SHIFT) & 7])


@fw
def guest_table(table: ptr[Table]) -> u64:
    """Guest physical address of what an indirect table is made from."""
    return table.key & ~PAGE_MASK


# --- guest RAM ---
@fw
def page_at(vm: ptr[VM], address: u64) -> ptr[Page]:
    """What is known of the page at a guest physical address of RAM."""
    return vm.pages + ((address - DRAM_BASE) >> PAGE_SHIFT)


@fw
def region_at(vm: ptr[VM], address: u64) -> ptr[Page]:
    """What is known of the 2 MiB around a guest physical address of RAM."""
    return vm.regions + ((address - DRAM_BASE) >> REGION_SHIFT)


# --- slots and chains ---
@fw
def table_address(table: ptr[Table]) -> u64:
    """Host address of the entries."""
    return shadow.memory + (((u64(table) - u64(shadow.tables)) >> TABLE_SHIFT) << PAGE_SHIFT)


@fw
def slot_of(table: ptr[Table], index: u64) -> u64:
    """The slot of entry ``index``."""
    return ((table_address(table) - shadow.memory) >> 3) + index + 1


@fw
def entry_at(slot: u64) -> ptr[u64]:
    """The entry of a slot."""
    return ptr[u64](shadow.memory) + (slot - 1)


@fw
def owner(slot: u64) -> ptr[Table]:
    """The table that a slot belongs to."""
    return shadow.tables + ((slot - 1) >> LEVEL_BITS)


@fw
def child_of(entry: u64) -> ptr[Table]:
    """The table that an entry points to."""
    return shadow.tables + ((((entry >> 10) << PAGE_SHIFT) - shadow.memory) >> PAGE_SHIFT)


@fw(noinline=True)
def chain_of(slot: u64, entry: u64) -> ptr[u32]:
    """Head of the chain that an entry is in."""
    if (entry & (Pte.R | Pte.X)) == 0:
        return addr_of(child_of(entry).parents)
    table = owner(slot)
    vm = vm_of(table)
    address = ((entry >> 10) << PAGE_SHIFT) - vm.backing + DRAM_BASE
    if level_of(table) == 0:
        return addr_of(page_at(vm, address).first)
    return addr_of(region_at(vm, address).first)


@fw(noinline=True)
def set_entry(slot: u64, entry: u64) -> None:
    """Put an entry into a slot that is empty."""
    head = chain_of(slot, entry)
    shadow.links[slot - 1] = head[0]
    head[0] = u32(slot)
    entry_at(slot)[0] = entry
    owner(slot).used += 1


@fw(noinline=True)
def clear_entry(slot: u64) -> None:
    """Empty a slot that is in use."""
    place = entry_at(slot)
    at = chain_of(slot, place[0])
    while u64(at[0]) != slot:
        at = shadow.links + (u64(at[0]) - 1)
    at[0] = shadow.links[slot - 1]
    place[0] = 0
    owner(slot).used -= 1
    shadow.stale = 1


# --- the index by key ---
@fw
def bucket(key: u64) -> ptr[u32]:
    """Where the search for a key begins."""
    mixed = (key >> PAGE_SHIFT) ^ key ^ (key >> (PAGE_SHIFT + 8))
    return addr_of(shadow.buckets[mixed & (BUCKETS - 1)])


@fw(noinline=True)
def find(key: u64) -> ptr[Table]:
    """The table with a key, or a null pointer."""
    number = u64(bucket(key)[0])
    while number != 0:
        table = shadow.tables + (number - 1)
        if table.key == key:
            return table
        number = table.next
    return ptr[Table](u64(0))


@fw
def insert(table: ptr[Table], key: u64) -> None:
    """Give a free table a key."""
    head = bucket(key)
    table.key = key
    table.next = u64(head[0])
    head[0] = u32(((u64(table) - u64(shadow.tables)) >> TABLE_SHIFT) + 1)


@fw
def remove(table: ptr[Table]) -> None:
    """Take a table out of the index and put it on the free list."""
    number = ((u64(table) - u64(shadow.tables)) >> TABLE_SHIFT) + 1
    head = bucket(table.key)
    if u64(head[0]) == number:
        head[0] = u32(table.next)
    else:
        before = shadow.tables + (u64(head[0]) - 1)
        while before.next != number:
            before = shadow.tables + (before.next - 1)
        before.next = table.next
    table.key = 0
    table.next = shadow.free
    shadow.free = number
