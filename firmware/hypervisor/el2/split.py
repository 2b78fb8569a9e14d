"""The hand-written instructions of the split design: start, the lowvisor's vectors, the host kernel's call.

While a guest runs, sscratch holds its state's address and traps go to ``guest_exit``; while the host kernel
runs, it holds that of `kernel` and they go to ``kernel_call``. The lowvisor has a stack of its own.
"""

from collections.abc import Callable

from firmware.hypervisor.el2.lowvisor import begin, enter, kernel, leave
from firmware.hypervisor.el2.lowvisor_calls import serve_kernel
from firmware.hypervisor.el2.services import Service
from firmware.hypervisor.registers import CALLEE_SAVED, CALLER_SAVED, beginning, each, host_vector
from rtl.isa.causes import Cause

__all__ = ["split_code"]

KEPT = (1, *CALLEE_SAVED)
"""What a call leaves as it is for the caller, and ra; sp comes from sscratch."""
LOWVISOR_STACK = 512

assert Service.ENTER == 0, "one branch tells it"


def split_code(
    start: Callable[..., object],
    serve: Callable[..., object],
    interrupt: Callable[..., object],
    broken: Callable[..., object],
) -> str:
    """The stubs around ``start(info) -> vcpu`` and ``serve(vcpu)``, both in VS mode, and the lowvisor.

    The host kernel's interrupts go to ``interrupt()``; its other traps, and the lowvisor's, to ``broken()``.
    """
    return f"""
{beginning("lowvisor_trap", begin)}
    la t0, kernel_call
    csrw stvec, t0
    la t0, {kernel}
    csrw sscratch, t0
    sret                        # a0 = HypervisorInfo

    .globl kernel_start
kernel_start:                   # in VS mode from here
    la t0, host_trap
    csrw stvec, t0
    jal {start}
    jal {serve}

{host_vector(interrupt, broken)}
    .globl run_guest
run_guest:                      # a0 = the vCPU
    li a7, {int(Service.ENTER)}
    ecall
    ret

    .balign 4
kernel_call:
    csrrw sp, sscratch, sp
    sd t0, 40(sp)
    csrr t0, scause
    addi t0, t0, -{int(Cause.ECALL_VS)}
    or t0, t0, a7
    bnez t0, kernel_other
{each("sd", KEPT)}
    csrr t0, sscratch
    sd t0, 16(sp)
    mv s0, a0
    la sp, lowvisor_stack
    jal {enter}
    la t0, guest_exit
    csrw stvec, t0
    mv sp, s0
    ld t0, 16(sp)
    csrw sscratch, t0
{each("ld", CALLEE_SAVED)}
{each("ld", CALLER_SAVED)}
    csrrw sp, sscratch, sp
    sret

    .balign 4
    .globl guest_exit
guest_exit:
    csrrw sp, sscratch, sp
{each("sd", CALLER_SAVED)}
{each("sd", CALLEE_SAVED)}
    csrr t0, sscratch
    sd t0, 16(sp)
    la t0, kernel_call          # already here, so that a trap of the lowvisor's own is told
    csrw stvec, t0
    mv a0, sp
    la sp, lowvisor_stack
    jal {leave}
    la sp, {kernel}
    ld t0, 16(sp)
    csrw sscratch, t0
{each("ld", KEPT)}
    csrrw sp, sscratch, sp
    sret

kernel_other:
    ld t0, 40(sp)
{each("sd", CALLER_SAVED)}
    la sp, lowvisor_stack
    jal {serve_kernel}
    beqz a0, lowvisor_trap
    la sp, {kernel}
{each("ld", CALLER_SAVED)}
    csrrw sp, sscratch, sp
    sret

    .balign 4
lowvisor_trap:
    la sp, lowvisor_stack
    jal {broken}

    .section .bss
    .balign 16
    .zero {LOWVISOR_STACK}
lowvisor_stack:
    .section .text.entry, "ax"
"""
