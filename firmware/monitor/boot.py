"""From reset to the next stage: memory protection, delegation, counters, then `mret` into S mode.

The start code's convention is the machine's (and QEMU's): a0 = hart, a1 = device tree.
"""

from firmware.bootinfo import (
    FLAG_HARDWARE_AD,
    FLAG_NO_SECOND_STAGE,
    FLAG_TRAP_ACCESS_FAULTS,
    FLAG_XVMX,
    MONITOR_BASE,
    MONITOR_INFO,
    MONITOR_MAGIC,
    MONITOR_SIZE,
    NATIVE_ENTRY,
    MonitorInfo,
)
from firmware.lang import csr, fw, ptr, static, u64
from rtl.isa.causes import Cause, Interrupt
from rtl.isa.csrs import CSRS
from rtl.isa.paging import PmpMatch
from rtl.isa.privilege import Privilege
from rtl.isa.xvmx import Arch

__all__ = ["boot", "host"]

host = static(MonitorInfo)
"""What was started: the loader's block, or the defaults."""

PMP_ALL = PmpMatch.NAPOT << 3 | 7
PMP_NONE = PmpMatch.NAPOT << 3

FAULTS = 1 << Cause.FETCH_ACCESS | 1 << Cause.LOAD_ACCESS | 1 << Cause.STORE_ACCESS
DELEGATED = (
    sum(1 << cause for cause in Cause if cause not in (Cause.ECALL_HS, Cause.ECALL_M, Cause.VMX_ABORT))
    & ~FAULTS
)
"""Exceptions that S mode handles; misaligned accesses never trap on this machine."""
S_INTERRUPTS = 1 << Interrupt.SSI | 1 << Interrupt.STI | 1 << Interrupt.SEI

MSTATUS_CLEARED = CSRS["mstatus"].mask("MPP", "MPV", "MPIE", "MIE", "MPRV")
MSTATUS_TO_S = Privilege.S << CSRS["mstatus"].field("MPP").lo
STCE = CSRS["menvcfg"].mask("STCE")
ADUE = CSRS["menvcfg"].mask("ADUE")
USER_COUNTERS = CSRS["scounteren"].mask("CY", "TM", "IR")
"""What U mode reads from the start: Linux leaves scounteren as it finds it, its programs read `time`."""
NOS2 = CSRS["mvirt"].mask("NOS2")


@fw
def choose_architecture(flags: u64) -> None:
    """The hart's virtualization architecture (docs/xvmx.md, section 1); left as it is unless asked for."""
    if (flags & (FLAG_XVMX | FLAG_NO_SECOND_STAGE)) == 0:
        return
    wanted = u64(Arch.H)
    if (flags & FLAG_XVMX) != 0:
        wanted = Arch.XVMX
    if (flags & FLAG_NO_SECOND_STAGE) != 0:
        wanted |= NOS2
    csr.mvirt = wanted


@fw
def protect() -> None:
    """PMP: this monitor's region closed to S and U mode, everything else open (Privileged spec 3.7)."""
    csr.pmpaddr0 = (MONITOR_BASE >> 2) | ((MONITOR_SIZE >> 3) - 1)
    csr.pmpaddr1 = u64(-1)
    csr.pmpcfg0 = PMP_ALL << 8 | PMP_NONE


@fw
def delegate(flags: u64) -> None:
    """Exceptions and interrupts that S mode takes itself (Privileged spec 3.1.8)."""
    causes = u64(DELEGATED)
    if (flags & FLAG_TRAP_ACCESS_FAULTS) == 0:
        causes |= FAULTS
    csr.medeleg = causes
    csr.mideleg = S_INTERRUPTS
    csr.mie = 1 << Interrupt.MSI


@fw
def open_counters(info: ptr[MonitorInfo]) -> None:
    """Let all counters run, readable from S mode; choose what the programmable ones count."""
    csr.mcounteren = u64(0xFFFF_FFFF)
    csr.scounteren = USER_COUNTERS
    csr.mcountinhibit = 0
    csr.mhpmevent3 = info.hpm_events[0]
    csr.mhpmevent4 = info.hpm_events[1]
    csr.mhpmevent5 = info.hpm_events[2]
    csr.mhpmevent6 = info.hpm_events[3]
    csr.mhpmevent7 = info.hpm_events[4]
    csr.mhpmevent8 = info.hpm_events[5]
    csr.mhpmevent9 = info.hpm_events[6]
    csr.mhpmevent10 = info.hpm_events[7]


@fw
def boot(device_tree: u64) -> u64:
    """Prepare the hart; the next stage stands in mepc afterwards, its a1 is the result."""
    info = ptr[MonitorInfo](MONITOR_INFO)
    if info.magic != MONITOR_MAGIC:
        info = host
        info.entry = NATIVE_ENTRY
        info.memory_end = u64(-1)
    elif info.argument != 0:
        device_tree = info.argument
    host.flags = info.flags
    host.memory_end = info.memory_end

    choose_architecture(info.flags)
    protect()
    delegate(info.flags)
    open_counters(info)
    environment = u64(STCE)
    if (info.flags & FLAG_HARDWARE_AD) != 0:
        environment |= ADUE
    csr.menvcfg = environment
    csr.satp = 0
    csr.sie = 0
    csr.mstatus = (csr.mstatus & ~MSTATUS_CLEARED) | MSTATUS_TO_S
    csr.mepc = info.entry
    return device_tree
