"""The designs with a host kernel, under CPython: who has which registers when."""

from collections.abc import Callable, Iterator

import pytest

from firmware.hypervisor.el2 import exit as exits
from firmware.hypervisor.el2 import (
    fences,
    fetch,
    hart,
    hosted,
    interrupts,
    left,
    lowvisor,
    lowvisor_calls,
    state,
)
from firmware.hypervisor.el2.hart import HEDELEG, HEDELEG_HOST, HSTATUS_GUEST, HSTATUS_HOST
from firmware.hypervisor.el2.services import Service
from firmware.hypervisor.vmx import hart as vmx_hart
from firmware.images import Guest, ImageError, small_guest, virtual
from firmware.lang import ptr, static
from firmware.lang.function import FwFunction
from firmware.lang.machine import Machine
from firmware.monitor.boot import S_INTERRUPTS
from rtl.isa.causes import INTERRUPT_BIT, VS_INTERRUPTS, Cause, Interrupt

PLACE = {"sepc": 0x8000_1000, "sstatus": 2 << 32 | 1 << 8, "scounteren": 5, "senvcfg": 0}
WORLD = {
    "hvip": 1 << 6,
    "vsstatus": 2 << 32 | 1 << 1,
    "vsie": 1 << 9,
    "vstvec": 0x8000_2000,
    "vsscratch": 3,
    "vsepc": 0x8000_3000,
    "vscause": 9,
    "vstval": 7,
    "vsatp": 8 << 60 | 0x80000,
    "vstimecmp": 1234,
}
CONTEXT = {"hgatp": 8 << 60 | 2 << 44 | 0x80004, "htimedelta": 99}
VSEIP = 1 << Interrupt.VSEI
guest = static(state.State)


@pytest.fixture
def machine() -> Iterator[Machine]:
    """A machine as the monitor and `prepare` leave it; the guest's state has its hgatp and clock."""
    with Machine() as made:
        have(made, mideleg=S_INTERRUPTS, hideleg=VS_INTERRUPTS, vsstatus=2 << 32)
        guest.hgatp, guest.htimedelta = CONTEXT["hgatp"], CONTEXT["htimedelta"]
        state.running.value = ptr[state.State](int(guest))
        yield made


def have(machine: Machine, **csrs: int) -> None:
    """Put values on the hart."""
    for name, value in csrs.items():
        machine.csrs[name] = value


def on_the_hart(machine: Machine, names: Callable[[], dict] | dict) -> dict:
    """What it has of these registers."""
    return {name: machine.csrs[name] for name in names}


def test_a_hosted_exit_gives_the_host_its_trap_registers(machine: Machine):
    have(machine, **WORLD, sepc=0x8001_0000, scounteren=7, sstatus=1 << 5)
    guest.sepc, guest.sstatus, guest.scounteren = 0x8000_1000, 1 << 8, 5
    hosted.enter(guest)
    assert machine.csrs["sepc"] == 0x8000_1000 and machine.csrs["scounteren"] == 5
    assert machine.csrs["hstatus"] == HSTATUS_GUEST
    have(machine, sepc=0x8000_1044, scause=Cause.ECALL_VS, stval=1, htval=2, htinst=3)
    hosted.leave(guest)
    assert guest.sepc == 0x8000_1044 and guest.scounteren == 5 and guest.sstatus & 1 << 8 != 0
    assert on_the_hart(machine, ("sepc", "scounteren")) == {"sepc": 0x8001_0000, "scounteren": 7}
    assert machine.csrs["sstatus"] & (1 << 8 | 1 << 5) == 1 << 5
    assert on_the_hart(machine, WORLD) == WORLD, "the VS registers stay"


