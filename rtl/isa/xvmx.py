"""Xvmx: fields, controls, exit reasons and formats of the VT-x-like extension (docs/xvmx.md)."""

from dataclasses import dataclass
from enum import IntEnum, IntFlag

from rtl.isa.causes import Cause, Interrupt

__all__ = [
    "ENTRY_FAILURE",
    "EVENT_EXCEPTIONS",
    "EVENT_INTERRUPTS",
    "FIELDS",
    "FIELDS_BY_NUMBER",
    "NO_VMCS",
    "PREEMPT_TIMER_BITS",
    "REVISION",
    "VMCS_ABORT_OFFSET",
    "VMCS_BYTES",
    "VMCS_LAUNCH_OFFSET",
    "VMCS_REVISION_OFFSET",
    "AbortCode",
    "Arch",
    "EptQualification",
    "EventBits",
    "ExitControl",
    "ExitReason",
    "Group",
    "Invept",
    "Invvpid",
    "PinControl",
    "PostedDescriptor",
    "ProcControl",
    "VmError",
    "VmcsField",
    "capabilities",
]


class Arch(IntEnum):
    """``mvirt.ARCH``: which virtualization architecture is visible. Writing the reserved 3 keeps the old."""

    NONE = 0
    H = 1
    XVMX = 2


REVISION = 0x564D_5801
"""Revision id: the low half of ``svmxcap`` and the first word of every VMXON region and VMCS."""

NO_VMCS = (1 << 64) - 1
"""The current-VMCS pointer without a current VMCS, and rd after VMfailInvalid."""


class PinControl(IntFlag):
    """Field PIN_CTLS."""

    EXTINT = 1 << 0
    PREEMPT = 1 << 1
    POSTED = 1 << 2


class ProcControl(IntFlag):
    """Field PROC_CTLS."""

    INTWIN = 1 << 0
    WFI = 1 << 1
    TIME = 1 << 2
    TIMEOFF = 1 << 3
    SATPW = 1 << 4
    SATPR = 1 << 5
    SFENCE = 1 << 6
    CSRBM = 1 << 7
    STEP = 1 << 8
    PAUSE = 1 << 9
    EPT = 1 << 10
    VPID = 1 << 11
    VMFUNC = 1 << 12
    SRET = 1 << 13


class ExitControl(IntFlag):
    """Field EXIT_CTLS."""

    ACK = 1 << 0
    SAVE_PREEMPT = 1 << 1


def capabilities(nos2: bool = False) -> int:
    """Value of ``svmxcap``: the revision in 31:0, then the controls that may be 1: PROC_CTLS from bit 32,
    PIN_CTLS from bit 48, EXIT_CTLS from bit 52. ``mvirt.NOS2`` takes away what needs EPTP."""
    proc = sum(ProcControl)
    if nos2:
        proc &= ~(ProcControl.EPT | ProcControl.VPID | ProcControl.VMFUNC)
    return REVISION | proc << 32 | sum(PinControl) << 48 | sum(ExitControl) << 52


class Group(IntEnum):
    """The four groups of VMCS fields: the number of a group's first field."""

    CONTROLS = 0x000
    READ_ONLY = 0x100
    GUEST = 0x200
    HOST = 0x300


@dataclass(frozen=True)
class VmcsField:
    """A field of the VMCS.

    Attributes
    ----------
    name: the specification's name
    number: what vmread and vmwrite call it
    group: controls, read-only, guest or host
    offset: byte offset of its 64 bits in the VMCS's memory, while it is not on chip
    register: supervisor register that it stands for: the field is WARL as a write of that register by a
        CSR instruction is (satp excepted: its MODE is kept and checked at entry), None if it holds 64 bits
    mask: bits that it holds if it stands for no register; the others read 0
    """

    name: str
    number: int
    group: Group
    offset: int
    register: str | None = None
    mask: int = NO_VMCS

    @property
    def read_only(self) -> bool:
        """Whether vmwrite refuses it."""
        return self.group == Group.READ_ONLY


PREEMPT_TIMER_BITS = 32
"""The preemption timer is as wide as VT-x's."""

EVENT_INTERRUPTS = (1 << Interrupt.SSI) | (1 << Interrupt.STI) | (1 << Interrupt.SEI)
"""Interrupts that ENTRY_EVENT may inject, by code; the bits of VIRQ."""

_MASKS = {"PREEMPT_TIMER": (1 << PREEMPT_TIMER_BITS) - 1, "VIRQ": EVENT_INTERRUPTS}

_NAMES = {
    Group.CONTROLS: "PIN_CTLS PROC_CTLS EXIT_CTLS ENTRY_CTLS EXCEPTION_BITMAP CSR_BITMAP TIME_OFFSET EPTP "
    "PREEMPT_TIMER ENTRY_EVENT ENTRY_TVAL EPTP_LIST PI_DESC PI_VECTOR VIRQ",
    Group.READ_ONLY: "INSTR_ERROR EXIT_REASON EXIT_QUAL EXIT_TVAL GUEST_LINEAR GUEST_PHYS EXIT_INSTR "
    "EXIT_INSTR_LEN IDT_EVENT",
    Group.GUEST: "G_PC G_SP G_PRIV G_SSTATUS G_SIE G_STVEC G_SSCRATCH G_SEPC G_SCAUSE G_STVAL G_SATP "
    "G_SCOUNTEREN G_SENVCFG G_STIMECMP G_ACTIVITY G_INTERRUPTIBILITY G_EIP0 G_EIP1 G_EIP2 G_EIP3",
    Group.HOST: "H_PC H_SP H_SSTATUS H_SIE H_STVEC H_SSCRATCH H_SATP H_SCOUNTEREN H_SENVCFG H_STIMECMP",
}
_REGISTERS = set("sstatus sie stvec sscratch sepc scause stval satp scounteren senvcfg stimecmp".split())

