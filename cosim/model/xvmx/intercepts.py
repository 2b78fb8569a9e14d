"""Which instructions and exceptions of the guest exit (docs/xvmx.md, sections 5 and 7).

The makers here stand before those of the plain architecture while ARCH is 2: in the guest they check the
controls, and then do the same.
"""

from typing import TYPE_CHECKING

from cosim.model.decode import Decoded
from cosim.model.exceptions import Trap, VmExit
from cosim.model.execute import MAKERS, Action, Maker
from cosim.model.system import SYSTEM_MAKERS
from rtl.isa.causes import Cause
from rtl.isa.csrs import CSRS
from rtl.isa.privilege import Privilege
from rtl.isa.xvmx import AbortCode, EptQualification, ExitReason, ProcControl

if TYPE_CHECKING:
    from cosim.model.hart import Hart

__all__ = ["INTERCEPTING_MAKERS", "exception_exit", "second_stage_exit"]

_U, _S, _M = int(Privilege.U), int(Privilege.S), int(Privilege.M)
_TW = CSRS["mstatus"].mask("TW")
_SATP, _TIME, _SSTATUS = (CSRS[name].number for name in ("satp", "time", "sstatus"))
_PAUSE = 0x0100_000F
_GUEST_PAGE_FAULTS = (
    Cause.FETCH_GUEST_PAGE_FAULT,
    Cause.LOAD_GUEST_PAGE_FAULT,
    Cause.STORE_GUEST_PAGE_FAULT,
)
_KINDS = (EptQualification.FETCH, EptQualification.READ, EptQualification.WRITE)
_ENTRY_SHIFT = 3


def _illegal(d: Decoded) -> Trap:
    return Trap(Cause.ILLEGAL_INSTRUCTION, d.bits)


# ---- Exceptions ----


def second_stage_exit(trap: Trap) -> VmExit:
    """The exit of a guest-page fault."""
    fault = trap.second_stage
    assert fault is not None
    if fault.misconfigured:
        return VmExit(ExitReason.EPT_MISCONFIG, physical=fault.gpa)
    kind = _KINDS[_GUEST_PAGE_FAULTS.index(Cause(trap.cause))]
    if fault.implicit:
        kind = EptQualification.WRITE if fault.write else EptQualification.READ
    qualification = kind | EptQualification.LINEAR_VALID | fault.permissions << _ENTRY_SHIFT
    if not fault.implicit:
        qualification |= EptQualification.FINAL_PAGE
    return VmExit(ExitReason.EPT_VIOLATION, int(qualification), linear=trap.tval, physical=fault.gpa)


def exception_exit(hart: "Hart", trap: Trap) -> VmExit | None:
    """The exit that an exception of the guest makes, None if M or the guest gets it."""
    if trap.cause in _GUEST_PAGE_FAULTS:
        return second_stage_exit(trap)
    if not hart.csrs.value["medeleg"] >> trap.cause & 1:
        return None
    if hart.vmx.vmcs.field["EXCEPTION_BITMAP"] >> trap.cause & 1:
        return VmExit(ExitReason.EXCEPTION, trap.cause, trap.tval)
    return None


# ---- Instructions ----


def _supervisor_maker(name: str, control: ProcControl, reason: ExitReason) -> Maker:
    """A supervisor instruction: illegal in U, then the control."""

    def make(hart: "Hart", d: Decoded) -> Action:
        plain = SYSTEM_MAKERS[name](hart, d)

        def act() -> None:
            if hart.virt:
                if hart.privilege == _U:
                    raise _illegal(d)
                if hart.vmx.proc(control):
                    raise VmExit(reason)
            plain()

        return act

    return make


def _fence_maker(name: str) -> Maker:
    """sfence.w.inval and sfence.inval.ir: illegal in U, no control."""
    return _supervisor_maker(name, ProcControl(0), ExitReason.SFENCE)


def _wfi(hart: "Hart", d: Decoded) -> Action:
    plain = SYSTEM_MAKERS["wfi"](hart, d)

    def act() -> None:
        if not hart.virt:
            plain()
            return
        if hart.privilege == _U or hart.csrs.value["mstatus"] & _TW:
            raise _illegal(d)
        if hart.vmx.proc(ProcControl.WFI):
            raise VmExit(ExitReason.WFI)
        hart.sleep()

    return act


def _ecall(hart: "Hart", d: Decoded) -> Action:
    plain = SYSTEM_MAKERS["ecall"](hart, d)

    def act() -> None:
        if hart.virt and hart.privilege == _S:
            raise VmExit(ExitReason.ECALL_S)
        plain()

    return act


def _fence(hart: "Hart", d: Decoded) -> Action:
    plain = MAKERS["fence"](hart, d)

    def pause() -> None:
        if hart.virt and hart.vmx.proc(ProcControl.PAUSE):
            raise VmExit(ExitReason.PAUSE)
        plain()

    return pause if d.word == _PAUSE else plain


# ---- CSR accesses ----


def _csr_maker(name: str) -> Maker:
    exchanges = name.startswith("csrrw")

    def make(hart: "Hart", d: Decoded) -> Action:
        plain = SYSTEM_MAKERS[name](hart, d)
        writes = exchanges or d.rs1 != 0
        reads = not exchanges or d.rd != 0

        def act() -> None:
            if hart.virt:
                hart.csrs.find(d.immediate, writes, d.bits)
                _check_controls(hart, d, reads, writes)
            plain()

        return act

    return make


def _check_controls(hart: "Hart", d: Decoded, reads: bool, writes: bool) -> None:
    """The exit of a legal CSR access, if it makes one."""
    vmx, number = hart.vmx, d.immediate
    register = d.rs1 if writes else d.rd
    if number == _SATP and (
        (writes and vmx.proc(ProcControl.SATPW)) or (reads and vmx.proc(ProcControl.SATPR))
    ):
        raise VmExit(ExitReason.SATP, int(writes) | register << 8)
    if number == _TIME and reads and vmx.proc(ProcControl.TIME):
        raise VmExit(ExitReason.TIME)
    if vmx.proc(ProcControl.CSRBM):
        address = vmx.vmcs.field["CSR_BITMAP"] + (number >> 2)
        bits = vmx.read_memory(address, 1, AbortCode.CSR_BITMAP) >> 2 * (number & 3)
        if (reads and bits & 1) or (writes and bits & 2):
            raise VmExit(ExitReason.CSR, number | int(writes) << 12 | register << 16)


INTERCEPTING_MAKERS: dict[str, Maker] = {
    "sret": _supervisor_maker("sret", ProcControl.SRET, ExitReason.SRET),
    "sfence.vma": _supervisor_maker("sfence.vma", ProcControl.SFENCE, ExitReason.SFENCE),
    "sinval.vma": _supervisor_maker("sinval.vma", ProcControl.SFENCE, ExitReason.SFENCE),
    "sfence.w.inval": _fence_maker("sfence.w.inval"),
    "sfence.inval.ir": _fence_maker("sfence.inval.ir"),
    "wfi": _wfi,
    "ecall": _ecall,
    "fence": _fence,
    **{name: _csr_maker(name) for name in SYSTEM_MAKERS if name.startswith("csrr")},
}
"""Makers by name, in place of those of the plain architecture while ARCH is 2."""
