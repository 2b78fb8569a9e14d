"""Accesses that may fault, a way into U mode and back, and the trap handler that notes what came of them."""

from firmware.lang import csr, fw, static, struct, u64
from rtl.isa.csrs import CSRS

__all__ = ["NO_TRAP", "probe_jump", "probe_load", "probe_store", "probe_user", "probes", "seen", "trap"]

NO_TRAP = (1 << 64) - 1
SPP = CSRS["sstatus"].mask("SPP")


@struct
class Seen:
    """The last exception, and where a jump goes on after one."""

    cause: u64
    value: u64
    resume: u64


seen = static(Seen)


@fw(export=True)
def trap() -> None:
    """Note the exception; go on behind the access (4 bytes), or where the jump came from, in S mode."""
    seen.cause = csr.scause
    seen.value = csr.stval
    if seen.resume != 0:
        csr.sepc = seen.resume
        csr.sstatus |= SPP
        seen.resume = 0
    else:
        csr.sepc = csr.sepc + 4


@fw(extern=True)
def probe_load(address: u64) -> u64:
    """ld from ``address``; -1 if it was skipped."""
    ...


@fw(extern=True)
def probe_store(address: u64, value: u64) -> None:
    """sd to ``address``."""
    ...


@fw(extern=True)
def probe_jump(address: u64, note: u64) -> None:
    """Jump to ``address``; comes back by an exception, through the resume address stored at ``note``."""
    ...


@fw(extern=True)
def probe_user(address: u64, note: u64) -> None:
    """The same in U mode."""
    ...


def probes() -> str:
    """The probes as assembly; every instruction under test is 4 bytes long."""
    return f"""
    .text
    .option push
    .option norvc
    .globl probe_load
probe_load:
    mv t0, a0
    li a0, -1
    ld a0, 0(t0)
    ret
    .globl probe_store
probe_store:
    sd a1, 0(a0)
    ret
    .globl probe_jump
probe_jump:
    sd ra, 0(a1)
    jr a0
    .globl probe_user
probe_user:
    sd ra, 0(a1)
    csrw sepc, a0
    li t0, {SPP:#x}
    csrc sstatus, t0
    sret
    .option pop
"""
