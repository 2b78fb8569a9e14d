"""Why a guest left, what it was doing, and exceptions given back to it."""

from firmware.hypervisor.el2 import left
from firmware.hypervisor.el2.fetch import guest_word
from firmware.hypervisor.options import HOSTED
from firmware.lang import csr, fw, ptr, u64
from rtl.isa.causes import INTERRUPT_BIT, Cause, Interrupt
from rtl.isa.csrs import CSRS

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

EXIT_FETCH_FAULT = Cause.FETCH_GUEST_PAGE_FAULT
EXIT_LOAD_FAULT = Cause.LOAD_GUEST_PAGE_FAULT
EXIT_STORE_FAULT = Cause.STORE_GUEST_PAGE_FAULT
EXIT_FETCH_PAGE_FAULT = Cause.FETCH_PAGE_FAULT
EXIT_LOAD_PAGE_FAULT = Cause.LOAD_PAGE_FAULT
EXIT_STORE_PAGE_FAULT = Cause.STORE_PAGE_FAULT
EXIT_INSTRUCTION = Cause.VIRTUAL_INSTRUCTION
EXIT_TIMER = INTERRUPT_BIT | Interrupt.STI
EXIT_EXTERNAL = INTERRUPT_BIT | Interrupt.SEI

SSTATUS_SPP = CSRS["sstatus"].mask("SPP")
SSTATUS_SPIE = CSRS["sstatus"].mask("SPIE")
SSTATUS_SIE = CSRS["sstatus"].mask("SIE")
HSTATUS_SPV = CSRS["hstatus"].mask("SPV")


@fw
def exit_cause() -> u64:
    """One of the EXIT numbers, or another number for what should not happen."""
    return left.cause()


@fw
def exit_is_hypercall() -> bool:
    """Whether the guest left by ecall."""
    return left.cause() == Cause.ECALL_VS


@fw
def is_interrupt(cause: u64) -> bool:
    """Whether the exit came from an interrupt rather than from what the guest did."""
    return (cause & INTERRUPT_BIT) != 0


@fw
def host_fault() -> bool:
    """Whether the trap came from the hypervisor itself. A host kernel's have another vector."""
    if HOSTED:
        return False
    return (csr.hstatus & HSTATUS_SPV) == 0


@fw
def guest_pc() -> u64:
    """Where the guest left."""
    return left.pc()


@fw
def skip(size: u64) -> None:
    """Continue after the instruction that left, which is ``size`` bytes long."""
    left.set_pc(left.pc() + size)


@fw
def fault_address() -> u64:
    """Guest physical address of the second-stage fault: htval has all but its two lowest bits."""
    return (left.address() << 2) | (left.value() & 3)


@fw
def fault_access(x: ptr[u64]) -> u64:
    """The faulting access (H chapter, "Transformed Instruction or Pseudoinstruction")."""
    return left.access()


@fw
def fault_virtual() -> u64:
    """The guest virtual address that faulted."""
    return left.value()


@fw
def page_fault_cause(cause: u64) -> u64:
    """The guest's own cause for an exit by page fault."""
    return cause


@fw
def guest_is_user() -> bool:
    """Whether the guest left from U mode."""
    return (left.status() & SSTATUS_SPP) == 0


@fw
def guest_status() -> u64:
    """The guest's sstatus."""
    return left.vs_status()


@fw
def access_instruction() -> u64:
    """Page faults come without the instruction."""
    return 0


@fw
def trapped_instruction() -> u64:
    """The instruction of a virtual-instruction exception; fetched where stval is left zero."""
    word = left.value()
    if word == 0:
        word = guest_word()
    return word


@fw(noinline=True)
def inject(cause: u64, value: u64) -> bool:
    """Let the guest take an exception, as hardware would have trapped into VS mode.

    False if its trap handler is the very place that cannot be fetched: it would never get out.
    """
    handler = left.handler() & ~3
    pc = left.pc()
    if cause == Cause.FETCH_ACCESS and pc == handler:
        return False
    own = left.vs_status()
    host = left.status()
    status = own & ~(SSTATUS_SPP | SSTATUS_SPIE | SSTATUS_SIE)
    status |= host & SSTATUS_SPP
    if (own & SSTATUS_SIE) != 0:
        status |= SSTATUS_SPIE
    left.deliver(pc, cause, value, status)
    left.set_status(host | SSTATUS_SPP)
    left.set_pc(handler)
    return True
