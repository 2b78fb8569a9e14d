"""The hand-written instructions: start, exit from a guest, entry into one.

An exit arrives with sp = H_SP, the vCPU's address, from which the hypervisor's stack grows down; the guest's
sp stands in the VMCS and joins the other registers only where the exit goes the complete way.
"""

from collections.abc import Callable

from firmware.hypervisor.registers import (
    CALLEE_SAVED,
    CALLER_SAVED,
    beginning,
    each,
    host_return,
    host_save,
    host_vector,
)
from firmware.hypervisor.vmx.fields import G_SP, INSTR_ERROR
from rtl.isa.instructions import INSTRUCTIONS
from rtl.isa.xvmx import VmError

__all__ = ["code", "hosted_code"]


def _xvmx(name: str, rd: int = 0, rs1: int = 0, rs2: int = 0) -> str:
    """An Xvmx instruction, which the assembler does not know, by register numbers."""
    return f".4byte {INSTRUCTIONS[name].match | rd << 7 | rs1 << 15 | rs2 << 20:#x}  # {name}"


T0, T1 = 5, 6


def code(
    start: Callable[..., object],
    fast: Callable[..., object],
    slow: Callable[..., object],
    broken: Callable[..., object],
) -> str:
    """The stubs around ``start(info) -> vcpu``, ``fast(vcpu) -> how`` and ``slow(vcpu, how) -> vcpu``.

    ``broken()`` is called where an entry fails and when the hypervisor itself traps.
    """
    return f"""
{beginning("host_trap", start)}
    j guest_switch

    .balign 4
    .globl guest_exit
guest_exit:
{each("sd", CALLER_SAVED)}
    mv a0, sp
    jal {fast}
    bnez a0, guest_complete
guest_enter:
{each("ld", CALLER_SAVED)}
    {_xvmx("vmresume")}
    li t0, {INSTR_ERROR:#x}     # still here: it was refused, and sp is still the vCPU
    {_xvmx("vmread", T0, T0)}
    addi t0, t0, -{int(VmError.VMRESUME_NOT_LAUNCHED)}
    bnez t0, host_trap
    ld t0, {8 * T0}(sp)
    {_xvmx("vmlaunch")}
    .balign 4
    .globl host_trap
host_trap:
    la sp, __stack_top
    jal {broken}

guest_complete:                 # a0 = what fast() wants done
    li t0, {G_SP:#x}
    {_xvmx("vmread", T0, T0)}
    sd t0, 16(sp)
{each("sd", CALLEE_SAVED)}
    mv a1, a0
    mv a0, sp
    jal {slow}
guest_switch:                   # a0 = the vCPU to enter
    mv sp, a0
    ld t0, 16(sp)
    li t1, {G_SP:#x}
    {_xvmx("vmwrite", 0, T1, T0)}
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
    ``run_guest(vcpu)``; that returns when the guest leaves, with all of its registers saved. The host's own
    interrupts go to ``interrupt()``, its other traps and refused entries to ``broken()``."""
    return f"""
{beginning("host_trap", start)}
    jal {serve}

    .globl run_guest
run_guest:                      # a0 = the vCPU
{host_save()}
    mv sp, a0
    ld t0, 16(sp)
    li t1, {G_SP:#x}
    {_xvmx("vmwrite", 0, T1, T0)}
{each("ld", CALLEE_SAVED)}
{each("ld", CALLER_SAVED)}
    {_xvmx("vmresume")}
    li t0, {INSTR_ERROR:#x}     # still here: it was refused, and sp is still the vCPU
    {_xvmx("vmread", T0, T0)}
    addi t0, t0, -{int(VmError.VMRESUME_NOT_LAUNCHED)}
    bnez t0, host_broken
    ld t0, {8 * T0}(sp)
    {_xvmx("vmlaunch")}
{host_vector(interrupt, broken)}
    .balign 4
    .globl guest_exit
guest_exit:
{each("sd", CALLER_SAVED)}
{each("sd", CALLEE_SAVED)}
    li t0, {G_SP:#x}
    {_xvmx("vmread", T0, T0)}
    sd t0, 16(sp)
{host_return()}
"""
