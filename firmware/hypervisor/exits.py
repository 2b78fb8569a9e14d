"""Exit dispatch: by cause, what the hypervisor does for a guest."""

from firmware.hypervisor import arch
from firmware.hypervisor.devices.input import serve_input
from firmware.hypervisor.devices.mmio import emulate
from firmware.hypervisor.ending import kill, panic
from firmware.hypervisor.memory import fill
from firmware.hypervisor.outcome import EMULATE, RESCHEDULE, RESUME
from firmware.hypervisor.sbi import hypercall
from firmware.hypervisor.scheduler import switch
from firmware.hypervisor.vm import READY, VCPU, WAITING
from firmware.lang import fw, ptr, u64
from rtl.isa.memory_map import DRAM_BASE

__all__ = ["exit_fast", "exit_slow"]


@fw
def lost(v: ptr[VCPU]) -> u64:
    """The guest cannot take the exception it is due."""
    kill(v, b"its trap handler cannot be fetched")
    return RESCHEDULE


@fw(noinline=True)
def page_fault(v: ptr[VCPU], cause: u64) -> u64:
    """RAM is mapped; the rest is a device, or an access fault in the guest."""
    address = arch.fault_address()
    if address - DRAM_BASE < v.vm.size:
        if fill(v.vm, address):
            return RESUME
        kill(v, b"no memory for its page tables")
        return RESCHEDULE
    if cause != arch.EXIT_FETCH_FAULT:
        return EMULATE
    if arch.reflect_access(cause):
        return RESUME
    return lost(v)


@fw(noinline=True)
def instruction(v: ptr[VCPU]) -> u64:
    """WFI yields; any other instruction that only a hypervisor may execute is illegal in the guest."""
    if arch.exit_is_wfi():
        arch.skip(4)
        if arch.interrupt_current():
            return RESUME
        v.run = WAITING
        return RESCHEDULE
    if arch.reflect_illegal():
        return RESUME
    return lost(v)


@fw
def unexpected(v: ptr[VCPU]) -> u64:
    """A cause that should not exist."""
    if arch.host_fault():
        panic(b"trap in the hypervisor")
    kill(v, b"unexpected exit")
    return RESCHEDULE


@fw(noinline=True)
def other(v: ptr[VCPU], cause: u64) -> u64:
    """Interrupts: the timer ends the slice, the only device is the console. Nothing else should come."""
    match cause:
        case arch.EXIT_TIMER:
            return RESCHEDULE
        case arch.EXIT_EXTERNAL:
            serve_input()
            return RESUME
        case _:
            return unexpected(v)


@fw(export=True)
def exit_fast(v: ptr[VCPU]) -> u64:
    """First handler of every exit."""
    cause = arch.exit_cause()
    if arch.is_interrupt(cause):
        return other(v, cause)
    match cause:
        case arch.EXIT_HYPERCALL:
            return hypercall(v)
        case arch.EXIT_FETCH_FAULT | arch.EXIT_LOAD_FAULT | arch.EXIT_STORE_FAULT:
            return page_fault(v, cause)
        case arch.EXIT_INSTRUCTION:
            return instruction(v)
        case _:
            return other(v, cause)


@fw(export=True)
def exit_slow(v: ptr[VCPU], outcome: u64) -> ptr[VCPU]:
    """What needs all of the guest's registers: device emulation, and changing the vCPU."""
    if outcome == EMULATE:
        if not emulate(v, arch.fault_address()) and not arch.reflect_access(arch.exit_cause()):
            kill(v, b"its trap handler cannot be fetched")
        if v.run == READY:
            return v
    return switch(v)
