"""Exit dispatch: by cause, what the hypervisor does for a guest."""

from firmware.hypervisor import arch
from firmware.hypervisor.access import transformed
from firmware.hypervisor.devices.input import serve_input
from firmware.hypervisor.devices.mmio import emulate
from firmware.hypervisor.ending import broken, kill
from firmware.hypervisor.fault import reflect, reflect_access
from firmware.hypervisor.memory import fill
from firmware.hypervisor.options import SHADOW
from firmware.hypervisor.outcome import EMULATE, RESCHEDULE, RESUME, TRANSLATE
from firmware.hypervisor.sbi import hypercall
from firmware.hypervisor.scheduler import switch
from firmware.hypervisor.shadow.exits import fetch_instruction, is_translation, shadow_fault, translation
from firmware.hypervisor.vm import READY, VCPU, WAITING
from firmware.lang import fw, ptr, u64
from rtl.isa.causes import Cause
from rtl.isa.instructions import INSTRUCTIONS
from rtl.isa.memory_map import DRAM_BASE

__all__ = ["exit_fast", "exit_slow"]

WFI = INSTRUCTIONS["wfi"].match


@fw(noinline=True)
def page_fault(v: ptr[VCPU], cause: u64) -> u64:
    """A second-stage fault. RAM is mapped; the rest is a device, or an access fault in the guest."""
    address = arch.fault_address()
    if address - DRAM_BASE < v.vm.size:
        if fill(v.vm, address):
            return RESUME
        kill(v, b"no memory for its page tables")
        return RESCHEDULE
    v.fault = address
    if cause != arch.EXIT_FETCH_FAULT:
        return EMULATE
    return reflect_access(v, cause)


@fw(noinline=True)
def instruction(v: ptr[VCPU]) -> u64:
    """WFI yields; any other instruction that only a hypervisor may execute is illegal in the guest.

    In the guest's U mode all of them are: this machine's U mode has no WFI either.
    """
    word = arch.trapped_instruction()
    if arch.guest_is_user():
        return reflect(v, u64(Cause.ILLEGAL_INSTRUCTION), word)
    if word == WFI:
        arch.skip(4)
        if arch.interrupt_current():
            return RESUME
        v.run = WAITING
        return RESCHEDULE
    if SHADOW:  # noqa: SIM102 -- constant alone, so that the rest is left out
        if is_translation(word):
            return TRANSLATE
    return reflect(v, u64(Cause.ILLEGAL_INSTRUCTION), word)


@fw
def unexpected(v: ptr[VCPU]) -> u64:
    """A cause that should not exist."""
    if arch.host_fault():
        broken()
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


@fw(noinline=True)
def dispatch(v: ptr[VCPU]) -> u64:
    """Every exit but hypercalls."""
    cause = arch.exit_cause()
    if arch.is_interrupt(cause):
        return other(v, cause)
    match cause:
        case arch.EXIT_FETCH_FAULT | arch.EXIT_LOAD_FAULT | arch.EXIT_STORE_FAULT:
            return page_fault(v, cause)
        case arch.EXIT_FETCH_PAGE_FAULT | arch.EXIT_LOAD_PAGE_FAULT | arch.EXIT_STORE_PAGE_FAULT:
            if SHADOW:
                return shadow_fault(v, cause)
            return other(v, cause)
        case arch.EXIT_INSTRUCTION:
            return instruction(v)
        case _:
            return other(v, cause)


@fw(export=True)
def exit_fast(v: ptr[VCPU]) -> u64:
    """First handler of every exit. Hypercalls come first: it is they that a guest waits for."""
    if arch.exit_is_hypercall():
        return hypercall(v)
    return dispatch(v)


@fw
def faulting_access(v: ptr[VCPU]) -> u64:
    """The access that left, as a transformed instruction."""
    if SHADOW:
        word = arch.access_instruction()
        if word == 0:
            word = fetch_instruction(v)
        return transformed(v.state.x, word, arch.fault_virtual())
    return arch.fault_access(v.state.x)


@fw(export=True)
def exit_slow(v: ptr[VCPU], outcome: u64) -> ptr[VCPU]:
    """What needs all of the guest's registers: devices, the guest's translation, and changing the vCPU."""
    if SHADOW:  # noqa: SIM102
        if outcome == TRANSLATE:
            translation(v)
            return v
    if outcome == EMULATE:
        if not emulate(v, v.fault, faulting_access(v)):
            reflect_access(v, arch.exit_cause())
        if v.run == READY:
            return v
    return switch(v)
