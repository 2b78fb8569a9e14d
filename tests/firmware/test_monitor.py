"""The monitor under CPython: how it leaves the hart for the next stage."""

import struct

import pytest

from firmware import bootinfo
from firmware.lang import ptr, u64
from firmware.lang.machine import Machine
from firmware.monitor.boot import boot
from firmware.monitor.trap import monitor_trap
from firmware.sbi import Error, Extension, Rfence, Time
from rtl.isa.causes import Cause, Interrupt

TREE = 0x8FFF_0000
FRAME = 0x9000_0000
"""Where the interrupted registers stand."""


@pytest.fixture
def machine():
    with Machine() as m:
        m.map(bootinfo.MONITOR_INFO, 0x1000)
        m.map(FRAME, 0x100)
        yield m


def describe(m: Machine, flags: int = 0, entry: int = 0x8001_0000, argument: int = 0, events=()) -> None:
    events = (*events, *[0] * (bootinfo.HPM_COUNTERS - len(events)))
    words = (bootinfo.MONITOR_MAGIC, flags, entry, argument, 0x9000_0000, *events)
    m.write_bytes(bootinfo.MONITOR_INFO, struct.pack(f"<{len(words)}Q", *words))


def pmp(m: Machine, address: int) -> int:
    """R, W and X that entries 0 and 1 give S mode (Privileged spec 3.7.1): the first match decides."""
    for number in range(2):
        config = m.csrs["pmpcfg0"] >> 8 * number & 0xFF
        entry = m.csrs[f"pmpaddr{number}"]
        assert config >> 3 & 3 == 3, "NAPOT"
        ones = (entry ^ entry + 1).bit_length()
        if address >> 2 >> ones == entry >> ones:
            return config & 7
    return 0


def test_own_memory_is_closed_and_the_rest_open(machine):
    describe(machine)
    boot(TREE)
    assert pmp(machine, bootinfo.MONITOR_BASE) == pmp(machine, bootinfo.HYPERVISOR_BASE - 4) == 0
    for address in (0, 0x1000_0000, bootinfo.MONITOR_BASE - 4, bootinfo.HYPERVISOR_BASE, 0xBFFF_FFFC):
        assert pmp(machine, address) == 7


def test_next_stage_is_entered_in_s_mode_with_its_argument(machine):
    describe(machine, entry=0x8123_4568)
    assert boot(TREE) == TREE
    assert machine.csrs["mepc"] == 0x8123_4568
    assert machine.csrs["mstatus"] >> 11 & 3 == 1 and not machine.csrs["mstatus"] >> 39 & 1
    describe(machine, argument=0x8003_0000)
    assert boot(TREE) == 0x8003_0000


def test_without_information_the_native_entry_gets_the_device_tree(machine):
    assert boot(TREE) == TREE
    assert machine.csrs["mepc"] == bootinfo.NATIVE_ENTRY


def test_delegation(machine):
    describe(machine)
    boot(TREE)
    faults = 1 << Cause.FETCH_ACCESS | 1 << Cause.LOAD_ACCESS | 1 << Cause.STORE_ACCESS
    everything = machine.csrs["medeleg"]
    assert everything & faults == faults
    for cause in (Cause.ECALL_U, Cause.ECALL_VS, Cause.VIRTUAL_INSTRUCTION, Cause.LOAD_GUEST_PAGE_FAULT):
        assert everything >> cause & 1
    assert not everything >> Cause.ECALL_HS & 1
    assert machine.csrs["mideleg"] & 0x222 == 0x222
    describe(machine, flags=bootinfo.FLAG_TRAP_ACCESS_FAULTS)
    boot(TREE)
    assert machine.csrs["medeleg"] == everything & ~faults


def test_counters_and_environment(machine):
    describe(machine, flags=bootinfo.FLAG_HARDWARE_AD, events=(3, 1, 4, 1, 5, 9, 2, 6))
    boot(TREE)
    assert [machine.csrs[f"mhpmevent{n}"] for n in range(3, 11)] == [3, 1, 4, 1, 5, 9, 2, 6]
    assert machine.csrs["mcounteren"] == 0x7FF and machine.csrs["mcountinhibit"] == 0
    assert machine.csrs["scounteren"] == 7
    assert machine.csrs["menvcfg"] == 1 << 63 | 1 << 61
    describe(machine)
    boot(TREE)
    assert machine.csrs["menvcfg"] == 1 << 63


def call(m: Machine, extension: int, function: int, *arguments: int) -> int:
    """An ecall of the next stage; the error."""
    for number, value in enumerate(arguments):
        m.write(FRAME + 8 * (10 + number), 8, value)
    m.write(FRAME + 8 * 16, 8, function)
    m.write(FRAME + 8 * 17, 8, extension)
    m.csrs["mcause"], m.csrs["mepc"] = Cause.ECALL_HS, 0x8020_0000
    monitor_trap(ptr[u64](FRAME))
    assert m.csrs["mepc"] == 0x8020_0004
    error = m.read(FRAME + 80, 8)
    return error - (error >> 63 << 64)


def test_timer_by_sstc_or_by_the_clint(machine):
    machine.csrs["menvcfg"] = 1 << 63
    assert call(machine, Extension.TIME, Time.SET_TIMER, 1234) == 0
    assert machine.csrs["stimecmp"] == 1234
    machine.csrs["menvcfg"] = 0
    machine.mmio(0x200_4000, 8)
    machine.csrs["mip"] = 1 << Interrupt.STI
    assert call(machine, Extension.TIME, Time.SET_TIMER, 5678) == 0
    assert ("mmio", 0x200_4000, 8, 5678) in machine.trace
    assert not machine.csrs["mip"] >> Interrupt.STI & 1 and machine.csrs["mie"] >> Interrupt.MTI & 1
    machine.csrs["mcause"] = 1 << 63 | Interrupt.MTI
    monitor_trap(ptr[u64](FRAME))
    assert machine.csrs["mip"] >> Interrupt.STI & 1 and not machine.csrs["mie"] >> Interrupt.MTI & 1


@pytest.mark.parametrize(
    ("function", "event"),
    [
        (Rfence.FENCE_I, "fence_i"),
        (Rfence.SFENCE_VMA, "sfence_vma"),
        (Rfence.HFENCE_GVMA, "hfence_gvma"),
        (Rfence.HFENCE_VVMA_ASID, "hfence_vvma"),
    ],
)
def test_fences(machine, function, event):
    assert call(machine, Extension.RFENCE, function, 1, 0) == 0
    assert event in [entry[0] for entry in machine.trace]
    machine.trace.clear()
    assert call(machine, Extension.RFENCE, function, 2, 0) == Error.INVALID_PARAM
    assert event not in [entry[0] for entry in machine.trace]


def test_console_refuses_the_monitors_own_memory(machine):
    describe(machine)
    boot(TREE)
    machine.mmio(0x1000_0000, 0x100, read=lambda at, size: 0x60)
    for address in (bootinfo.MONITOR_BASE, bootinfo.HYPERVISOR_BASE - 1, 0x9000_0000, 0x1000_0000):
        assert call(machine, Extension.DBCN, 0, 1, address, 0) == Error.INVALID_PARAM