def test_a_split_exit_changes_worlds(machine: Machine):
    """Everything of the guest's comes back, and everything of the host kernel's."""
    ours = dict.fromkeys(WORLD, 0) | {"vsstatus": 2 << 32, "vstvec": 0x8001_0100, "vstimecmp": 777}
    have(machine, **ours, sepc=0x8001_0074, hgatp=0, htimedelta=0)
    for name, value in (PLACE | WORLD).items():
        setattr(guest, name, value)
    lowvisor.enter(guest)
    assert on_the_hart(machine, PLACE | WORLD | CONTEXT) == PLACE | WORLD | CONTEXT
    assert machine.csrs["stimecmp"] == 777, "the host's timer goes on"
    assert (machine.csrs["hstatus"], machine.csrs["hedeleg"]) == (HSTATUS_GUEST, HEDELEG)
    later = WORLD | {"vscause": 8, "vsatp": 8 << 60 | 0x80001, "hvip": 1 << 2, "vstimecmp": 2345}
    have(machine, **later, sepc=0x8000_1234, scause=Cause.VIRTUAL_INSTRUCTION, stval=0x1050_0073)
    lowvisor.leave(guest)
    assert {name: getattr(guest, name) for name in later} == later and guest.sepc == 0x8000_1234
    assert on_the_hart(machine, ours) == ours and machine.csrs["hgatp"] == machine.csrs["htimedelta"] == 0
    assert machine.csrs["sepc"] == 0x8001_0078, "behind the host kernel's call"
    assert machine.csrs["sie"] == 1 << Interrupt.SEI, "to be passed on; its timer is its own"
    assert (machine.csrs["hstatus"], machine.csrs["hedeleg"]) == (HSTATUS_HOST, HEDELEG_HOST)


