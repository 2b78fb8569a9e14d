"""The hypervisor's start: VMs from the loader's description, then the first guest."""

from firmware.bootinfo import HYPERVISOR_MAGIC, MAX_VMS, HypervisorInfo
from firmware.hypervisor import arch
from firmware.hypervisor.ending import panic
from firmware.hypervisor.memory import LARGE_SIZE
from firmware.hypervisor.options import SHADOW
from firmware.hypervisor.pool import fill_pool, take_pages, take_rest, take_root
from firmware.hypervisor.scheduler import arm
from firmware.hypervisor.shadow.page import Page
from firmware.hypervisor.shadow.space import start_space
from firmware.hypervisor.shadow.store import fill_store
from firmware.hypervisor.shadow.tables import REGION_SHIFT
from firmware.hypervisor.vm import VCPU, VM, host, slots, vms
from firmware.lang import addr_of, fw, ptr, sizeof, u64
from rtl.isa.paging import PAGE_SHIFT

__all__ = ["start"]


@fw
def prepare(vm: ptr[VM]) -> bool:
    """What translates the VM's memory: a second stage, or what shadow paging must know of its pages."""
    if SHADOW:
        pages = take_pages((vm.size >> PAGE_SHIFT) * sizeof(Page))
        regions = take_pages(((vm.size + LARGE_SIZE - 1) >> REGION_SHIFT) * sizeof(Page))
        vm.pages = ptr[Page](pages)
        vm.regions = ptr[Page](regions)
        vm.space = arch.unstaged_space(vm.number)
        return pages != 0 and regions != 0
    root = take_root()
    vm.space = arch.make_space(root, vm.number)
    return root != 0


@fw
def start_shadow() -> None:
    """Give the shadow tables all the memory that is left, and each vCPU its first space."""
    start, end = take_rest()
    if not fill_store(start, end):
        panic(b"no memory for shadow page tables")
    for number in range(host.count):
        start_space(addr_of(slots[number].vcpu))


@fw
def create(info: ptr[HypervisorInfo], number: u64) -> None:
    """Set up one VM and its vCPU."""
    given = addr_of(info.vms[number])
    vm = addr_of(vms[number])
    vm.number = number
    vm.size = given.size
    vm.backing = given.backing
    vm.flags = given.flags
    if not prepare(vm):
        panic(b"no memory for page tables")
    v = addr_of(slots[number].vcpu)
    v.number = number
    v.vm = vm
    if not arch.reset_state(v.state, vm.space, given.entry, given.argument):
        panic(b"no memory for a vCPU")


@fw(export=True)
def start(info: ptr[HypervisorInfo]) -> ptr[VCPU]:
    """Create the VMs; the result is the vCPU to run first."""
    if info.magic != HYPERVISOR_MAGIC or info.vm_count == 0 or info.vm_count > MAX_VMS:
        panic(b"no valid description of the VMs")
    host.flags = info.flags
    host.count = info.vm_count
    host.alive = info.vm_count
    host.slice = info.slice
    fill_pool(info.pool, info.pool_end)
    arch.start_hart(info.flags)
    for number in range(info.vm_count):
        create(info, number)
    if SHADOW:
        start_shadow()
    first = addr_of(slots[0].vcpu)
    host.current = 0
    arch.load(first.state)
    arm(0)
    return first
