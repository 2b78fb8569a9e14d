"""The settings of a round of a torture program for Xvmx, and the registers that its fixed code has."""

from cosim.torture.layout import BUDGET, CELL, FETCH_CAUSES, LOOP
from rtl.isa.memory_map import DRAM_BASE

__all__ = [
    "FIELDS_OFFSET",
    "HOST_CODE",
    "H_CSRS",
    "LAST",
    "LEAVING",
    "LOWER",
    "MACHINE_CSRS",
    "NEXT",
    "OTHERS",
    "POINTER",
    "REGISTERS",
    "ROUND",
    "SAVE",
    "SERVICE",
    "SP",
    "TIMER",
    "VMXON_REGION",
    "VPIDS",
    "A",
    "B",
    "S",
    "T",
    "U",
    "V",
    "W",
]

MACHINE_CSRS = "mvirt medeleg mideleg mcounteren mie mip mstatus stimecmp scounteren satp".split()
"""Registers that M mode sets at the start of a round, in the order of its settings."""
H_CSRS = (
    "hedeleg hideleg hcounteren henvcfg hvip htimedelta hgatp vsatp vsstatus vstvec vsscratch vstimecmp "
    "hie vsie".split()
)
"""Registers that it sets in a round with ARCH = 1."""
REGISTERS = (1, *range(3, FETCH_CAUSES), LOOP, BUDGET)
"""Integer registers of a round."""
_FIRST_REGISTER = 8 * len(MACHINE_CSRS)
POINTER = _FIRST_REGISTER + 8 * len(REGISTERS)
"""Offset of the VMCS's address; then of the host's random code; then of the next round's settings."""
HOST_CODE = POINTER + 8
NEXT = POINTER + 16
TIMER = POINTER + 24
"""Offset of mtimecmp's distance."""
LEAVING = POINTER + 32
"""Offset of what M mode writes to mvirt when it gives up the round before this one."""
OTHERS = POINTER + 40
"""Offset of ``H_CSRS``, and behind them of ``LOWER``."""
LOWER = "hstatus sepc sstatus sp satp".split()
"""What root sets, in a round with another ARCH, before it returns to a lower mode: ``sp`` is x2."""
LAST = OTHERS + 8 * len(H_CSRS)
"""Offset of ``LOWER``."""
FIELDS_OFFSET = LAST + 8 * len(LOWER)
"""Offset of pairs of field and value, up to a negative one."""

VMXON_REGION = DRAM_BASE + 0xF2_0000
"""Behind it come the VMCSs and the other structures."""
VPIDS = (1, 2, 5)
"""In use: one for each second stage, one without."""

A, B, SERVICE, SP = 28, 29, 31, 2
S, T, U, V, W = 22, 23, 24, 25, 26
ROUND = 0x559
"""Value of x31 by which the host asks M mode for a round's settings."""
SAVE = CELL + 0x20
"""Where M mode saves what it uses."""
