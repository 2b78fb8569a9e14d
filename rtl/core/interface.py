"""Structures that cross component boundaries in the core: traps, CSR access, events, retirement."""

from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from rtl.isa.paging import PA_BITS, VMID_BITS
from rtl.isa.privilege import Privilege

__all__ = [
    "CsrOp",
    "CsrPort",
    "Events",
    "FetchTranslation",
    "InterruptLines",
    "Mode",
    "Retire",
    "RetireCompanion",
    "SystemOp",
    "SystemPort",
    "Trap",
    "TrapPort",
    "XretPort",
]


class Mode(data.Struct):
    """Privilege and virtualization mode."""

    privilege: Privilege
    virt: 1


class CsrOp(enum.Enum, shape=2):
    """How a CSR instruction combines its operand with the old value (funct3[1:0])."""

    NONE = 0
    WRITE = 1
    SET = 2
    CLEAR = 3


CsrPort = wiring.Signature(
    {
        "valid": Out(1),
        "number": Out(12),
        "op": Out(CsrOp),
        "write": Out(1),
        "operand": Out(64),
        "commit": Out(1),
        "rdata": In(64),
        "illegal": In(1),
        "virtual": In(1),
        "refetch": In(1),
    }
)
"""One CSR instruction, in the execute stage; everything but the write is combinational.

``write`` is 0 for csrrs/csrrc with rs1 = x0 (and the immediate forms with 0): then there is no write and no
write check. ``illegal``/``virtual``: the access raises an illegal-instruction/virtual-instruction exception,
and nothing is written even if ``commit`` is up. ``commit``: the write happens at the end of this cycle.
``refetch``: the write changes what younger, already fetched instructions see, so the core must fetch them
again."""


class SystemOp(enum.Enum, shape=4):
    """Privileged instructions whose legality depends on mode and CSR state."""

    NONE = 0
    ECALL = 1
    EBREAK = 2
    MRET = 3
    SRET = 4
    WFI = 5
    SFENCE_VMA = 6
    SINVAL_VMA = 7
    SFENCE_INVAL = 8
    """sfence.w.inval and sfence.inval.ir."""
    HFENCE_VVMA = 9
    HFENCE_GVMA = 10
    HINVAL_VVMA = 11
    HINVAL_GVMA = 12
    HYPERVISOR_ACCESS = 13
    """HLV, HLVX, HSV."""


SystemPort = wiring.Signature({"op": Out(SystemOp), "illegal": In(1), "virtual": In(1)})
"""Combinational check of a privileged instruction in the current mode (TVM, TW, TSR, VTVM, VTW, VTSR, HU).
ECALL and EBREAK are always legal."""


class Trap(data.Struct):
    """An exception or interrupt to take. Its delegation is the CSR unit's business."""

    interrupt: 1
    cause: 6
    pc: 64
    """Address of the trapping instruction (xepc)."""
    tval: 64
    """What xtval gets."""
    gpa: 64
    """Guest physical address of a guest-page fault, else 0."""
    tinst: 32
    """What htinst/mtinst gets if the trap goes to M or HS."""
    gva: 1
    """``tval`` is a guest virtual address (GVA)."""
    rights: 3
    """Of a guest-page fault: R, W, X (bits 0 to 2) of the second-stage entry at which the walk ended."""
    misconfigured: 1
    """The second-stage entry is valid but of no legal form."""
    implicit: 1
    """The access refused was to a first-stage entry."""
    implicit_write: 1
    """... and a write of its A or D bit."""
    instruction: 32
    """The instruction's bits as they stand in memory, 16-bit ones zero-extended."""
    compressed: 1
    exit: 1
    """A VM exit whatever the delegation; ``cause`` is the exit reason and ``tval`` its qualification."""


TrapPort = wiring.Signature({"valid": Out(1), "trap": Out(Trap), "vector": In(64), "exits": In(1)})
"""``vector`` (the handler's address) is combinational; state changes at the end of a cycle with ``valid``.
With ``exits`` the trap is a VM exit: it has no vector, and the VMX unit takes over in the next cycle."""

XretPort = wiring.Signature({"valid": Out(1), "machine": Out(1), "target": In(64)})
"""mret (``machine`` = 1) or sret (0) by a legal mode: ``target`` is combinational (xepc of the right level),
state changes at the end of a cycle with ``valid``."""


class InterruptLines(data.Struct):
    """Level-sensitive interrupt inputs of the hart."""

    msip: 1
    mtip: 1
    meip: 1
    seip: 1


class Events(data.Struct):
    """One bit per event per cycle: for Zihpm counters, the exit accounting and waves."""

    vm_exit: 1
    """A trap left V = 1 for HS or M; ``exit_*`` are valid."""
    vm_entry: 1
    """An xRET entered V = 1."""
    exit_interrupt: 1
    exit_cause: 7
    """The trap's; for an exit of Xvmx ``EXIT_OF_XVMX`` plus its reason, and ``exit_interrupt`` is 0."""
    exit_to_machine: 1
    vmid: VMID_BITS
    trap: 1
    interrupt: 1
    retire: 1
    retire_second: 1
    """A second instruction retired in this cycle."""
    itlb_miss: 1
    dtlb_miss: 1
    l2tlb_hit: 1
    walk_read: 1
    """The walker read a page-table entry of either stage."""
    walk_done: 1
    icache_miss: 1
    dcache_miss: 1
    branch: 1
    mispredict: 1
    load_use_stall: 1
    memory_stall: 1


class FetchTranslation(data.Struct):
    """A fetch address that was translated in this cycle."""

    valid: 1
    vaddr: 64
    paddr: PA_BITS
    mode: Mode


class RetireCompanion(data.Struct):
    """An arithmetic instruction that retired in the same cycle as the one that the record describes."""

    valid: 1
    older: 1
    """It comes before the other one in program order (which may have trapped), else behind it."""
    pc: 64
    instruction: 32
    rd: 5
    rd_data: 64


class Retire(data.Struct):
    """One instruction that retired or trapped, in program order (in the manner of RVFI).

    With ``trap`` the instruction did not retire; with ``interrupt`` too, it was not executed at all; with
    ``vm_exit`` the trap is a VM exit of Xvmx, ``cause`` its reason, and rd is x2, which the host finds.
    ``instruction`` is the raw encoding (a 16-bit one zero-extended). Memory fields: ``mem_data`` is the value
    loaded or stored, in the low bits; for AMOs the value written. ``mem_read``/``mem_write`` as performed.
    ``mem_paddr_last`` is an address in the page of the last byte. Registers that a CSR instruction, a trap or
    a return changed are seen beside it, in the ``state`` port of an observing build.
    """

    valid: 1
    trap: 1
    vm_exit: 1
    interrupt: 1
    cause: 6
    pc: 64
    instruction: 32
    mode: Mode
    """Mode in which the instruction executed (before the trap)."""
    rd_write: 1
    rd: 5
    rd_data: 64
    mem_read: 1
    mem_write: 1
    mem_size: 2
    mem_vaddr: 64
    mem_paddr: PA_BITS
    mem_paddr_last: PA_BITS
    mem_data: 64
    companion: RetireCompanion
