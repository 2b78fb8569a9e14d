"""Bins of Xvmx (docs/xvmx.md): exits, VMX instructions with all their results, entries."""

from collections.abc import Callable, Iterator

from cosim.coverage.group import MODES, Group, cross
from cosim.model.hart import Hart
from cosim.model.record import Record
from rtl.isa.causes import INTERRUPT_BIT, Cause, Interrupt
from rtl.isa.instructions import INSTRUCTIONS, find
from rtl.isa.privilege import mode_name
from rtl.isa.xvmx import (
    EVENT_EXCEPTIONS,
    EVENT_INTERRUPTS,
    NO_VMCS,
    EptQualification,
    EventBits,
    ExitControl,
    ExitReason,
    PinControl,
    ProcControl,
    VmError,
)

__all__ = ["XvmxCounter", "xvmx_groups"]

_S, _U = "VS", "VU"
_BOTH = (_S, _U)
_EXCEPTIONS = [cause.name for cause in Cause if EVENT_EXCEPTIONS >> cause & 1 and cause != Cause.ECALL_HS]
_NEVER = {Cause.FETCH_MISALIGNED.name: "with C no fetch is misaligned"}
_KINDS = ["read", "write", "fetch"]
"""Bits 0 to 2 of an EPT violation's qualification."""
_VIOLATIONS = [f"{kind} final" for kind in _KINDS] + ["read table", "write table"]
_PHYSICAL = [Interrupt(n).name for n in range(16) if EVENT_INTERRUPTS >> n & 1]

_EXITS: dict[ExitReason, tuple[list[str], tuple[str, ...]]] = {
    ExitReason.EXCEPTION: ([name for name in _EXCEPTIONS if name not in _NEVER], _BOTH),
    ExitReason.EXTINT: (["no ack", *(f"ack {name}" for name in _PHYSICAL)], _BOTH),
    ExitReason.INTWIN: ([""], _BOTH),
    ExitReason.WFI: ([""], (_S,)),
    ExitReason.TIME: ([""], _BOTH),
    ExitReason.VMCALL: ([""], _BOTH),
    ExitReason.ECALL_S: ([""], (_S,)),
    ExitReason.SFENCE: (["sfence.vma", "sinval.vma"], (_S,)),
    ExitReason.SRET: ([""], (_S,)),
    ExitReason.VMX_INSTR: ([""], _BOTH),
    ExitReason.SATP: (["read", "write"], (_S,)),
    ExitReason.CSR: (["read", "write"], _BOTH),
    ExitReason.ENTRY_FAIL: ([""], ("HS",)),
    ExitReason.STEP: ([""], _BOTH),
    ExitReason.PAUSE: ([""], _BOTH),
    ExitReason.EPT_VIOLATION: (_VIOLATIONS, _BOTH),
    ExitReason.EPT_MISCONFIG: ([""], _BOTH),
    ExitReason.PREEMPT: ([""], _BOTH),
    ExitReason.VMFUNC: ([""], _BOTH),
}
"""Reason -> details that there are, and the modes that can exit for it. CSR writes from U need mvirt.HOLE."""

_FIRST_STAGES = ("bare", "Sv39")
_WORDS = {"PIN_CTLS": PinControl, "PROC_CTLS": ProcControl, "EXIT_CTLS": ExitControl}
"""Fields with controls."""
_BEFORE_WINDOW = [reason.name for reason in (ExitReason.STEP, ExitReason.PREEMPT, ExitReason.INTWIN)]
"""What may come before INTWIN, or is it."""
_CONTROLS = [str(control.name) for word in _WORDS.values() for control in word]

