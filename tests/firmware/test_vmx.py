"""The vmx back end under CPython: a VMCS that is a dictionary, and what is read from and written to it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from firmware.hypervisor.vmx import exit as exits
from firmware.hypervisor.vmx import fences, hart, interrupts
from firmware.hypervisor.vmx.state import State
from firmware.lang import ptr, static, u64
from firmware.lang.machine import Machine
from rtl.isa.causes import Cause, Interrupt
from rtl.isa.xvmx import (
    FIELDS,
    EptQualification,
    EventBits,
    ExitControl,
    ExitReason,
    Invvpid,
    PinControl,
)

NEVER = (1 << 64) - 1
saved = static(State)


class Vmcs(dict):
    """The current VMCS, by the fields' names."""

    def read(self, number: int) -> int:
        return self.get(_NAMES[number], 0)

    def write(self, number: int, value: int) -> int:
        assert not FIELDS[_NAMES[number]].read_only
        self[_NAMES[number]] = value & FIELDS[_NAMES[number]].mask
        return 0


_NAMES = {field.number: name for name, field in FIELDS.items()}


@contextmanager
def machine(**fields: int) -> Iterator[tuple[Machine, Vmcs]]:
    """A machine whose current VMCS holds ``fields``."""
    vmcs = Vmcs(fields)
    with Machine() as made:
        made.externs["vmread"], made.externs["vmwrite"] = vmcs.read, vmcs.write
        yield made, vmcs


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"EXIT_REASON": ExitReason.EXCEPTION, "EXIT_QUAL": Cause.LOAD_PAGE_FAULT}, "EXIT_LOAD_PAGE_FAULT"),
        ({"EXIT_REASON": ExitReason.EXCEPTION, "EXIT_QUAL": Cause.STORE_PAGE_FAULT}, "EXIT_STORE_PAGE_FAULT"),
        ({"EXIT_REASON": ExitReason.EXCEPTION, "EXIT_QUAL": Cause.FETCH_PAGE_FAULT}, "EXIT_FETCH_PAGE_FAULT"),
        ({"EXIT_REASON": ExitReason.EPT_VIOLATION, "EXIT_QUAL": 0x181}, "EXIT_LOAD_FAULT"),
        ({"EXIT_REASON": ExitReason.EPT_VIOLATION, "EXIT_QUAL": 0x1BA}, "EXIT_STORE_FAULT"),
        ({"EXIT_REASON": ExitReason.EPT_VIOLATION, "EXIT_QUAL": 0x184}, "EXIT_FETCH_FAULT"),
        ({"EXIT_REASON": ExitReason.WFI}, "EXIT_INSTRUCTION"),
        ({"EXIT_REASON": ExitReason.SATP}, "EXIT_INSTRUCTION"),
        ({"EXIT_REASON": ExitReason.SFENCE}, "EXIT_INSTRUCTION"),
        ({"EXIT_REASON": ExitReason.VMCALL}, "EXIT_INSTRUCTION"),
        ({"EXIT_REASON": ExitReason.VMX_INSTR}, "EXIT_INSTRUCTION"),
        ({"EXIT_REASON": ExitReason.PREEMPT}, "EXIT_TIMER"),
        ({"EXIT_REASON": ExitReason.EXTINT}, "EXIT_EXTERNAL"),
        ({"EXIT_REASON": ExitReason.EPT_MISCONFIG}, None),
        ({"EXIT_REASON": 0x8000_0021}, None),
    ],
)
def test_every_reason_has_its_number(fields, name):
    with machine(**fields):
        cause = int(exits.exit_cause())
        assert not exits.exit_is_hypercall()
    numbers = {key: int(getattr(exits, key)) for key in exits.__all__ if key.startswith("EXIT_")}
    assert [key for key, number in numbers.items() if number == cause] == ([name] if name else [])


def test_ecall_is_the_hypercall():
    with machine(EXIT_REASON=ExitReason.ECALL_S):
        assert exits.exit_is_hypercall()


