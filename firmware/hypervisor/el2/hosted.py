"""The hosted design: the S registers that a host kernel in HS mode and its guests use in turns.

Its own registers of trap handling are the host's while it runs, so that it could take interrupts, and user
programs of its own could run with counters and an environment of theirs. What Linux' KVM swaps for the H
extension at each transition (arch/riscv/kvm: sstatus, hstatus, scounteren, senvcfg, stvec, sscratch, sepc), the stubs
and these do.
"""

from firmware.hypervisor.el2 import left
from firmware.hypervisor.el2.hart import HSTATUS_GUEST, HSTATUS_HOST
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


@fw
def leave(s: ptr[State]) -> None:
    """From the guest's to the host kernel's."""
    left.take()
    save_place(s)
    load_place(kernel)
    csr.hstatus = HSTATUS_HOST
