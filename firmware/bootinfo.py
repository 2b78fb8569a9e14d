"""Where the parts of a boot stand in DRAM, and the two information blocks the loader writes.

    0x8000_0000  monitor: code, data and stack, 64 KiB, closed to S and U mode by PMP
    0x8000_f000    MonitorInfo, its last page
    0x8001_0000  hypervisor: code, data, vCPUs and their stacks
    0x8003_0000  HypervisorInfo
    0x8003_1000  pool of pages for second-stage tables, up to
    0x8020_0000  guests' memory, or the native kernel; with shadow paging the pool comes after it

`firmware.images` fills the blocks. Without a valid MonitorInfo the monitor starts `NATIVE_ENTRY` with the
device tree it was given itself, so it also works as QEMU's `-bios`.
"""

from firmware.lang import array, struct, u64
from rtl.isa.memory_map import DRAM_BASE

__all__ = [
    "FLAG_4K_PAGES",
    "FLAG_HARDWARE_AD",
    "FLAG_NO_SECOND_STAGE",
    "FLAG_NO_VPID",
    "FLAG_TAG_LINES",
    "FLAG_TRAP_ACCESS_FAULTS",
    "FLAG_XVMX",
    "HPM_COUNTERS",
    "HYPERVISOR_BASE",
    "HYPERVISOR_INFO",
    "HYPERVISOR_MAGIC",
    "MAX_VMS",
    "MONITOR_BASE",
    "MONITOR_INFO",
    "MONITOR_MAGIC",
    "MONITOR_SIZE",
    "NATIVE_ENTRY",
    "POOL_BASE",
    "POOL_END",
    "HypervisorInfo",
    "MonitorInfo",
    "VmInfo",
]

MONITOR_BASE = DRAM_BASE
MONITOR_SIZE = 0x1_0000
MONITOR_INFO = MONITOR_BASE + 0xF000
HYPERVISOR_BASE = MONITOR_BASE + MONITOR_SIZE
HYPERVISOR_INFO = DRAM_BASE + 0x3_0000
POOL_BASE = DRAM_BASE + 0x3_1000
POOL_END = DRAM_BASE + 0x20_0000
NATIVE_ENTRY = DRAM_BASE + 0x20_0000

MONITOR_MAGIC = int.from_bytes(b"bivM-001", "little")
HYPERVISOR_MAGIC = int.from_bytes(b"bivH-001", "little")

MAX_VMS = 8
HPM_COUNTERS = 8
"""Counters that the monitor can program: mhpmevent3 and up."""

FLAG_HARDWARE_AD = 1
"""MonitorInfo, HypervisorInfo: set menvcfg.ADUE / henvcfg.ADUE (hardware updates of A and D bits)."""
FLAG_TRAP_ACCESS_FAULTS = 2
"""MonitorInfo: access faults of the next stage are its own bugs; report them and stop (hypervisor)."""
FLAG_TAG_LINES = 4
"""HypervisorInfo: console line by line, each with its VM's tag."""
FLAG_4K_PAGES = 8
"""VmInfo: map 4 KiB pages even where 2 MiB would do."""
FLAG_XVMX = 16
"""MonitorInfo: make Xvmx the hart's virtualization architecture (mvirt.ARCH)."""
FLAG_NO_SECOND_STAGE = 32
"""MonitorInfo: take the hart's second-stage translation away (mvirt.NOS2)."""
FLAG_NO_VPID = 64
"""HypervisorInfo: leave guests' translations untagged, so that every transition forgets them (Xvmx)."""


@struct
class MonitorInfo:
    """What the monitor starts: ``entry`` with a1 = ``argument`` (0: the device tree the monitor got)."""

    magic: u64
    flags: u64
    entry: u64
    argument: u64
    memory_end: u64
    hpm_events: array[u64, HPM_COUNTERS]


@struct
class VmInfo:
    """One VM: ``size`` bytes of guest RAM at `DRAM_BASE`, kept in host memory at ``backing``."""

    backing: u64
    size: u64
    entry: u64
    argument: u64
    flags: u64


@struct
class HypervisorInfo:
    """What the hypervisor runs. ``slice`` is a time slice in ticks of `time`."""

    magic: u64
    flags: u64
    vm_count: u64
    slice: u64
    pool: u64
    pool_end: u64
    vms: array[VmInfo, MAX_VMS]
