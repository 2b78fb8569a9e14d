"""Guest tables that the guest changes.

A guest's table is read-only in the shadow. The first store to it makes it writable and puts it on the list of
those that are out of step; the guest then writes it freely. A fence of the guest's brings the shadow
in step again: for one address by looking at that address's entries, for all by looking at every entry
and protecting the table again. Entries that were not valid before need nothing: the shadow has none.
"""

from firmware.hypervisor.shadow.fill import flush, granted
from firmware.hypervisor.shadow.page import UNSYNCED, protected
from firmware.hypervisor.shadow.store import protect, release
from firmware.hypervisor.shadow.tables import (
    ACCESS,
    Table,
    child_of,
    clear_entry,
    direct_key,
    entry_at,
    find,
    guest_table,
    indirect_key,
    level_of,
    page_at,
    slot_of,
    vm_of,
)
from firmware.hypervisor.shadow.walk import malformed
from firmware.hypervisor.vm import VM, guest_buffer
from firmware.lang import addr_of, array, fw, ptr, static, struct, u64
from rtl.isa.memory_map import DRAM_BASE
from rtl.isa.paging import LEVEL_BITS, PAGE_SHIFT, Pte

__all__ = ["sync_address", "sync_all", "unsync"]

OUT_OF_STEP = 32
PPN_MASK = (1 << 44) - 1


@struct
class Unsynced:
    """A guest page whose shadow tables are out of step."""

    vm: ptr[VM]
    address: u64


@struct
class Unsyncs:
    """The first ``count`` are valid."""

    count: u64
    pages: array[Unsynced, OUT_OF_STEP]


unsynced = static(Unsyncs)


@fw
def in_step(table: ptr[Table], entry: u64, pte: u64) -> bool:
    """Whether a shadow entry still is what the guest's entry says."""
    level = level_of(table)
    if malformed(pte, level):
        return False
    vm = vm_of(table)
    address = ((pte >> 10) & PPN_MASK) << PAGE_SHIFT
    points = (entry & (Pte.R | Pte.X)) == 0
    if (pte & (Pte.R | Pte.X)) == 0:
        return points and child_of(entry).key == indirect_key(vm, address, level - 1)
    if (pte & Pte.A) == 0:
        return False
    if points:
        return child_of(entry).key == direct_key(vm, address, level - 1, granted(pte))
    if ((entry >> 10) << PAGE_SHIFT) != address - DRAM_BASE + vm.backing:
        return False
    if ((entry ^ pte) & (ACCESS & ~Pte.W)) != 0:
        return False
    return (entry & Pte.W & ~granted(pte)) == 0


@fw
def sync_entry(table: ptr[Table], index: u64) -> None:
    """Drop one entry if it is out of step."""
    slot = slot_of(table, index)
    entry = entry_at(slot)[0]
    if entry != 0:
        place = ptr[u64](guest_buffer(vm_of(table), guest_table(table), 1 << PAGE_SHIFT))
        if not in_step(table, entry, place[index]):
            clear_entry(slot)


@fw
def sync_table(table: ptr[Table]) -> None:
    """Drop every entry out of step; and the table, if nothing needs it any more."""
    left = table.used
    index = u64(0)
    while left != 0:
        if entry_at(slot_of(table, index))[0] != 0:
            left -= 1
            sync_entry(table, index)
        index += 1
    if table.pins == 0 and (table.used == 0 or table.parents == 0):
        release(table)


@fw(noinline=True)
def sync_all() -> None:
    """Bring everything in step (a fence of all addresses, a new address space, too long a list)."""
    for i in range(unsynced.count):
        at = addr_of(unsynced.pages[i])
        page = page_at(at.vm, at.address)
        left = page.tables & (UNSYNCED - 1)
        level = u64(0)
        while left != 0:
            table = find(indirect_key(at.vm, at.address, level))
            if table != ptr[Table](u64(0)):
                sync_table(table)
                left -= 1
            level += 1
        page.tables &= UNSYNCED - 1
        if protected(page):
            protect(page)
    unsynced.count = 0
    flush()


@fw(noinline=True)
def sync_address(address: u64) -> None:
    """Bring in step what the tables say of one guest virtual address; the tables stay out of step."""
    for i in range(unsynced.count):
        at = addr_of(unsynced.pages[i])
        left = page_at(at.vm, at.address).tables & (UNSYNCED - 1)
        level = u64(0)
        while left != 0:
            table = find(indirect_key(at.vm, at.address, level))
            if table != ptr[Table](u64(0)):
                sync_entry(table, (address >> (PAGE_SHIFT + LEVEL_BITS * level)) & 0x1FF)
                left -= 1
            level += 1
    flush()


@fw(noinline=True)
def unsync(vm: ptr[VM], address: u64) -> None:
    """The guest is about to write the page, at a guest physical address of RAM: let it, if it is a table."""
    if not protected(page_at(vm, address)):
        return
    if unsynced.count == OUT_OF_STEP:
        sync_all()
    page = page_at(vm, address)
    if page.tables == 0:  # just released
        return
    page.tables |= UNSYNCED
    at = addr_of(unsynced.pages[unsynced.count])
    at.vm = vm
    at.address = address & ~((1 << PAGE_SHIFT) - 1)
    unsynced.count += 1