VMCS_REVISION_OFFSET = 0
"""Revision id, 4 bytes."""
VMCS_ABORT_OFFSET = 4
"""Abort indicator, 4 bytes: an ``AbortCode``, 0 if there was none."""
VMCS_LAUNCH_OFFSET = 8
"""8 bytes; bit 0 is the launch state (0 clear, 1 launched), the others are written 0 and not looked at."""
_FIRST_FIELD_OFFSET = 16


def _fields() -> dict[str, VmcsField]:
    fields: dict[str, VmcsField] = {}
    for group, names in _NAMES.items():
        for index, name in enumerate(names.split()):
            offset = _FIRST_FIELD_OFFSET + 8 * len(fields)
            register = name[2:].lower() if name[:2] in ("G_", "H_") else ""
            fields[name] = VmcsField(
                name,
                group + index,
                group,
                offset,
                register if register in _REGISTERS else None,
                _MASKS.get(name, NO_VMCS),
            )
    return fields


FIELDS: dict[str, VmcsField] = _fields()
"""Every field by name, in the order of memory: one after the other, in the order of numbers."""

FIELDS_BY_NUMBER: dict[int, VmcsField] = {field.number: field for field in FIELDS.values()}

VMCS_BYTES = _FIRST_FIELD_OFFSET + 8 * len(FIELDS)
"""Bytes of a VMCS's region that hold anything: whole cache lines of 64 bytes."""


class ExitReason(IntEnum):
    """Field EXIT_REASON."""

    EXCEPTION = 0
    EXTINT = 1
    INTWIN = 7
    WFI = 12
    TIME = 16
    VMCALL = 18
    ECALL_S = 19
    SFENCE = 20
    SRET = 21
    VMX_INSTR = 27
    SATP = 28
    CSR = 31
    ENTRY_FAIL = 33
    STEP = 37
    PAUSE = 40
    EPT_VIOLATION = 48
    EPT_MISCONFIG = 49
    PREEMPT = 52
    VMFUNC = 59


ENTRY_FAILURE = 1 << 31
"""Set in EXIT_REASON beside ENTRY_FAIL."""


class EptQualification(IntFlag):
    """EXIT_QUAL of EPT_VIOLATION."""

    READ = 1 << 0
    WRITE = 1 << 1
    FETCH = 1 << 2
    ENTRY_R = 1 << 3
    ENTRY_W = 1 << 4
    ENTRY_X = 1 << 5
    LINEAR_VALID = 1 << 7
    FINAL_PAGE = 1 << 8


class VmError(IntEnum):
    """Error numbers: rd and INSTR_ERROR after VMfailValid."""

    VMCALL_IN_ROOT = 1
    """Reserved: vmcall in root is an illegal instruction."""
    VMCLEAR_ADDRESS = 2
    VMCLEAR_VMXON_POINTER = 3
    VMLAUNCH_NOT_CLEAR = 4
    VMRESUME_NOT_LAUNCHED = 5
    ENTRY_CONTROLS = 7
    ENTRY_HOST_STATE = 8
    VMPTRLD_ADDRESS = 9
    VMPTRLD_VMXON_POINTER = 10
    VMPTRLD_REVISION = 11
    UNKNOWN_FIELD = 12
    READ_ONLY_FIELD = 13
    VMXON_IN_VMX = 15
    INVALIDATE_OPERAND = 28


class AbortCode(IntEnum):
    """Abort indicator: what hardware was doing when memory failed."""

    WRITE_BACK = 1
    LOAD = 2
    CSR_BITMAP = 3
    EPTP_LIST = 4
    PI_DESC = 5


class EventBits:
    """ENTRY_EVENT and IDT_EVENT."""

    VALID = 1 << 63
    INTERRUPT = 1 << 62
    CAUSE = (1 << 62) - 1


EVENT_EXCEPTIONS = sum(
    1 << cause
    for cause in (
        *range(Cause.ECALL_HS + 1),
        Cause.FETCH_PAGE_FAULT,
        Cause.LOAD_PAGE_FAULT,
        Cause.STORE_PAGE_FAULT,
    )
)
"""Exceptions that ENTRY_EVENT may inject, by cause."""


class PostedDescriptor:
    """The posted-interrupt descriptor: byte offsets and bits."""

    BYTES = 64
    PIR = 0
    PIR_WORDS = 4
    """64-bit words of PIR."""
    CONTROL = 32
    ON = 1 << 0
    SN = 1 << 1
    NOTIFICATION = 36


class Invept(IntEnum):
    """rs1 of ``invept``."""

    CONTEXT = 1
    ALL = 2


class Invvpid(IntEnum):
    """rs1[1:0] of ``invvpid``; rs1[31:16] is the VPID, the other bits must be 0."""

    ADDRESS = 0
    CONTEXT = 1
    ALL = 2
    CONTEXT_KEEP_GLOBALS = 3
