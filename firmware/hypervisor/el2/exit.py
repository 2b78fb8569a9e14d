"""Why a guest left, what it was doing, and exceptions given back to it."""

from firmware.lang import csr, fw, hlvx_hu, u64
from rtl.isa.causes import INTERRUPT_BIT, Cause, Interrupt
from rtl.isa.csrs import CSRS
from rtl.isa.instructions import INSTRUCTIONS

__all__ = [
    "EXIT_EXTERNAL",
    "EXIT_FETCH_FAULT",
    "EXIT_HYPERCALL",
    "EXIT_INSTRUCTION",
    "EXIT_LOAD_FAULT",
    "EXIT_STORE_FAULT",
    "EXIT_TIMER",
    "exit_cause",
    "exit_is_wfi",
    "fault_address",
    "fault_instruction",
    "guest_pc",
    "host_fault",
    "is_interrupt",
    "reflect_access",
    "reflect_illegal",
    "skip",
]

EXIT_HYPERCALL = Cause.ECALL_VS
EXIT_FETCH_FAULT = Cause.FETCH_GUEST_PAGE_FAULT
EXIT_LOAD_FAULT = Cause.LOAD_GUEST_PAGE_FAULT
EXIT_STORE_FAULT = Cause.STORE_GUEST_PAGE_FAULT
EXIT_INSTRUCTION = Cause.VIRTUAL_INSTRUCTION
EXIT_TIMER = INTERRUPT_BIT | Interrupt.STI
EXIT_EXTERNAL = INTERRUPT_BIT | Interrupt.SEI

WFI = INSTRUCTIONS["wfi"].match
SSTATUS_SPP = CSRS["sstatus"].mask("SPP")
SSTATUS_SPIE = CSRS["sstatus"].mask("SPIE")
SSTATUS_SIE = CSRS["sstatus"].mask("SIE")
HSTATUS_SPV = CSRS["hstatus"].mask("SPV")


@fw
def exit_cause() -> u64:
    """One of the EXIT numbers, or another number for what should not happen."""
    return csr.scause


@fw
def is_interrupt(cause: u64) -> bool:
    """Whether the exit came from an interrupt rather than from what the guest did."""
    return (cause & INTERRUPT_BIT) != 0


@fw
def host_fault() -> bool:
    """Whether the trap came from the hypervisor itself."""
    return (csr.hstatus & HSTATUS_SPV) == 0


@fw
def guest_pc() -> u64:
    """Where the guest left."""
    return csr.sepc


@fw
def skip(size: u64) -> None:
    """Continue after the instruction that left, which is ``size`` bytes long."""
    csr.sepc = csr.sepc + size


@fw
def fault_address() -> u64:
    """Guest physical address of the second-stage fault: htval has all but its two lowest bits."""
    return (csr.htval << 2) | (csr.stval & 3)


@fw
def fault_instruction() -> u64:
    """The faulting access (H chapter, "Transformed Instruction or Pseudoinstruction")."""
    return csr.htinst


@fw
def trapped_instruction() -> u64:
    """The instruction of a virtual-instruction exception; fetched where stval is left zero."""
    word = csr.stval
    if word == 0:
        pc = csr.sepc
        word = u64(hlvx_hu(pc))
        if (word & 3) == 3:
            word |= u64(hlvx_hu(pc + 2)) << 16
    return word


@fw
def exit_is_wfi() -> bool:
    """Whether the exit's instruction is WFI."""
    return trapped_instruction() == WFI


@fw(noinline=True)
def inject(cause: u64, value: u64) -> bool:
    """Let the guest take an exception, as hardware would have trapped into VS mode.

    False if its trap handler is the very place that cannot be fetched: it would never get out.
    """
    handler = csr.vstvec & ~3
    pc = csr.sepc
    if cause == Cause.FETCH_ACCESS and pc == handler:
        return False
    csr.vsepc = pc
    csr.vscause = cause
    csr.vstval = value
    host = csr.sstatus
    status = csr.vsstatus & ~(SSTATUS_SPP | SSTATUS_SPIE | SSTATUS_SIE)
    status |= host & SSTATUS_SPP
    if (csr.vsstatus & SSTATUS_SIE) != 0:
        status |= SSTATUS_SPIE
    csr.vsstatus = status
    csr.sstatus = host | SSTATUS_SPP
    csr.sepc = handler
    return True


@fw
def reflect_access(cause: u64) -> bool:
    """Guest-page fault to the access fault of its kind, at the same guest virtual address."""
    kind = u64(Cause.STORE_ACCESS)
    if cause == Cause.FETCH_GUEST_PAGE_FAULT:
        kind = Cause.FETCH_ACCESS
    elif cause == Cause.LOAD_GUEST_PAGE_FAULT:
        kind = Cause.LOAD_ACCESS
    return inject(kind, csr.stval)


@fw
def reflect_illegal() -> bool:
    """Virtual-instruction exception to illegal instruction."""
    return inject(Cause.ILLEGAL_INSTRUCTION, trapped_instruction())
