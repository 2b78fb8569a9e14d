"""The thirteen instructions of Xvmx (docs/xvmx.md, section 3)."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from cosim.model.decode import Decoded
from cosim.model.exceptions import Trap, VmExit
from cosim.model.execute import Action, Maker
from cosim.model.xvmx.checks import eptp_is_valid, is_address
from rtl.isa.causes import Cause
from rtl.isa.paging import VMID_BITS
from rtl.isa.privilege import Privilege
from rtl.isa.xvmx import (
    FIELDS_BY_NUMBER,
    NO_VMCS,
    REVISION,
    VMCS_LAUNCH_OFFSET,
    AbortCode,
    ExitReason,
    Invept,
    Invvpid,
    ProcControl,
    VmError,
)

if TYPE_CHECKING:
    from cosim.model.hart import Hart

__all__ = ["VMX_MAKERS"]

_S = int(Privilege.S)
_EPTP_LIST_ENTRIES = 512
_INVVPID_FIELDS = 0xFFFF_0003
_PAGE = 4096
_TIMER_SLACK = 16

Operation = Callable[["Hart", int, int], int | None]
"""(hart, value of rs1, value of rs2) to the value for rd; None writes none."""


def _root_maker(operation: Operation, *, starts: bool = False) -> Maker:
    """An instruction of root S; ``starts``: also outside VMX operation."""

    def make(hart: "Hart", d: Decoded) -> Action:
        x, rd, rs1, rs2 = hart.x, d.rd, d.rs1, d.rs2

        def act() -> None:
            if hart.virt:
                raise VmExit(ExitReason.VMX_INSTR)
            if hart.privilege != _S or not (starts or hart.vmx.operating):
                raise Trap(Cause.ILLEGAL_INSTRUCTION, d.bits)
            result = operation(hart, x[rs1], x[rs2])
            if result is not None and rd:
                x[rd] = result

        return act

    return make


# ---- VMX operation and the current VMCS ----


def _vmxon(hart: "Hart", address: int, _: int) -> int:
    vmx = hart.vmx
    if vmx.operating:
        return vmx.fail(VmError.VMXON_IN_VMX)
    if not is_address(address, _PAGE) or vmx.revision(address) != REVISION:
        return NO_VMCS
    vmx.operating, vmx.vmxon_pointer, vmx.current = True, address, NO_VMCS
    return 0


def _vmxoff(hart: "Hart", *_: int) -> int:
    hart.vmx.operating, hart.vmx.current = False, NO_VMCS
    return 0


def _vmclear(hart: "Hart", address: int, _: int) -> int:
    vmx = hart.vmx
    if not is_address(address, _PAGE):
        return vmx.fail(VmError.VMCLEAR_ADDRESS)
    if address == vmx.vmxon_pointer:
        return vmx.fail(VmError.VMCLEAR_VMXON_POINTER)
    if address == vmx.current:
        vmx.launched = False
        vmx.write_back()
        vmx.current = NO_VMCS
    else:
        vmx.write_memory(address + VMCS_LAUNCH_OFFSET, 8, 0, AbortCode.WRITE_BACK)
    return 0


def _vmptrld(hart: "Hart", address: int, _: int) -> int:
    vmx = hart.vmx
    if not is_address(address, _PAGE):
        return vmx.fail(VmError.VMPTRLD_ADDRESS)
    if address == vmx.vmxon_pointer:
        return vmx.fail(VmError.VMPTRLD_VMXON_POINTER)
    if vmx.revision(address) != REVISION:
        return vmx.fail(VmError.VMPTRLD_REVISION)
    if address != vmx.current:
        if vmx.current != NO_VMCS:
            vmx.write_back()
        vmx.load(address)
    return 0


def _vmptrst(hart: "Hart", *_: int) -> int:
    return hart.vmx.current


def _vmread(hart: "Hart", number: int, _: int) -> int:
    vmx = hart.vmx
    field = FIELDS_BY_NUMBER.get(number)
    if vmx.current == NO_VMCS or field is None:
        return vmx.fail(VmError.UNKNOWN_FIELD)
    if field.name == "PREEMPT_TIMER":
        _take_timer(hart)
    return vmx.vmcs.read(field)


def _take_timer(hart: "Hart") -> None:
    """Lockstep: what an exit saved depends on the cycle."""
    field = hart.vmx.vmcs.field
    shown = hart.imposed.preempt_timer if hart.imposed is not None else None
    if shown is not None and abs(shown - field["PREEMPT_TIMER"]) <= _TIMER_SLACK:
        field["PREEMPT_TIMER"] = shown


def _vmwrite(hart: "Hart", number: int, value: int) -> int:
    vmx = hart.vmx
    field = FIELDS_BY_NUMBER.get(number)
    if vmx.current == NO_VMCS or field is None:
        return vmx.fail(VmError.UNKNOWN_FIELD)
    if field.read_only:
        return vmx.fail(VmError.READ_ONLY_FIELD)
    vmx.vmcs.write(field, value)
    return 0


def _vmlaunch(hart: "Hart", *_: int) -> int | None:
    return hart.vmx.try_entry(resume=False)


def _vmresume(hart: "Hart", *_: int) -> int | None:
    return hart.vmx.try_entry(resume=True)


# ---- Translations: the model forgets all of the guest's ----


def _invept(hart: "Hart", kind: int, eptp: int) -> int:
    if kind not in list(Invept) or (kind == Invept.CONTEXT and not eptp_is_valid(eptp)):
        return hart.vmx.fail(VmError.INVALIDATE_OPERAND)
    hart.forget_guest_translations()
    return 0


def _invvpid(hart: "Hart", operand: int, _: int) -> int:
    vpid = operand >> 16
    valid_vpid = operand & 3 == Invvpid.ALL or 0 < vpid < 1 << VMID_BITS
    if operand & ~_INVVPID_FIELDS or not valid_vpid:
        return hart.vmx.fail(VmError.INVALIDATE_OPERAND)
    hart.forget_guest_translations()
    return 0


# ---- In the guest ----


def _vmcall(hart: "Hart", d: Decoded) -> Action:
    def act() -> None:
        if hart.virt:
            raise VmExit(ExitReason.VMCALL)
        raise Trap(Cause.ILLEGAL_INSTRUCTION, d.bits)

    return act


def _vmfunc(hart: "Hart", d: Decoded) -> Action:
    x, rd, rs1, rs2 = hart.x, d.rd, d.rs1, d.rs2

    def act() -> None:
        vmx = hart.vmx
        if not hart.virt or not vmx.proc(ProcControl.VMFUNC):
            raise Trap(Cause.ILLEGAL_INSTRUCTION, d.bits)
        if x[rs1] or x[rs2] >= _EPTP_LIST_ENTRIES:
            raise VmExit(ExitReason.VMFUNC)
        eptp = vmx.read_memory(vmx.vmcs.field["EPTP_LIST"] + 8 * x[rs2], 8, AbortCode.EPTP_LIST)
        if not eptp_is_valid(eptp, vpid=vmx.proc(ProcControl.VPID)):
            raise VmExit(ExitReason.VMFUNC)
        vmx.vmcs.field["EPTP"] = eptp
        hart.forget_guest_translations()
        if rd:
            x[rd] = 0

    return act


VMX_MAKERS: dict[str, Maker] = {
    "vmxon": _root_maker(_vmxon, starts=True),
    "vmxoff": _root_maker(_vmxoff),
    "vmclear": _root_maker(_vmclear),
    "vmptrld": _root_maker(_vmptrld),
    "vmptrst": _root_maker(_vmptrst),
    "vmread": _root_maker(_vmread),
    "vmwrite": _root_maker(_vmwrite),
    "vmlaunch": _root_maker(_vmlaunch),
    "vmresume": _root_maker(_vmresume),
    "invept": _root_maker(_invept),
    "invvpid": _root_maker(_invvpid),
    "vmcall": _vmcall,
    "vmfunc": _vmfunc,
}
"""Makers of the instructions by name."""
