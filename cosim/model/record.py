"""What one step of the model did, and what lockstep may impose on it."""

from dataclasses import dataclass, field

__all__ = ["Imposed", "MemoryAccess", "Record"]


@dataclass(slots=True)
class MemoryAccess:
    """One explicit access, or one part of a page-crossing one. ``data`` is what was read or written."""

    store: bool
    va: int
    pa: int
    size: int
    data: int


@dataclass(slots=True)
class Record:
    """One retired instruction, or one trap.

    Attributes
    ----------
    pc: address of the instruction, or for an interrupt of the one that it preceded
    bits, size: the instruction as it stands in memory (0, 0 if it was not fetched) and its bytes
    privilege, virt: mode in which it ran
    next_pc: address of what follows: the handler after a trap
    rd, rd_value: integer register written, 0 for none
    csr_writes: (name, value afterwards) of the registers written by the instruction itself
    memory: explicit accesses in order
    trap: cause with its interrupt bit, None if the instruction retired
    vm_exit: Xvmx: ``trap`` is the reason of a VM exit
    tval, tval2, tinst: what the trap reported
    """

    pc: int
    privilege: int
    virt: int
    bits: int = 0
    size: int = 0
    next_pc: int = 0
    rd: int = 0
    rd_value: int = 0
    csr_writes: list[tuple[str, int]] = field(default_factory=list)
    memory: list[MemoryAccess] = field(default_factory=list)
    trap: int | None = None
    vm_exit: bool = False
    tval: int = 0
    tval2: int = 0
    tinst: int = 0


@dataclass(slots=True)
class Imposed:
    """What is not deterministic, taken from the machine that the model is compared with.

    Attributes
    ----------
    interrupt: code of the interrupt to take before the instruction, None to take none
    boundary_exit: Xvmx: reason of the exit before the instruction (EXTINT, PREEMPT), None for none
    posted: Xvmx: a notification was taken before that
    time: value of mtime
    lines: mip bits that devices drive (MSIP, MTIP, SEIP, MEIP)
    csr: value by number that a CSR instruction reads (counters, pending bits)
    loads: values that successive reads of devices return
    preempt_timer: Xvmx: what vmread of PREEMPT_TIMER finds, if that is near enough
    sc_fails: whether a store-conditional fails though the model holds a reservation
    """

    interrupt: int | None = None
    boundary_exit: int | None = None
    posted: bool = False
    time: int | None = None
    lines: int | None = None
    csr: dict[int, int] = field(default_factory=dict)
    loads: list[int] = field(default_factory=list)
    preempt_timer: int | None = None
    sc_fails: bool = False
