"""The hypervisor's start: VMs from the loader's description, then the first guest."""

from firmware.bootinfo import HYPERVISOR_MAGIC, MAX_VMS, HypervisorInfo
from firmware.hypervisor import arch
from firmware.hypervisor.ending import panic
from firmware.hypervisor.pool import fill_pool, take_root
from firmware.hypervisor.scheduler import arm
from firmware.hypervisor.vm import VCPU, host, slots, vms
from firmware.lang import addr_of, fw, ptr, u64

__all__ = ["start"]


@fw
def create(info: ptr[HypervisorInfo], number: u64) -> None:
    """Set up one VM and its vCPU."""
    given = addr_of(info.vms[number])
    root = take_root()
    if root == 0:
        panic(b"no memory for page tables")
    vm = addr_of(vms[number])
    vm.number = number
    vm.size = given.size
    vm.backing = given.backing
    vm.flags = given.flags
    vm.space = arch.make_space(root, number)
    v = addr_of(slots[number].vcpu)
    v.number = number
    v.vm = vm
    arch.reset_state(v.state, vm.space, given.entry, given.argument)


@fw(export=True)
def start(info: ptr[HypervisorInfo]) -> ptr[VCPU]:
    """Create the VMs; the result is the vCPU to run first."""
    if info.magic != HYPERVISOR_MAGIC or info.vm_count == 0 or info.vm_count > MAX_VMS:
        panic(b"no valid description of the VMs")
    host.flags = info.flags
    host.count = info.vm_count
    host.alive = info.vm_count
    host.slice = info.slice
    arch.start_hart(info.flags)
    fill_pool(info.pool, info.pool_end)
    for number in range(info.vm_count):
        create(info, number)
    first = addr_of(slots[0].vcpu)
    host.current = 0
    arch.load(first.state)
    arm(0)
    return first
