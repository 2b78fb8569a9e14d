"""What a vCPU keeps while something else has the hart: the registers that hardware does not switch.

Everything the guest can change and that a hypervisor may leave in the hart while the guest's exits are
handled. Two groups, because a host kernel needs some of them for itself. The guest's *place*, and what its
U mode may do, are S registers: whoever runs in HS mode uses them. The VS registers (H chapter, "Virtual
Supervisor CSRs") belong to whoever runs in VS mode: to guests, and to the host kernel of the split design.
"""

from firmware.hypervisor.options import HOSTED, SPLIT
from firmware.lang import array, csr, fw, ptr, static, struct, u64
from rtl.isa.csrs import CSRS

__all__ = [
    "State",
    "load",
    "load_guest",
    "load_place",
    "reset_state",
    "running",
    "save",
    "save_guest",
    "save_place",
    "set_satp",
    "set_satp_saved",
]

SSTATUS_SPP = CSRS["sstatus"].mask("SPP")
USER_COUNTERS = CSRS["scounteren"].mask("CY", "TM", "IR")
"""What a guest's U mode reads from the start: Linux leaves scounteren as firmware set it."""


@struct
class State:
    """A vCPU's registers. ``x`` comes first: the stubs address it from the vCPU's address."""

    x: array[u64, 32]
    sepc: u64
    sstatus: u64
    scounteren: u64
    senvcfg: u64
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


running = static(ptr[State])
"""Of a host kernel's: the state of the vCPU that is its turn."""


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


@fw
def save_place(s: ptr[State]) -> None:
    """Keep the S registers: where it left, its mode, what its U mode may do."""
    s.sepc = csr.sepc
    s.sstatus = csr.sstatus
    s.scounteren = csr.scounteren
    s.senvcfg = csr.senvcfg


@fw
def load_place(s: ptr[State]) -> None:
    """Put them on the hart."""
    csr.sepc = s.sepc
    csr.sstatus = s.sstatus
    csr.scounteren = s.scounteren
    csr.senvcfg = s.senvcfg


@fw
def save_guest(s: ptr[State]) -> None:
    """Keep the VS registers and the guest's interrupt lines; hgatp and htimedelta never change."""
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


@fw
def load_guest(s: ptr[State]) -> None:
    """Put them on the hart.

    A new hgatp needs no fence: each VM has its own VMID, and its translations stay valid.
    """
    csr.hgatp = s.hgatp
    csr.htimedelta = s.htimedelta
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


@fw(noinline=True)
def save(s: ptr[State]) -> None:
    """Keep what the hart still holds of the vCPU whose turn ends."""
    if not HOSTED:
        save_place(s)
    if not SPLIT:
        save_guest(s)


@fw(noinline=True)
def load(s: ptr[State]) -> None:
    """Make it the vCPU's turn: what does not move at each entry goes on the hart; the next entry runs it."""
    if HOSTED:
        running.value = s
    else:
        load_place(s)
    if not SPLIT:
        load_guest(s)


@fw
def set_satp(value: u64) -> None:
    """The satp that the vCPU on the hart is translated with."""
    if SPLIT:
        running.value.vsatp = value
    else:
        csr.vsatp = value


@fw
def set_satp_saved(s: ptr[State], value: u64) -> None:
    """The same of a vCPU that is not on the hart."""
    s.vsatp = value
