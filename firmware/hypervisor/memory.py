"""Guest RAM: second-stage mappings made when the guest first touches a page."""

from firmware.bootinfo import FLAG_4K_PAGES
from firmware.hypervisor import arch
from firmware.hypervisor.pool import PAGE_SIZE
from firmware.hypervisor.vm import VM
from firmware.lang import fw, ptr, u64
from rtl.isa.memory_map import DRAM_BASE
from rtl.isa.paging import LEVEL_BITS, PAGE_SHIFT

__all__ = ["LARGE_SIZE", "fill"]

LARGE_SIZE = 1 << (PAGE_SHIFT + LEVEL_BITS)


@fw(noinline=True)
def fill(vm: ptr[VM], gpa: u64) -> bool:
    """Map the page of guest RAM that holds ``gpa``; False if the host has no page for a table left.

    A 2 MiB page where guest and host addresses agree in their low 21 bits and the whole of it is RAM.
    """
    start = (gpa - DRAM_BASE) & ~(LARGE_SIZE - 1)
    large = (
        (vm.flags & FLAG_4K_PAGES) == 0
        and (vm.backing & (LARGE_SIZE - 1)) == 0
        and start + LARGE_SIZE <= vm.size
    )
    if not large:
        start = (gpa - DRAM_BASE) & ~(PAGE_SIZE - 1)
    if not arch.map_page(vm.space, DRAM_BASE + start, vm.backing + start, large):
        return False
    arch.forget_page(gpa)
    return True
