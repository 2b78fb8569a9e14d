"""Trap causes (Privileged spec, tables "mcause values" and H-extension "scause/vscause values")."""

from enum import IntEnum

__all__ = [
    "GUEST_PAGE_FAULTS",
    "INTERRUPT_BIT",
    "INTERRUPT_PRIORITY",
    "NEVER_RAISED",
    "VS_INTERRUPTS",
    "Cause",
    "Interrupt",
    "cause_name",
]

INTERRUPT_BIT = 1 << 63
"""Bit of ``xcause`` that tells an interrupt from an exception."""


class Cause(IntEnum):
    """Synchronous exception codes."""

    FETCH_MISALIGNED = 0
    FETCH_ACCESS = 1
    ILLEGAL_INSTRUCTION = 2
    BREAKPOINT = 3
    LOAD_MISALIGNED = 4
    LOAD_ACCESS = 5
    STORE_MISALIGNED = 6
    STORE_ACCESS = 7
    ECALL_U = 8
    ECALL_HS = 9
    ECALL_VS = 10
    ECALL_M = 11
    FETCH_PAGE_FAULT = 12
    LOAD_PAGE_FAULT = 13
    STORE_PAGE_FAULT = 15
    FETCH_GUEST_PAGE_FAULT = 20
    LOAD_GUEST_PAGE_FAULT = 21
    VIRTUAL_INSTRUCTION = 22
    STORE_GUEST_PAGE_FAULT = 23
    VMX_ABORT = 24
    """Custom (xvmx.md section 8): a fault while hardware read or wrote a VMCS."""


NEVER_RAISED = (18, 19)
"""Software check and hardware error: nothing here raises them, but they can be delegated."""

GUEST_PAGE_FAULTS = (
    Cause.FETCH_GUEST_PAGE_FAULT,
    Cause.LOAD_GUEST_PAGE_FAULT,
    Cause.STORE_GUEST_PAGE_FAULT,
)
"""Refused by the second stage."""


class Interrupt(IntEnum):
    """Interrupt codes: the bit numbers of ``mip``/``mie``."""

    SSI = 1
    VSSI = 2
    MSI = 3
    STI = 5
    VSTI = 6
    MTI = 7
    SEI = 9
    VSEI = 10
    MEI = 11
    SGEI = 12


VS_INTERRUPTS = (1 << Interrupt.VSSI) | (1 << Interrupt.VSTI) | (1 << Interrupt.VSEI)
"""The VS-level interrupt bits of ``mip``, ``hip``, ``hvip``, ``hideleg``."""

INTERRUPT_PRIORITY = (
    Interrupt.MEI,
    Interrupt.MSI,
    Interrupt.MTI,
    Interrupt.SEI,
    Interrupt.SSI,
    Interrupt.STI,
    Interrupt.SGEI,
    Interrupt.VSEI,
    Interrupt.VSSI,
    Interrupt.VSTI,
)
"""Highest first, among interrupts destined for the same privilege mode (H chapter, "hvip, hip, hie")."""


def cause_name(xcause: int) -> str:
    """Name of the value of an ``xcause`` register, for reports and waves."""
    code = xcause & ~INTERRUPT_BIT
    try:
        return Interrupt(code).name if xcause & INTERRUPT_BIT else Cause(code).name
    except ValueError:
        return f"{'interrupt' if xcause & INTERRUPT_BIT else 'exception'} {code}"
