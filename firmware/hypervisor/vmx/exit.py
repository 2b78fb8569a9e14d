"""Why a guest left, what it was doing, and exceptions given back to it: fields of the current VMCS."""

from firmware.hypervisor.access import transformed
from firmware.hypervisor.options import SHADOW
from firmware.hypervisor.vmx.fields import (
    ENTRY_EVENT,
    ENTRY_TVAL,
    EXIT_INSTR,
    EXIT_QUAL,
    EXIT_REASON,
    EXIT_TVAL,
    G_PC,
    G_PRIV,
    G_SSTATUS,
    G_STVEC,
    GUEST_LINEAR,
    GUEST_PHYS,
)
from firmware.lang import fw, ptr, u64, vmread, vmwrite
from rtl.isa.causes import Cause
from rtl.isa.xvmx import EptQualification, EventBits, ExitReason

__all__ = [
    "EXIT_EXTERNAL",
    "EXIT_FETCH_FAULT",
    "EXIT_FETCH_PAGE_FAULT",
    "EXIT_INSTRUCTION",
    "EXIT_LOAD_FAULT",
    "EXIT_LOAD_PAGE_FAULT",
    "EXIT_STORE_FAULT",
    "EXIT_STORE_PAGE_FAULT",
    "EXIT_TIMER",
    "access_instruction",
    "exit_cause",
    "exit_is_hypercall",
    "fault_access",
    "fault_address",
    "fault_virtual",
    "guest_is_user",
    "guest_pc",
    "guest_status",
    "host_fault",
    "inject",
    "is_interrupt",
    "page_fault_cause",
    "skip",
    "trapped_instruction",
]

EXCEPTION = 0x100
VIOLATION = 0x200
ACCESS_MASK = EptQualification.READ | EptQualification.WRITE | EptQualification.FETCH

EXIT_FETCH_FAULT = VIOLATION | EptQualification.FETCH
EXIT_LOAD_FAULT = VIOLATION | EptQualification.READ
EXIT_STORE_FAULT = VIOLATION | EptQualification.WRITE
EXIT_FETCH_PAGE_FAULT = EXCEPTION | Cause.FETCH_PAGE_FAULT
EXIT_LOAD_PAGE_FAULT = EXCEPTION | Cause.LOAD_PAGE_FAULT
EXIT_STORE_PAGE_FAULT = EXCEPTION | Cause.STORE_PAGE_FAULT
EXIT_INSTRUCTION = ExitReason.WFI
EXIT_TIMER = ExitReason.PREEMPT
EXIT_EXTERNAL = ExitReason.EXTINT


@fw(noinline=True)
def exit_cause() -> u64:
    """One of the EXIT numbers, or another number for what should not happen."""
    reason = vmread(EXIT_REASON)
    match reason:
        case ExitReason.EXCEPTION:
            return EXCEPTION | vmread(EXIT_QUAL)
        case ExitReason.EPT_VIOLATION:
            return VIOLATION | (vmread(EXIT_QUAL) & ACCESS_MASK)
        case ExitReason.VMCALL | ExitReason.SFENCE | ExitReason.VMX_INSTR | ExitReason.SATP:
            return EXIT_INSTRUCTION
        case _:
            return reason


@fw
def exit_is_hypercall() -> bool:
    """Whether the guest left by ecall."""
    return vmread(EXIT_REASON) == ExitReason.ECALL_S


@fw
def is_interrupt(cause: u64) -> bool:
    """Whether the exit needs no look at what the guest did; here each has a number of its own anyway."""
    return False


@fw
def host_fault() -> bool:
    """The hypervisor's own traps do not come as exits."""
    return False


@fw
def guest_pc() -> u64:
    """Where the guest left."""
    return vmread(G_PC)


@fw
def skip(size: u64) -> None:
    """Continue after the instruction that left, which is ``size`` bytes long."""
    vmwrite(G_PC, vmread(G_PC) + size)


@fw
def fault_address() -> u64:
    """Guest physical address of the second-stage fault."""
    return vmread(GUEST_PHYS)


@fw
def fault_virtual() -> u64:
    """The guest virtual address that faulted."""
    if SHADOW:
        return vmread(EXIT_TVAL)
    return vmread(GUEST_LINEAR)


@fw
def fault_access(x: ptr[u64]) -> u64:
    """The faulting access, transformed; none if it was the walk of the guest's own tables."""
    if (vmread(EXIT_QUAL) & EptQualification.FINAL_PAGE) == 0:
        return 0
    return transformed(x, vmread(EXIT_INSTR), vmread(GUEST_LINEAR))


@fw
def access_instruction() -> u64:
    """The instruction of a page fault."""
    return vmread(EXIT_INSTR)


@fw
def trapped_instruction() -> u64:
    """The instruction that left."""
    return vmread(EXIT_INSTR)


@fw
def page_fault_cause(cause: u64) -> u64:
    """The guest's own cause for an exit by page fault."""
    return cause & ~EXCEPTION


@fw
def guest_is_user() -> bool:
    """Whether the guest left from U mode."""
    return vmread(G_PRIV) == 0


@fw
def guest_status() -> u64:
    """The guest's sstatus."""
    return vmread(G_SSTATUS)


@fw(noinline=True)
def inject(cause: u64, value: u64) -> bool:
    """Let the next entry deliver an exception.

    False if the guest's trap handler is the very place that cannot be fetched: it would never get out.
    """
    if cause == Cause.FETCH_ACCESS and vmread(G_PC) == (vmread(G_STVEC) & ~3):
        return False
    vmwrite(ENTRY_EVENT, EventBits.VALID | cause)
    vmwrite(ENTRY_TVAL, value)
    return True