def test_exceptions_are_injected_unless_their_handler_cannot_be_fetched():
    with machine(G_PC=0x8000_0000, G_STVEC=0x8000_1001) as (_, vmcs):
        assert exits.inject(Cause.LOAD_ACCESS, 0x1234)
        assert vmcs["ENTRY_EVENT"] == EventBits.VALID | Cause.LOAD_ACCESS and vmcs["ENTRY_TVAL"] == 0x1234
    with machine(G_PC=0x8000_1000, G_STVEC=0x8000_1001) as (_, vmcs):
        assert not exits.inject(Cause.FETCH_ACCESS, 0x8000_1000)
        assert "ENTRY_EVENT" not in vmcs
        assert exits.inject(Cause.LOAD_ACCESS, 0)


def test_the_walkers_own_access_is_none_for_a_device():
    walkers = EptQualification.READ | EptQualification.LINEAR_VALID
    with machine(EXIT_QUAL=walkers, EXIT_INSTR=0x0005_3503) as (m, _):
        m.map(0x1000, 256)
        assert exits.fault_access(ptr[u64](0x1000)) == 0


@pytest.mark.parametrize(("deadline", "ticks"), [(1500, 500), (1000, 0), (3, 0), (1 << 40, (1 << 32) - 1)])
def test_slices_end_by_the_preemption_timer(deadline, ticks):
    with machine() as (m, vmcs):
        m.csrs["time"] = 1000
        hart.slice_timer(deadline)
        assert vmcs["PREEMPT_TIMER"] == ticks and vmcs["EXIT_CTLS"] == ExitControl.SAVE_PREEMPT
        assert vmcs["PIN_CTLS"] == PinControl.EXTINT | PinControl.PREEMPT and m.csrs["stimecmp"] == NEVER
        hart.slice_timer(NEVER)
        assert vmcs["PIN_CTLS"] == PinControl.EXTINT and vmcs["EXIT_CTLS"] == 0


@pytest.mark.parametrize(
    ("virq", "timer", "sie", "pending"),
    [
        (1 << Interrupt.SEI, NEVER, 1 << Interrupt.SEI, True),
        (1 << Interrupt.SEI, NEVER, 1 << Interrupt.SSI, False),
        (0, 1200, 1 << Interrupt.STI, True),
        (0, 1201, 1 << Interrupt.STI, False),
        (0, 1200, 1 << Interrupt.SEI, False),
    ],
)
def test_what_wakes_the_vcpu_on_the_hart(virq, timer, sie, pending):
    with machine(VIRQ=virq, G_STIMECMP=timer, G_SIE=sie, TIME_OFFSET=200) as (m, _):
        m.csrs["time"] = 1000
        assert bool(interrupts.interrupt_current()) == pending


def test_lines_come_and_go():
    with machine() as (_, vmcs):
        interrupts.set_external(True)
        interrupts.set_software(True)
        assert vmcs["VIRQ"] == 1 << Interrupt.SEI | 1 << Interrupt.SSI
        interrupts.set_external(False)
        assert vmcs["VIRQ"] == 1 << Interrupt.SSI


def test_a_saved_vcpus_timer_in_host_time():
    with machine():
        saved.sie, saved.time_offset, saved.stimecmp = 1 << Interrupt.STI, NEVER - 99, 500  # 100 behind
        assert interrupts.wake_time(saved, 300) == 600 and interrupts.wake_time(saved, 700) == 700
        saved.stimecmp = NEVER
        assert interrupts.wake_time(saved, 300) == NEVER
        saved.sie, saved.stimecmp = 0, 500
        assert interrupts.wake_time(saved, 700) == NEVER


def test_fences_name_the_guest():
    with machine(EPTP=8 << 60 | 3 << 44 | 0x80040) as (m, _):
        fences.forget_address(0x1234_5000)
        fences.forget_virtual()
        assert m.trace[-3:] == [
            ("invvpid", Invvpid.ADDRESS | 3 << 16, 0x1234_5000),
            ("vmread", FIELDS["EPTP"].number),
            ("invvpid", Invvpid.CONTEXT | 3 << 16, 0),
        ]
        assert fences.unstaged_space(2) == 3 << 44
