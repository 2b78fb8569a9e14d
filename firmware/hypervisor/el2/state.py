"""What a vCPU keeps while another one runs: the registers that hardware does not switch.

Everything the guest can change and that the hypervisor leaves live in the hart while the guest's exits
are handled: the VS registers (H chapter, "Virtual Supervisor CSRs"), the S registers that a guest uses
directly (scounteren, senvcfg), and its place of return.
"""

from firmware.lang import array, csr, fw, ptr, struct, u64
from rtl.isa.csrs import CSRS

__all__ = ["State", "load", "reset_state", "save", "set_satp", "set_satp_saved"]

SSTATUS_SPP = CSRS["sstatus"].mask("SPP")
USER_COUNTERS = CSRS["scounteren"].mask("CY", "TM", "IR")
"""What a guest's U mode reads from the start: Linux leaves scounteren as firmware set it."""


@struct
class State:
    """A vCPU's registers. ``x`` comes first: the stubs address it from the vCPU's address."""

    x: array[u64, 32]
    sepc: u64
    sstatus: u64
    hgatp: u64
    htimedelta: u64
    hvip: u64
    vsstatus: u64
    vsie: u64
    vstvec: u64
    vsscratch: u64
    vsepc: u64
    vscause: u64
    vstval: u64
    vsatp: u64
    vstimecmp: u64
    scounteren: u64
    senvcfg: u64


@fw
def reset_state(s: ptr[State], space: u64, pc: u64, argument: u64) -> bool:
    """First instruction at ``pc`` in VS mode, with a0 = 0 (the hart) and a1 = ``argument``.

    The statics start zeroed. The guest's `time` starts near 0, and its timer is off. Always True: it needs no
    memory.
    """
    s.x[11] = argument
    s.sepc = pc
    s.sstatus = SSTATUS_SPP
    s.hgatp = space
    s.htimedelta = 0 - csr.time
    s.vstimecmp = u64(-1)
    s.scounteren = USER_COUNTERS
    return True


@fw(noinline=True)
def save(s: ptr[State]) -> None:
    """Keep what the hart holds of the vCPU that leaves it."""
    s.sepc = csr.sepc
    s.sstatus = csr.sstatus
    s.hvip = csr.hvip
    s.vsstatus = csr.vsstatus
    s.vsie = csr.vsie
    s.vstvec = csr.vstvec
    s.vsscratch = csr.vsscratch
    s.vsepc = csr.vsepc
    s.vscause = csr.vscause
    s.vstval = csr.vstval
    s.vsatp = csr.vsatp
    s.vstimecmp = csr.vstimecmp
    s.scounteren = csr.scounteren
    s.senvcfg = csr.senvcfg


@fw(noinline=True)
def load(s: ptr[State]) -> None:
    """Put a vCPU's state on the hart; the next entry runs it.

    A new hgatp needs no fence: each VM has its own VMID, and its translations stay valid.
    """
    csr.hgatp = s.hgatp
    csr.htimedelta = s.htimedelta
    csr.sepc = s.sepc
    csr.sstatus = s.sstatus
    csr.hvip = s.hvip
    csr.vsstatus = s.vsstatus
    csr.vsie = s.vsie
    csr.vstvec = s.vstvec
    csr.vsscratch = s.vsscratch
    csr.vsepc = s.vsepc
    csr.vscause = s.vscause
    csr.vstval = s.vstval
    csr.vsatp = s.vsatp
    csr.vstimecmp = s.vstimecmp
    csr.scounteren = s.scounteren
    csr.senvcfg = s.senvcfg


@fw
def set_satp(value: u64) -> None:
    """The satp that the vCPU on the hart is translated with."""
    csr.vsatp = value


@fw
def set_satp_saved(s: ptr[State], value: u64) -> None:
    """The same of a vCPU that is not on the hart."""
    s.vsatp = value