_NAMES = [name for name, i in INSTRUCTIONS.items() if i.extension == "Xvmx"]
_ERRORS: dict[str, tuple[VmError, ...]] = {
    "vmxon": (VmError.VMXON_IN_VMX,),
    "vmclear": (VmError.VMCLEAR_ADDRESS, VmError.VMCLEAR_VMXON_POINTER),
    "vmptrld": (VmError.VMPTRLD_ADDRESS, VmError.VMPTRLD_VMXON_POINTER, VmError.VMPTRLD_REVISION),
    "vmread": (VmError.UNKNOWN_FIELD,),
    "vmwrite": (VmError.UNKNOWN_FIELD, VmError.READ_ONLY_FIELD),
    "vmlaunch": (VmError.VMLAUNCH_NOT_CLEAR, VmError.ENTRY_CONTROLS, VmError.ENTRY_HOST_STATE),
    "vmresume": (VmError.VMRESUME_NOT_LAUNCHED, VmError.ENTRY_CONTROLS, VmError.ENTRY_HOST_STATE),
    "invept": (VmError.INVALIDATE_OPERAND,),
    "invvpid": (VmError.INVALIDATE_OPERAND,),
}
_NEVER_INVALID = ("vmxoff", "vmptrst", "vmcall", "vmfunc")
_ABORTS = ("vmxon", "vmclear", "vmptrld")
_RESULTS = ["done", "invalid", "illegal", "exit", "abort", *(error.name for error in VmError)]


def _results(name: str, mode: str) -> set[str]:
    """What an instruction can end with in a mode."""
    if mode in _BOTH:
        return {"done", "exit", "illegal", "abort"} if name == "vmfunc" else {"exit"}
    if mode != "HS" or name in ("vmcall", "vmfunc"):
        return {"illegal"}
    found = {"done", "illegal", *(error.name for error in _ERRORS.get(name, ()))}
    if name not in _NEVER_INVALID:
        found.add("invalid")
    if name in _ABORTS:
        found.add("abort")
    if name in ("vmlaunch", "vmresume"):
        found.add("exit")
    return found - ({"illegal"} if name == "vmxon" else set())


def _exit_group() -> Group:
    details = sorted({detail for found, _ in _EXITS.values() for detail in found})

    def impossible(reason: str, detail: str, mode: str) -> str | None:
        found, modes = _EXITS[ExitReason[reason]]
        if detail not in found:
            return "a detail of another reason"
        if mode not in modes:
            return "docs/xvmx.md, section 5: from this mode it is illegal, or another exception"
        if detail == Cause.ECALL_U.name and mode != _U:
            return "ecall from S always exits"
        return None

    axes = {"reason": [reason.name for reason in _EXITS], "detail": details, "mode": MODES}
    return cross("vm_exits", "Xvmx: exit reason, detail, mode", axes, impossible)


def _instruction_group() -> Group:
    def impossible(name: str, mode: str, result: str) -> str | None:
        return None if result in _results(name, mode) else "docs/xvmx.md, section 3"

    axes = {"instruction": _NAMES, "mode": MODES, "result": _RESULTS}
    return cross("vmx_instructions", "Xvmx: instruction, mode, result", axes, impossible)


def _entry_group() -> Group:
    def impossible(name: str, mode: str, event: str) -> str | None:
        return "an injected event leads to S" if mode == _U and event in ("exception", "interrupt") else None

    axes = {
        "instruction": ("vmlaunch", "vmresume"),
        "mode": _BOTH,
        "event": ("none", "waits", "exception", "interrupt"),
    }
    return cross("vm_entries", "Xvmx: entry, mode, event", axes, impossible)


def _transition_group() -> Group:
    axes = {
        "transition": ("entry", "exit"),
        "host": _FIRST_STAGES,
        "guest": _FIRST_STAGES,
        "second stage": ("EPT", "none"),
        "VPID": ("tagged", "untagged"),
    }
    title = "Xvmx: entry or exit, first stages of host and guest, second stage, VPID"
    return cross("vm_translations", title, axes, lambda *_: None)


def _control_group() -> Group:
    """Which controls were on at an exit, whether or not they have to do with it."""

    def impossible(reason: str, mode: str, control: str) -> str | None:
        if mode not in _EXITS[ExitReason[reason]][1]:
            return "docs/xvmx.md, section 5: from this mode it is illegal, or another exception"
        if (mode, control) == (_U, ProcControl.INTWIN.name) and reason not in _BEFORE_WINDOW:
            return "docs/xvmx.md, section 5: in U the window is always open, so INTWIN exits first"
        return None

    axes = {"reason": [reason.name for reason in _EXITS], "mode": MODES, "control": _CONTROLS}
    return cross("vm_exit_controls", "Xvmx: exit reason, mode, control that is on", axes, impossible)


def xvmx_groups() -> list[Group]:
    """All groups of Xvmx."""
    return [_exit_group(), _control_group(), _instruction_group(), _entry_group(), _transition_group()]


