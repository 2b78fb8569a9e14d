"""The split design: the part of the hypervisor that stays in HS mode.

As in KVM/ARM without VHE (Dall and Nieh, ASPLOS 2014), the host kernel runs where guests run, in VS mode;
so an exit is a change of worlds. The lowvisor takes the guest's registers off the hart, all VS registers
among them, and puts the host kernel's there; nothing is decided here. What only HS mode may do, it
does for the host kernel (`lowvisor_calls`).

The host kernel's world has no second stage (hgatp Bare, VMID 0), handles its own exceptions, has the clock
as it is and its timer in vstimecmp. While a guest has that, the lowvisor's own timer stands in for the
host's.
"""

from firmware.bootinfo import HypervisorInfo
from firmware.hypervisor.el2 import left
from firmware.hypervisor.el2.hart import (
    HEDELEG,
    HEDELEG_HOST,
    HOST_INTERRUPTS,
    HSTATUS_GUEST,
    HSTATUS_HOST,
    STCE,
    guest_environment,
    prepare,
)
from firmware.hypervisor.el2.state import (
    State,
    load_guest,
    load_place,
    save_guest,
    save_place,
)
from firmware.lang import csr, fw, ptr, static, symbol, u64
from rtl.isa.causes import Interrupt
from rtl.isa.csrs import CSRS

__all__ = ["ECALL_SIZE", "begin", "enter", "kernel", "leave"]

kernel = static(State)
"""The host kernel's world while a guest has the hart."""
environment = static(u64)
"""henvcfg for guests."""

ECALL_SIZE = 4
SEI = 1 << Interrupt.SEI
"""All that interrupts the lowvisor while the host kernel has the hart, to be passed on."""
SSTATUS_SPP = CSRS["sstatus"].mask("SPP")


@fw
def begin(info: ptr[HypervisorInfo]) -> ptr[HypervisorInfo]:
    """Prepare the hart, and sret into the host kernel's start, with what the monitor gave."""
    prepare(info.flags)
    environment.value = guest_environment(info.flags)
    csr.hgatp = 0
    csr.htimedelta = 0
    csr.hvip = 0
    csr.sie = 0
    csr.vsstatus = 0
    csr.vsie = 0
    csr.vsatp = 0
    enter_kernel()
    csr.sstatus |= SSTATUS_SPP
    csr.sepc = symbol("kernel_start")
    return info


@fw
def enter_kernel() -> None:
    """What traps, and what is delegated, while the host kernel has the hart."""
    csr.hstatus = HSTATUS_HOST
    csr.hedeleg = HEDELEG_HOST
    csr.henvcfg = STCE


@fw
def enter(s: ptr[State]) -> None:
    """From the host kernel's world, which has just called `Service.ENTER`, to a guest's."""
    save_place(kernel)
    save_guest(kernel)
    kernel.sepc += ECALL_SIZE
    csr.hstatus = HSTATUS_GUEST
    csr.hedeleg = HEDELEG
    csr.henvcfg = environment.value
    load_place(s)
    load_guest(s)
    csr.stimecmp = kernel.vstimecmp
    csr.sie = HOST_INTERRUPTS


@fw
def leave(s: ptr[State]) -> None:
    """From a guest's world to the host kernel's."""
    left.take()
    csr.sie = SEI
    save_place(s)
    save_guest(s)
    enter_kernel()
    load_place(kernel)
    load_guest(kernel)
