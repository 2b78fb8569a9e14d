"""SBI of guests under CPython: answers, errors, and what each call does to the machine."""

import pytest

from firmware.hypervisor.exits import exit_fast, exit_slow
from firmware.hypervisor.outcome import RESCHEDULE, RESUME
from firmware.hypervisor.vm import ENDED, WAITING
from firmware.sbi import (
    SPEC_VERSION,
    Base,
    Dbcn,
    Error,
    Extension,
    Hsm,
    Ipi,
    Legacy,
    ResetReason,
    ResetType,
    Rfence,
    Srst,
    Time,
)
from rtl.isa.causes import Cause, Interrupt

from .world import BACKING, RAM, PowerOff, World, world

PC = 0x8000_1000
SSIP = 1 << Interrupt.VSSI
ALL = (1 << 64) - 1


def call(w: World, extension: int, function: int, *arguments: int, outcome: int = RESUME) -> tuple[int, int]:
    """An ecall of VM 0: error (signed) and value."""
    v = w.vcpu(0)
    for number, value in enumerate((*arguments, *[0] * (6 - len(arguments)))):
        v.state.x[10 + number] = value & ALL
    v.state.x[16], v.state.x[17] = function, extension
    w.machine.csrs["sepc"] = PC
    w.machine.csrs["scause"] = Cause.ECALL_VS
    assert exit_fast(v) == outcome
    assert w.machine.csrs["sepc"] == PC + 4
    error = int(v.state.x[10])
    return error - (error >> 63 << 64), int(v.state.x[11])


EXTENSIONS = [*Extension, *Legacy]


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_every_extension_is_found(extension):
    with world() as w:
        assert call(w, Extension.BASE, Base.PROBE_EXTENSION, extension) == (0, 1)


@pytest.mark.parametrize("extension", [9, 0xA, 0x535441, 0x504D55, ALL])
def test_unknown_extensions(extension):
    with world() as w:
        assert call(w, Extension.BASE, Base.PROBE_EXTENSION, extension) == (0, 0)
        assert call(w, extension, 0) == (Error.NOT_SUPPORTED, 0)


@pytest.mark.parametrize("extension", [Extension.BASE, Extension.TIME, Extension.IPI, Extension.RFENCE])
@pytest.mark.parametrize("function", [7, 99, ALL])
def test_unknown_functions(extension, function):
    with world() as w:
        assert call(w, extension, function) == (Error.NOT_SUPPORTED, 0)


@pytest.mark.parametrize("extension", [Extension.HSM, Extension.SRST, Extension.DBCN])
def test_unknown_functions_of_the_rest(extension):
    with world() as w:
        assert call(w, extension, 9) == (Error.NOT_SUPPORTED, 0)


def test_base():
    with world() as w:
        assert call(w, Extension.BASE, Base.GET_SPEC_VERSION) == (0, SPEC_VERSION)
        for function in (Base.GET_MVENDORID, Base.GET_MARCHID, Base.GET_MIMPID):
            assert call(w, Extension.BASE, function) == (0, 0)


def test_set_timer_writes_the_guests_own_comparator():
    with world() as w:
        assert call(w, Extension.TIME, Time.SET_TIMER, 12345) == (0, 0)
        assert w.machine.csrs["vstimecmp"] == 12345


MASKS = [
    ((1, 0), 0, True),
    ((0, ALL), 0, True),
    ((0, 0), 0, False),
    ((2, 0), Error.INVALID_PARAM, False),
    ((3, 0), Error.INVALID_PARAM, False),
    ((1, 1), Error.INVALID_PARAM, False),
]


@pytest.mark.parametrize(("mask", "error", "selected"), MASKS)
def test_ipi_masks(mask, error, selected):
    with world() as w:
        assert call(w, Extension.IPI, Ipi.SEND_IPI, *mask) == (error, 0)
        assert bool(w.machine.csrs["hvip"] & SSIP) is selected


@pytest.mark.parametrize(("mask", "error", "selected"), MASKS)
@pytest.mark.parametrize("function", [Rfence.FENCE_I, Rfence.SFENCE_VMA, Rfence.SFENCE_VMA_ASID])
def test_rfence_masks(function, mask, error, selected):
    with world() as w:
        w.machine.trace.clear()
        assert call(w, Extension.RFENCE, function, *mask, 0x1000, 0x1000) == (error, 0)
        expected = "fence_i" if function == Rfence.FENCE_I else "hfence_vvma"
        assert (expected in [event[0] for event in w.machine.trace]) is selected


@pytest.mark.parametrize("function", [3, 4, 5, 6])
def test_guests_have_no_hfence(function):
    with world() as w:
        assert call(w, Extension.RFENCE, function, 1, 0) == (Error.NOT_SUPPORTED, 0)