class XvmxCounter:
    """Counts what ``hart`` does while ARCH is 2, through ``count(group, *values)``."""

    def __init__(self, hart: Hart, count: Callable[..., None]) -> None:
        self._hart = hart
        self._count = count
        self._event, self._waits, self._host = 0, 0, 0

    def before(self) -> None:
        """The hart is about to do a step."""
        field = self._hart.vmx.vmcs.field
        self._host = self._hart.csrs.value["satp"]
        self._event, self._waits = field["ENTRY_EVENT"], field["G_ACTIVITY"]

    def after(self, record: Record) -> None:
        """It has done ``record``."""
        mode = mode_name(record.privilege, record.virt)
        if record.vm_exit:
            assert record.trap is not None
            self._count("vm_exits", ExitReason(record.trap).name, self._detail(record), mode)
            for control in self._controls():
                self._count("vm_exit_controls", ExitReason(record.trap).name, mode, control)
            if record.trap != ExitReason.ENTRY_FAIL:
                self._transition("exit", self._hart.csrs.value["satp"])
        instruction = find(record.bits) if record.bits & 0x7F == 0x7B else None
        if instruction is not None and not (record.trap is not None and record.trap & INTERRUPT_BIT):
            self._instruction(instruction.name, mode, record)

    def _detail(self, record: Record) -> str:
        qualification = self._hart.vmx.vmcs.field["EXIT_QUAL"]
        match record.trap:
            case ExitReason.EXCEPTION:
                return Cause(qualification).name
            case ExitReason.EXTINT:
                code = qualification & 63
                return f"ack {Interrupt(code).name}" if qualification & EventBits.VALID else "no ack"
            case ExitReason.SFENCE:
                found = find(record.bits)
                return found.name if found else ""
            case ExitReason.SATP:
                return "write" if qualification & 1 else "read"
            case ExitReason.CSR:
                return "write" if qualification >> 12 & 1 else "read"
            case ExitReason.EPT_VIOLATION:
                place = "final" if qualification & EptQualification.FINAL_PAGE else "table"
                return f"{_KINDS[(qualification & 7).bit_length() - 1]} {place}"
        return ""

    def _instruction(self, name: str, mode: str, record: Record) -> None:
        if record.trap is None:
            result = self._result(name, record)
        elif record.vm_exit:
            result = "exit"
        else:
            result = "abort" if record.trap == Cause.VMX_ABORT else "illegal"
        self._count("vmx_instructions", name, mode, result)
        if name in ("vmlaunch", "vmresume") and result == "done":
            kind = "interrupt" if self._event & EventBits.INTERRUPT else "exception"
            kind = kind if self._event & EventBits.VALID else "waits" if self._waits else "none"
            self._count("vm_entries", name, mode_name(self._hart.privilege, 1), kind)
            self._transition("entry", self._host)

    def _controls(self) -> Iterator[str]:
        """Those that are on."""
        field = self._hart.vmx.vmcs.field
        for name, word in _WORDS.items():
            yield from (str(control.name) for control in word if field[name] & control)

    def _transition(self, which: str, host: int) -> None:
        vmx = self._hart.vmx
        second = "EPT" if vmx.proc(ProcControl.EPT) else "none"
        tagged = "tagged" if vmx.proc(ProcControl.VPID) else "untagged"
        guest = self._hart.csrs.value["vsatp"]
        stages = (_FIRST_STAGES[bool(root)] for root in (host, guest))
        self._count("vm_translations", which, *stages, second, tagged)

    def _result(self, name: str, record: Record) -> str:
        """From rd; without one there is nothing to tell."""
        vmx = self._hart.vmx
        if name == "vmread" and vmx.current != NO_VMCS:
            unknown = record.rd_value == VmError.UNKNOWN_FIELD == vmx.vmcs.field["INSTR_ERROR"]
            return VmError.UNKNOWN_FIELD.name if unknown else "done"
        entered = name in ("vmlaunch", "vmresume") and self._hart.virt
        if name in ("vmptrst", "vmxoff", "vmfunc") or entered or not record.rd:
            return "done"
        if record.rd_value == NO_VMCS:
            return "invalid"
        return VmError(record.rd_value).name if record.rd_value else "done"
