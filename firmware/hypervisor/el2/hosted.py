"""The hosted design: the S registers that a host kernel in HS mode and its guests use in turns.

The trap registers are the host's while it runs, so that it could take interrupts of its own; so are those
that say what U mode may do, for programs of its own. KVM for RISC-V swaps the same at each transition
(Linux, arch/riscv/kvm/vcpu_switch.S and vcpu.c): sstatus, hstatus, scounteren, senvcfg, sepc here, stvec
and sscratch in the stubs; and keeps why the guest left.
"""

from firmware.hypervisor.el2 import left
from firmware.hypervisor.el2.hart import HOST_INTERRUPTS, HSTATUS_GUEST, HSTATUS_HOST
from firmware.hypervisor.el2.state import State, load_place, save_place
from firmware.lang import csr, fw, ptr, static

__all__ = ["enter", "leave"]

kernel = static(State)
"""The host kernel's; of it only what `save_place` keeps."""


@fw
def enter(s: ptr[State]) -> None:
    """From the host kernel's registers to the guest's."""
    save_place(kernel)
    load_place(s)
    csr.hstatus = HSTATUS_GUEST
    csr.sie = HOST_INTERRUPTS


@fw
def leave(s: ptr[State]) -> None:
    """From the guest's to the host kernel's."""
    left.take()
    save_place(s)
    load_place(kernel)
    csr.hstatus = HSTATUS_HOST
