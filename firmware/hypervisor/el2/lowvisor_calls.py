"""The split design: what the lowvisor does for the host kernel while this has the hart."""

from firmware.hypervisor.el2.fences import fence_page
from firmware.hypervisor.el2.fetch import fetch_for
from firmware.hypervisor.el2.lowvisor import ECALL_SIZE, kernel
from firmware.hypervisor.el2.services import Service
from firmware.hypervisor.el2.state import load_guest, running, save_guest
from firmware.lang import csr, csr_swap, fw, hfence_vvma, u64
from rtl.isa.causes import INTERRUPT_BIT, Cause, Interrupt

__all__ = ["serve_kernel"]

A0, A7 = 10, 17
VSEIP = 1 << Interrupt.VSEI
SEI = 1 << Interrupt.SEI


@fw
def fetch() -> u64:
    """The guest's instruction, read with the guest's registers in place of the host kernel's."""
    save_guest(kernel)
    load_guest(running.value)
    word = fetch_for(running.value)
    load_guest(kernel)
    return word


@fw
def interrupted() -> None:
    """The machine's external interrupt is the host kernel's; pending until it watches again."""
    csr.hvip |= VSEIP
    csr.sie = 0


@fw
def serve_kernel() -> u64:
    """Everything else that the host kernel traps for; its registers that compiled code may change are saved.

    0 for what the host kernel, or the lowvisor, should never have trapped for.
    """
    cause = csr.scause
    if cause == INTERRUPT_BIT | Interrupt.SEI:
        interrupted()
        return 1
    if cause != Cause.ECALL_VS:
        return 0
    csr.sepc = csr.sepc + ECALL_SIZE
    operand = kernel.x[A0]
    match kernel.x[A7]:
        case Service.FETCH:
            kernel.x[A0] = fetch()
        case Service.FORGET_PAGE:
            fence_page(operand)
        case Service.FORGET_VIRTUAL:
            own = csr_swap("hgatp", running.value.hgatp)
            hfence_vvma()
            csr.hgatp = own
        case Service.FORGET_ADDRESS:
            own = csr_swap("hgatp", running.value.hgatp)
            hfence_vvma(operand)
            csr.hgatp = own
        case Service.WATCH:
            csr.hvip &= ~VSEIP
            csr.sie = SEI
        case _:
            return 0
    return 1
