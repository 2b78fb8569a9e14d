"""SBI 2.0 numbers: extensions, functions, error codes (RISC-V SBI specification, chapters 3 to 12).

A caller puts the extension in a7, the function in a6, arguments in a0-a5; the answer is an error in a0
and a value in a1. The legacy extensions (chapter 5) have no function and answer in a0 alone.
"""

from enum import IntEnum

__all__ = [
    "IMPLEMENTATION_ID",
    "IMPLEMENTATION_VERSION",
    "SPEC_VERSION",
    "Base",
    "Dbcn",
    "Error",
    "Extension",
    "HartState",
    "Hsm",
    "Ipi",
    "Legacy",
    "ResetReason",
    "ResetType",
    "Rfence",
    "Srst",
    "Time",
]

SPEC_VERSION = 2 << 24
"""Answer of get_spec_version: major in bits 30:24, minor below."""
IMPLEMENTATION_ID = 0x4256
"""Answer of get_impl_id; the registered numbers are small, this one ("BV") is ours."""
IMPLEMENTATION_VERSION = 1


class Error(IntEnum):
    """Error codes as signed numbers; `u64(Error.X)` wraps to what stands in a0."""

    SUCCESS = 0
    FAILED = -1
    NOT_SUPPORTED = -2
    INVALID_PARAM = -3
    DENIED = -4
    INVALID_ADDRESS = -5
    ALREADY_AVAILABLE = -6
    ALREADY_STARTED = -7
    ALREADY_STOPPED = -8


class Extension(IntEnum):
    """Extension numbers (a7)."""

    BASE = 0x10
    TIME = 0x54494D45
    IPI = 0x735049
    RFENCE = 0x52464E43
    HSM = 0x48534D
    SRST = 0x53525354
    DBCN = 0x4442434E


class Legacy(IntEnum):
    """Legacy extensions: one function each."""

    SET_TIMER = 0
    PUTCHAR = 1
    GETCHAR = 2
    CLEAR_IPI = 3
    SEND_IPI = 4
    REMOTE_FENCE_I = 5
    REMOTE_SFENCE_VMA = 6
    REMOTE_SFENCE_VMA_ASID = 7
    SHUTDOWN = 8


class Base(IntEnum):
    """Functions of BASE."""

    GET_SPEC_VERSION = 0
    GET_IMPL_ID = 1
    GET_IMPL_VERSION = 2
    PROBE_EXTENSION = 3
    GET_MVENDORID = 4
    GET_MARCHID = 5
    GET_MIMPID = 6


class Time(IntEnum):
    """Functions of TIME."""

    SET_TIMER = 0


class Ipi(IntEnum):
    """Functions of IPI."""

    SEND_IPI = 0


class Rfence(IntEnum):
    """Functions of RFENCE."""

    FENCE_I = 0
    SFENCE_VMA = 1
    SFENCE_VMA_ASID = 2
    HFENCE_GVMA_VMID = 3
    HFENCE_GVMA = 4
    HFENCE_VVMA_ASID = 5
    HFENCE_VVMA = 6


class Hsm(IntEnum):
    """Functions of HSM."""

    HART_START = 0
    HART_STOP = 1
    HART_GET_STATUS = 2
    HART_SUSPEND = 3


class HartState(IntEnum):
    """Answers of hart_get_status."""

    STARTED = 0
    STOPPED = 1


class Srst(IntEnum):
    """Functions of SRST."""

    SYSTEM_RESET = 0


class ResetType(IntEnum):
    """First argument of system_reset."""

    SHUTDOWN = 0
    COLD_REBOOT = 1
    WARM_REBOOT = 2


class ResetReason(IntEnum):
    """Second argument of system_reset."""

    NONE = 0
    SYSTEM_FAILURE = 1


class Dbcn(IntEnum):
    """Functions of DBCN."""

    WRITE = 0
    READ = 1
    WRITE_BYTE = 2
