"""What the programmable counters count: values of the EVENT field of ``mhpmevent3`` to ``mhpmevent10``.

``mhpmevent<n>`` holds the event number in bits 4:0. Bits 62:58 stop the counter in M, HS, U, VS and VU mode,
in the layout that the specification's Sscofpmf gives MINH, SINH, UINH, VSINH and VUINH (there is no
overflow interrupt). So a counter of ``CYCLE`` with bits 62:60 set counts the cycles spent in guests.
"""

from enum import IntEnum

__all__ = ["EVENT_MASK", "EXIT_OF_XVMX", "HpmEvent", "ModeInhibit"]

EVENT_MASK = 0x1F
"""Bits of ``mhpmevent<n>`` that hold the event number."""


EXIT_OF_XVMX = 64
"""Added to the reason of an exit of Xvmx where exits are told apart from traps of the H extension."""


class HpmEvent(IntEnum):
    """Numbers of the events. Each happens at most once per cycle, but for RETIRE, which may happen twice."""

    NONE = 0
    CYCLE = 1
    RETIRE = 2
    TRAP = 3
    """Any trap, interrupts included."""
    INTERRUPT = 4
    VM_EXIT = 5
    """A trap from VS or VU to HS or M."""
    VM_ENTRY = 6
    """An xRET from V = 0 to V = 1."""
    VM_EXIT_INTERRUPT = 7
    VM_EXIT_ECALL = 8
    """An exit by ecall from VS."""
    VM_EXIT_GUEST_PAGE_FAULT = 9
    VM_EXIT_VIRTUAL_INSTRUCTION = 10
    ITLB_MISS = 11
    DTLB_MISS = 12
    L2TLB_HIT = 13
    WALK_READ = 14
    """A read of a page-table entry of either stage."""
    WALK_DONE = 15
    ICACHE_MISS = 16
    DCACHE_MISS = 17
    BRANCH = 18
    MISPREDICT = 19
    LOAD_USE_STALL = 20
    MEMORY_STALL = 21
    RETIRE_SECOND = 22
    """Two instructions retired in the same cycle."""


class ModeInhibit(IntEnum):
    """Bit numbers of ``mhpmevent<n>`` that stop the counter in one mode."""

    VU = 58
    VS = 59
    U = 60
    HS = 61
    M = 62
