"""Instructions that should trap, and the trap handler that notes what came of them."""

from firmware.lang import csr, fw, static, struct, u64
from rtl.isa.causes import INTERRUPT_BIT, Interrupt
from rtl.isa.csrs import CSRS

__all__ = [
    "EXTERNAL",
    "HYPERVISOR_REGISTER",
    "NOWHERE",
    "SOFTWARE",
    "TIMER",
    "UNKNOWN_REGISTER",
    "probe_fetch",
    "probe_hypervisor_register",
    "probe_load",
    "probe_store",
    "probe_unknown_register",
    "probes",
    "seen",
    "trap",
]

NOWHERE = 0x4000_0000
"""A guest physical address where no VM has anything."""

UNKNOWN_REGISTER = 0x800 << 20 | 10 << 7 | 2 << 12 | 0x73
"""csrr a0, 0x800: a number that no extension of this machine uses."""
HYPERVISOR_REGISTER = CSRS["hstatus"].number << 20 | 10 << 7 | 2 << 12 | 0x73
"""csrr a0, hstatus."""

SOFTWARE = INTERRUPT_BIT | Interrupt.SSI
TIMER = INTERRUPT_BIT | Interrupt.STI
EXTERNAL = INTERRUPT_BIT | Interrupt.SEI


@struct
class Seen:
    """The last trap; ``interrupts`` counts interrupts, ``resume`` is where a bad jump goes on."""

    cause: u64
    value: u64
    interrupts: u64
    resume: u64


seen = static(Seen)


@fw(export=True)
def trap() -> None:
    """Note the trap. Interrupts are switched off at their source's enable; a fetch fault resumes in the
    probe that jumped; any other exception skips its (4-byte) instruction."""
    cause = csr.scause
    seen.cause = cause
    seen.value = csr.stval
    if (cause >> 63) != 0:
        seen.interrupts += 1
        csr.sie &= ~(u64(1) << (cause & 63))
    elif seen.resume != 0:
        csr.sepc = seen.resume
        seen.resume = 0
    else:
        csr.sepc = csr.sepc + 4


@fw(extern=True)
def probe_load(address: u64) -> u64:
    """ld from ``address``; -1 if it was skipped."""
    ...


@fw(extern=True)
def probe_store(address: u64) -> None:
    """sw to ``address``."""
    ...


@fw(extern=True)
def probe_fetch(address: u64, note: u64) -> None:
    """Jump to ``address``; comes back through the resume address stored at ``note``."""
    ...


@fw(extern=True)
def probe_unknown_register() -> None:
    """Execute UNKNOWN_REGISTER."""
    ...


@fw(extern=True)
def probe_hypervisor_register() -> None:
    """Execute HYPERVISOR_REGISTER."""
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
    sw zero, 0(a0)
    ret
    .globl probe_fetch
probe_fetch:
    sd ra, 0(a1)
    jr a0
    .globl probe_unknown_register
probe_unknown_register:
    .word {UNKNOWN_REGISTER:#x}
    ret
    .globl probe_hypervisor_register
probe_hypervisor_register:
    .word {HYPERVISOR_REGISTER:#x}
    ret
    .option pop
"""
