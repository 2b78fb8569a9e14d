"""What a VM entry checks before it happens (docs/xvmx.md, section 6)."""

from cosim.model.xvmx.vmcs import Vmcs
from rtl.isa.causes import Interrupt
from rtl.isa.csrs import CSRS
from rtl.isa.paging import PA_BITS, AtpMode
from rtl.isa.privilege import Privilege
from rtl.isa.xvmx import (
    EVENT_EXCEPTIONS,
    EVENT_INTERRUPTS,
    EventBits,
    ExitControl,
    PinControl,
    ProcControl,
    VmError,
)

__all__ = ["entry_error", "eptp_is_valid", "guest_state_is_valid", "is_address"]

_SIE = CSRS["sstatus"].mask("SIE")
_ATP_MODES = (AtpMode.BARE, AtpMode.SV39)
_EPTP_FIXED_ZERO = 3 << 58 | 3
_VMID_MASK = CSRS["hgatp"].mask("VMID")
_MODE_SHIFT = CSRS["hgatp"].field("MODE").lo


def is_address(address: int, alignment: int) -> bool:
    """Whether ``address`` is physical and a multiple of ``alignment``."""
    return not address >> PA_BITS and not address % alignment


def eptp_is_valid(eptp: int, vpid: bool = False) -> bool:
    """The form of an EPTP: Sv39x4, a root of 16 KiB, and with ``vpid`` a VMID that is not 0."""
    formed = eptp >> _MODE_SHIFT == AtpMode.SV39 and not eptp & _EPTP_FIXED_ZERO
    return formed and (not vpid or bool(eptp & _VMID_MASK))


def entry_error(vmcs: Vmcs, nos2: bool) -> VmError | None:
    """The error of an entry with bad controls or host state."""
    if not (_controls_are_known(vmcs) and _controls_agree(vmcs, nos2) and _event_is_valid(vmcs)):
        return VmError.ENTRY_CONTROLS
    field = vmcs.field
    if field["H_PC"] & 1 or field["H_SATP"] >> 60 not in _ATP_MODES:
        return VmError.ENTRY_HOST_STATE
    return None


def _controls_are_known(vmcs: Vmcs) -> bool:
    field = vmcs.field
    return not (
        field["PIN_CTLS"] & ~sum(PinControl)
        or field["PROC_CTLS"] & ~sum(ProcControl)
        or field["EXIT_CTLS"] & ~sum(ExitControl)
        or field["ENTRY_CTLS"]
    )


def _controls_agree(vmcs: Vmcs, nos2: bool) -> bool:
    """Controls that need others, and the fields that controls make use of."""
    field = vmcs.field
    pin, proc, leaving = field["PIN_CTLS"], field["PROC_CTLS"], field["EXIT_CTLS"]
    if leaving & ExitControl.SAVE_PREEMPT and not pin & PinControl.PREEMPT:
        return False
    if pin & PinControl.POSTED:
        if not (pin & PinControl.EXTINT and leaving & ExitControl.ACK):
            return False
        if field["PI_VECTOR"] != Interrupt.SSI or not is_address(field["PI_DESC"], 64):
            return False
    if proc & ProcControl.CSRBM and not is_address(field["CSR_BITMAP"], 1024):
        return False
    if proc & ProcControl.EPT and (nos2 or not eptp_is_valid(field["EPTP"])):
        return False
    if proc & ProcControl.VPID and (nos2 or not field["EPTP"] & _VMID_MASK):
        return False
    if proc & ProcControl.VMFUNC:
        return bool(proc & ProcControl.EPT) and is_address(field["EPTP_LIST"], 4096)
    return True


def _event_is_valid(vmcs: Vmcs) -> bool:
    if not vmcs.event_valid:
        return True
    event = vmcs.field["ENTRY_EVENT"]
    code = event & EventBits.CAUSE
    allowed = EVENT_INTERRUPTS if event & EventBits.INTERRUPT else EVENT_EXCEPTIONS
    return code < 64 and bool(allowed >> code & 1)


def guest_state_is_valid(vmcs: Vmcs, sstatus: int, satp: int) -> bool:
    """Whether the guest can be entered; ``sstatus`` and ``satp`` are its registers."""
    field = vmcs.field
    if field["G_PC"] & 1 or field["G_PRIV"] not in (Privilege.U, Privilege.S):
        return False
    if satp >> 60 not in _ATP_MODES or field["G_ACTIVITY"] > 1 or field["G_INTERRUPTIBILITY"]:
        return False
    injects = vmcs.event_valid and field["ENTRY_EVENT"] & EventBits.INTERRUPT
    return not injects or field["G_PRIV"] == Privilege.U or bool(sstatus & _SIE)
