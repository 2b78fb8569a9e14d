"""The hand-written instructions: start, exit from a guest, entry into one.

While a guest runs, sscratch holds its vCPU's address; while the hypervisor runs, the guest's sp. The stack
of the hypervisor grows down from the vCPU itself, so each vCPU has one of its own and sp is all there is
to switch.
"""

from collections.abc import Callable

from firmware.hypervisor.el2.hosted import enter, leave
from firmware.hypervisor.el2.split import split_code
from firmware.hypervisor.options import SPLIT
from firmware.hypervisor.registers import (
    CALLEE_SAVED,
    CALLER_SAVED,
    beginning,
    each,
    host_return,
    host_save,
    host_vector,
)

__all__ = ["code", "hosted_code"]


def code(
    start: Callable[..., object],
    fast: Callable[..., object],
    slow: Callable[..., object],
    broken: Callable[..., object],
) -> str:
    """The stubs around ``start(info) -> vcpu``, ``fast(vcpu) -> how`` and ``slow(vcpu, how) -> vcpu``.

    The hypervisor's own traps come as exits (`host_fault`), so nothing calls ``broken``.
    """
    return f"""
{beginning("guest_exit", start)}
    j guest_switch

    .balign 4
guest_exit:
    csrrw sp, sscratch, sp
{each("sd", CALLER_SAVED)}
    mv a0, sp
    jal {fast}
    bnez a0, guest_complete
guest_enter:
{each("ld", CALLER_SAVED)}
    csrrw sp, sscratch, sp
    sret

guest_complete:                 # a0 = what fast() wants done
    csrr t0, sscratch
    sd t0, 16(sp)
{each("sd", CALLEE_SAVED)}
    mv a1, a0
    mv a0, sp
    jal {slow}
guest_switch:                   # a0 = the vCPU to enter
    mv sp, a0
    ld t0, 16(sp)
    csrw sscratch, t0
{each("ld", CALLEE_SAVED)}
    j guest_enter
    .balign 64                  # what follows begins with a cache line, however long this is
"""


def hosted_code(
    start: Callable[..., object],
    serve: Callable[..., object],
    interrupt: Callable[..., object],
    broken: Callable[..., object],
) -> str:
    """The same for a host kernel: after ``start(info) -> vcpu`` comes ``serve(vcpu)``, which calls
    ``run_guest(vcpu)``; that returns when the guest leaves, with all of its registers saved.

    While the host runs, traps go to a vector of its own: interrupts to ``interrupt()``, others to
    ``broken()``.
    """
    if SPLIT:
        return split_code(start, serve, interrupt, broken)
    return f"""
{beginning("host_trap", start)}
    jal {serve}

{host_vector(interrupt, broken)}
    .globl run_guest
run_guest:                      # a0 = the vCPU
{host_save()}
    mv s0, a0
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
    la t0, host_trap
    csrw stvec, t0
    mv a0, sp
    la t0, host_sp
    ld sp, 0(t0)
    jal {leave}
{host_return()}
"""