@pytest.fixture
def in_memory(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """The host kernel's view in the split design."""
    for module in (left, interrupts, fetch, fences, hart, exits, state):
        for name in ("HOSTED", "SPLIT"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, True)
        # A function keeps the branches that it was checked with.
        for function in vars(module).values():
            if isinstance(function, FwFunction):
                monkeypatch.setattr(function, "found", None)
                monkeypatch.setattr(function, "_compiled", None)
    return machine


def test_the_host_kernel_works_on_memory(in_memory: Machine):
    """An exception for the guest goes into its state; the hart's VS registers are the host kernel's own."""
    have(in_memory, **WORLD)
    guest.sepc, guest.sstatus, guest.vstvec, guest.vsstatus = 0x8000_1000, 0, 0x8000_4001, 2
    assert exits.guest_is_user() and exits.inject(Cause.LOAD_PAGE_FAULT, 0x55)
    assert (guest.vsepc, guest.vscause, guest.vstval) == (0x8000_1000, Cause.LOAD_PAGE_FAULT, 0x55)
    assert guest.sepc == 0x8000_4000 and guest.sstatus == 1 << 8 and guest.vsstatus == 1 << 5
    exits.skip(4)
    assert exits.guest_pc() == 0x8000_4004
    guest.vstvec = 0x8000_4004
    assert not exits.inject(Cause.FETCH_ACCESS, 0), "it would never get out"
    assert on_the_hart(in_memory, WORLD) == WORLD


def test_interrupts_of_a_guest_whose_turn_it_is(in_memory: Machine):
    guest.hvip, guest.vsie, guest.htimedelta, guest.vstimecmp = 0, 1 << 9 | 1 << 5, 0, (1 << 64) - 1
    assert not interrupts.interrupt_current()
    interrupts.set_external(True)
    assert guest.hvip == VSEIP and interrupts.interrupt_current()
    interrupts.set_external(False)
    interrupts.set_software(True)
    assert guest.hvip == 1 << 2 and not interrupts.interrupt_current(), "not enabled"
    in_memory.csrs["time"] = 1000
    interrupts.set_timer(1000)
    assert interrupts.interrupt_current() and in_memory.csrs["hvip"] == 0


def test_what_the_host_kernel_asks_for(in_memory: Machine):
    asked = []
    in_memory.ecall = lambda *numbers: (asked.append(numbers[:3]), (0x73, 0))[1]
    fences.forget_page(0x8000_1000)
    fences.forget_virtual()
    fences.forget_address(0x4000)
    assert fetch.guest_word() == 0x73
    hart.host_wait()
    assert [numbers[0] for numbers in asked] == [
        Service.FORGET_PAGE,
        Service.FORGET_VIRTUAL,
        Service.FORGET_ADDRESS,
        Service.FETCH,
        Service.WATCH,
    ]
    assert asked[0][2] == 0x8000_1000 and asked[2][2] == 0x4000


def call(machine: Machine, service: int, operand: int = 0) -> int:
    """The host kernel's ecall, at the lowvisor."""
    lowvisor.kernel.x[17], lowvisor.kernel.x[10] = service, operand
    have(machine, scause=Cause.ECALL_VS, sepc=0x8001_2000)
    machine.trace.clear()
    return int(lowvisor_calls.serve_kernel())


def test_fences_are_of_the_guest(machine: Machine):
    assert call(machine, Service.FORGET_PAGE, 0x8000_1000) == 1
    assert machine.csrs["sepc"] == 0x8001_2004
    assert [event for event in machine.trace if "hfence_gvma" in event] != []
    have(machine, hgatp=0)
    assert call(machine, Service.FORGET_ADDRESS, 0x4000) == 1
    fenced = [event for event in machine.trace if event[1] == "hgatp" or event[0].startswith("hfence")]
    assert fenced[0][2] == CONTEXT["hgatp"] and fenced[-1][2] == 0, "under its VMID"
    assert machine.csrs["hgatp"] == 0


def test_an_instruction_is_fetched_with_the_guests_translation(machine: Machine):
    """And in its mode: SPVP tells it to hlvx."""
    have(machine, **WORLD, hgatp=0)
    guest.sepc, guest.sstatus, guest.vsatp = 0x8000_0002, 0, 8 << 60 | 0x1234
    seen = []
    machine.map(0x9000_0000, 0x1000)
    machine.write_bytes(0x9000_0002, (0x1050_0073).to_bytes(4, "little"))

    def translate(address: int, is_store: bool) -> int:
        seen.append((machine.csrs["vsatp"], machine.csrs["hgatp"], machine.csrs["hstatus"] >> 8 & 1))
        return address + 0x1000_0000

    machine.guest = translate
    assert call(machine, Service.FETCH) == 1 and lowvisor.kernel.x[10] == 0x1050_0073
    assert set(seen) == {(8 << 60 | 0x1234, CONTEXT["hgatp"], 0)}
    assert on_the_hart(machine, WORLD) == WORLD and machine.csrs["hgatp"] == 0


def test_the_machines_interrupt_becomes_the_host_kernels(machine: Machine):
    """Once, until it watches again: the machine's line stays up until the host has claimed it."""
    assert call(machine, Service.WATCH) == 1
    assert machine.csrs["sie"] == 1 << Interrupt.SEI and not machine.csrs["hvip"] & VSEIP
    have(machine, scause=INTERRUPT_BIT | Interrupt.SEI, sepc=0x8001_3000)
    assert lowvisor_calls.serve_kernel() == 1
    assert machine.csrs["hvip"] & VSEIP and machine.csrs["sie"] == 0
    assert machine.csrs["sepc"] == 0x8001_3000


@pytest.mark.parametrize("cause", [Cause.VIRTUAL_INSTRUCTION, Cause.LOAD_GUEST_PAGE_FAULT, Cause.LOAD_ACCESS])
def test_what_the_host_kernel_must_not_do(machine: Machine, cause: int):
    have(machine, scause=cause, sepc=0x8001_3000)
    assert lowvisor_calls.serve_kernel() == 0


@pytest.mark.parametrize("part", [hart, vmx_hart])
def test_a_host_kernel_is_open_to_interrupts_for_a_moment(machine: Machine, part):
    have(machine, sie=hart.HOST_INTERRUPTS)
    machine.trace.clear()
    part.host_window()
    assert [event[1] for event in machine.trace] == ["sstatus", "sstatus"]
    assert machine.trace[0][2] & 2 and not machine.csrs["sstatus"] & 2
    have(machine, scause=INTERRUPT_BIT | Interrupt.SEI)
    assert part.host_external()
    have(machine, scause=INTERRUPT_BIT | Interrupt.STI)
    assert not part.host_external()
    part.host_defer()
    assert machine.csrs["sie"] == 1 << Interrupt.SEI, "the timer's stays pending"


def test_waiting_opens_what_was_deferred(in_memory: Machine):
    """Else a host without a guest to run would wait for ever."""
    in_memory.ecall = lambda *numbers: (0, 0)
    waited = []
    in_memory.wfi = lambda: waited.append(int(in_memory.csrs["sie"]))
    hart.host_defer()
    hart.host_wait()
    assert waited == [hart.HOST_INTERRUPTS]


def test_an_unknown_service(machine: Machine):
    assert call(machine, max(Service) + 1) == 0


def test_the_split_design_is_el2s():
    guests = [Guest(small_guest("spin"))]
    with pytest.raises(ImageError, match="vmx has no split design"):
        virtual(guests, arch="vmx", split=True)
    with pytest.raises(ImageError, match="choose one"):
        virtual(guests, hosted=True, split=True)
