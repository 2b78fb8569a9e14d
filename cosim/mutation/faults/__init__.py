"""The table of faults."""

from cosim.mutation.fault import Fault
from cosim.mutation.faults.bus import BUS_FAULTS
from cosim.mutation.faults.mmu import MMU_FAULTS
from cosim.mutation.faults.pmp import PMP_FAULTS
from cosim.mutation.faults.traps import TRAP_FAULTS
from cosim.mutation.faults.vmx_entry import VMX_ENTRY_FAULTS
from cosim.mutation.faults.vmx_exit import VMX_EXIT_FAULTS
from cosim.mutation.faults.vmx_state import VMX_STATE_FAULTS

__all__ = ["FAULTS", "fault"]

FAULTS: tuple[Fault, ...] = (
    *MMU_FAULTS,
    *PMP_FAULTS,
    *TRAP_FAULTS,
    *BUS_FAULTS,
    *VMX_ENTRY_FAULTS,
    *VMX_EXIT_FAULTS,
    *VMX_STATE_FAULTS,
)


def fault(name: str) -> Fault:
    """The fault of that name."""
    return next(one for one in FAULTS if one.name == name)