def test_hsm():
    with world() as w:
        assert call(w, Extension.HSM, Hsm.HART_START, 0, PC) == (Error.ALREADY_AVAILABLE, 0)
        assert call(w, Extension.HSM, Hsm.HART_START, 1, PC) == (Error.INVALID_PARAM, 0)
        assert call(w, Extension.HSM, Hsm.HART_GET_STATUS, 0) == (0, 0)
        assert call(w, Extension.HSM, Hsm.HART_GET_STATUS, 1) == (Error.INVALID_PARAM, 0)
        assert call(w, Extension.HSM, Hsm.HART_SUSPEND, 1 << 31) == (Error.NOT_SUPPORTED, 0)


def test_suspend_waits_and_comes_back_with_success():
    with world() as w:
        assert call(w, Extension.HSM, Hsm.HART_SUSPEND, 0, outcome=RESCHEDULE) == (0, 0)
        assert w.vcpu(0).run == WAITING


@pytest.mark.parametrize(
    ("extension", "function", "arguments", "status"),
    [
        (Extension.SRST, Srst.SYSTEM_RESET, (ResetType.SHUTDOWN, ResetReason.NONE), 0x5555),
        (Extension.SRST, Srst.SYSTEM_RESET, (ResetType.COLD_REBOOT, ResetReason.NONE), 0x5555),
        (Extension.SRST, Srst.SYSTEM_RESET, (ResetType.SHUTDOWN, ResetReason.SYSTEM_FAILURE), 0x1_3333),
        (Extension.HSM, Hsm.HART_STOP, (), 0x5555),
        (Legacy.SHUTDOWN, 0, (), 0x5555),
    ],
)
def test_ends_of_a_vm(extension, function, arguments, status):
    with world() as w, pytest.raises(PowerOff) as end:
        call(w, extension, function, *arguments)
    assert end.value.value == status
    with world(2) as w:
        call(w, extension, function, *arguments, outcome=RESCHEDULE)
        assert w.vcpu(0).run == ENDED
        assert int(exit_slow(w.vcpu(0), RESCHEDULE)) == int(w.vcpu(1)), "the other one goes on"


@pytest.mark.parametrize("arguments", [(3, 0), (ALL >> 32, 0), (0, 2)])
def test_reset_types_and_reasons_that_do_not_exist(arguments):
    with world() as w:
        assert call(w, Extension.SRST, Srst.SYSTEM_RESET, *arguments) == (Error.INVALID_PARAM, 0)
        assert w.vcpu(0).run == 0


def test_console_write_takes_bytes_from_guest_memory():
    with world() as w:
        w.machine.write_bytes(BACKING + 0x2345, b"text\n")
        assert call(w, Extension.DBCN, Dbcn.WRITE, 5, 0x8000_2345, 0) == (0, 5)
        assert call(w, Extension.DBCN, Dbcn.WRITE_BYTE, 0x141) == (0, 0)
        assert w.console == b"text\nA"


@pytest.mark.parametrize(
    ("size", "low", "high"),
    [
        (1, 0x7FFF_FFFF, 0),
        (1, 0x8000_0000 + RAM, 0),
        (2, 0x8000_0000 + RAM - 1, 0),
        (ALL, 0x8000_0000, 0),
        (1, 0x8000_0000, 1),
        (1, 0x1000_0000, 0),
    ],
)
@pytest.mark.parametrize("function", [Dbcn.WRITE, Dbcn.READ])
def test_console_buffers_outside_guest_memory(function, size, low, high):
    with world() as w:
        assert call(w, Extension.DBCN, function, size, low, high) == (Error.INVALID_PARAM, 0)
        assert w.console == b""


def test_console_read_gives_what_is_there():
    with world() as w:
        w.typed += b"abcdef"
        assert call(w, Extension.DBCN, Dbcn.READ, 4, 0x8000_0100, 0) == (0, 4)
        assert call(w, Extension.DBCN, Dbcn.READ, 4, 0x8000_0104, 0) == (0, 2)
        assert call(w, Extension.DBCN, Dbcn.READ, 4, 0x8000_0106, 0) == (0, 0)
        assert w.machine.read_bytes(BACKING + 0x100, 6) == b"abcdef"


def test_legacy_calls_leave_a1_alone():
    with world() as w:
        assert call(w, Legacy.PUTCHAR, 0, ord("x"), 77) == (0, 77)
        assert call(w, Legacy.GETCHAR, 0, 0, 77) == (-1, 77)
        w.typed += b"y"
        assert call(w, Legacy.GETCHAR, 0, 0, 77) == (ord("y"), 77)
        assert call(w, Legacy.SET_TIMER, 0, 999, 77) == (0, 77) and w.machine.csrs["vstimecmp"] == 999
        assert call(w, Legacy.SEND_IPI, 0, 0, 77) == (0, 77) and w.machine.csrs["hvip"] == SSIP
        assert call(w, Legacy.CLEAR_IPI, 0, 0, 77) == (0, 77) and w.machine.csrs["hvip"] == 0
        assert w.console == b"x"
