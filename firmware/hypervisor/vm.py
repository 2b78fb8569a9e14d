"""Virtual machines and their vCPUs: the tables that everything else works on."""

from firmware.bootinfo import MAX_VMS
from firmware.hypervisor import arch
from firmware.hypervisor.devices.plic import Plic
from firmware.hypervisor.devices.uart import Uart
from firmware.hypervisor.shadow.page import Page
from firmware.lang import array, fw, offsetof, ptr, sizeof, static, struct, u8, u64
from rtl.isa.memory_map import DRAM_BASE

__all__ = [
    "ENDED",
    "LINE",
    "NOBODY",
    "READY",
    "VCPU",
    "VM",
    "WAITING",
    "guest_buffer",
    "host",
    "slots",
    "vms",
]

READY = 0
"""Runs, or would if it were its turn."""
WAITING = 1
"""In WFI."""
ENDED = 2

LINE = 120
"""Longest console line kept together while several VMs print."""
STACK_WORDS = 256
NOBODY = MAX_VMS
"""`Host.current` while no vCPU is on the hart."""


@struct
class VM:
    """A guest's memory and devices. Its RAM is ``size`` bytes at `DRAM_BASE`, at ``backing`` on the host.

    ``space`` is the context word of its second stage; ``pages`` and ``regions`` (of 2 MiB) tell of its RAM
    what shadow paging must know.
    """

    number: u64
    size: u64
    backing: u64
    flags: u64
    space: u64
    pages: ptr[Page]
    regions: ptr[Page]
    column: u64
    line: array[u8, LINE]
    plic: Plic
    uart: Uart


@struct
class VCPU:
    """A guest's hart. The register state comes first, where the stubs expect it.

    With shadow paging: the guest's own ``satp``, the address of its shadow's root ``Table``, and the guest
    physical address of the access that last left (``fault``).
    """

    state: arch.State
    run: u64
    number: u64
    vm: ptr[VM]
    satp: u64
    root: u64
    fault: u64


@struct
class Slot:
    """A vCPU and, below it, the hypervisor's stack while it serves this vCPU."""

    stack: array[u64, STACK_WORDS]
    vcpu: VCPU


@struct
class Host:
    """The hypervisor's own state; ``current`` is the vCPU whose state the hart holds."""

    flags: u64
    count: u64
    alive: u64
    slice: u64
    status: u64
    current: u64
    watching: u64


assert offsetof(VCPU, "state") == 0 and offsetof(arch.State, "x") == 0
assert sizeof(Slot) % 16 == 0 and offsetof(Slot, "vcpu") % 16 == 0, (
    "the stack pointer must be 16-byte aligned"
)

vms = static(array[VM, MAX_VMS])
slots = static(array[Slot, MAX_VMS], align=16)
host = static(Host)


@fw
def guest_buffer(vm: ptr[VM], address: u64, size: u64) -> u64:
    """Host address of ``size`` bytes of guest RAM, or 0 if they are not all RAM."""
    offset = address - DRAM_BASE
    if offset > vm.size or size > vm.size - offset:
        return 0
    return vm.backing + offset
