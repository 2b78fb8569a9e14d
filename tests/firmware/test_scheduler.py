"""Whose turn it is, what is saved and loaded, and how the host's timer is set."""

import pytest

from firmware import bootinfo
from firmware.hypervisor import console
from firmware.hypervisor.devices.input import serve_input, update_lines, watch_input
from firmware.hypervisor.scheduler import switch
from firmware.hypervisor.vm import ENDED, READY, WAITING, host, vms
from rtl.isa.causes import Interrupt
from rtl.isa.memory_map import PLIC

from .world import World, world

NEVER = (1 << 64) - 1
STIE = 1 << Interrupt.STI
SEIE = 1 << Interrupt.SEI
SLICE = 1000
SWITCHED = [
    "sepc",
    "vsstatus",
    "vstvec",
    "vsscratch",
    "vsepc",
    "vscause",
    "vstval",
    "vsatp",
    "vstimecmp",
    "scounteren",
    "senvcfg",
    "htimedelta",
]


def turn(w: World, number: int) -> int:
    """Take vCPU ``number`` off the hart; the number of the next."""
    return int(switch(w.vcpu(number)).number)


def wait_for(w: World, number: int, deadline: int = NEVER) -> None:
    """Leave a saved vCPU in WFI with its timer set, in host time."""
    v = w.vcpu(number)
    v.run = WAITING
    v.state.vsie = STIE
    v.state.vstimecmp = min(deadline + int(v.state.htimedelta), NEVER) & NEVER


def test_round_robin():
    with world(3) as w:
        assert [turn(w, 0), turn(w, 1), turn(w, 2)] == [1, 2, 0]


def test_ended_and_waiting_are_passed_over():
    with world(4) as w:
        w.vcpu(1).run = ENDED
        wait_for(w, 2)
        assert turn(w, 0) == 3 and turn(w, 3) == 0
        w.vcpu(3).run = ENDED
        assert turn(w, 0) == 0


@pytest.mark.parametrize("name", SWITCHED)
def test_each_register_is_saved_and_loaded(name):
    value = {"vsatp": 8 << 60 | 0x1234, "senvcfg": 1}.get(name, 0x60)
    with world(2) as w:
        w.machine.csrs[name] = value
        kept = w.machine.csrs[name]
        if name == "htimedelta":
            w.vcpu(0).state.htimedelta = kept
        assert turn(w, 0) == 1 and w.machine.csrs[name] != kept
        assert turn(w, 1) == 0 and w.machine.csrs[name] == kept


def test_interrupt_bits_and_space_are_switched():
    with world(2) as w:
        w.machine.csrs["vsie"], w.machine.csrs["hvip"] = STIE, 1 << Interrupt.VSSI
        spaces = [int(vms[n].space) for n in range(2)]
        assert w.machine.csrs["hgatp"] == spaces[0]
        turn(w, 0)
        assert w.machine.csrs["hgatp"] == spaces[1] and w.machine.csrs["hvip"] == 0
        turn(w, 1)
        assert w.machine.csrs["hgatp"] == spaces[0] and w.machine.csrs["hvip"] == 1 << Interrupt.VSSI


def test_a_vm_alone_is_never_interrupted():
    with world() as w:
        assert w.machine.csrs["stimecmp"] == NEVER
        turn(w, 0)
        assert w.machine.csrs["stimecmp"] == NEVER


def test_slice_ends_when_another_is_ready():
    with world(2) as w:
        w.machine.csrs["time"] = 5000
        turn(w, 0)
        assert w.machine.csrs["stimecmp"] == 5000 + SLICE


def test_timer_of_the_first_that_waits_bounds_the_slice():
    with world(3) as w:
        w.machine.csrs["time"] = 5000
        wait_for(w, 1, 90_000)
        wait_for(w, 2, 80_000)
        assert turn(w, 0) == 0 and w.machine.csrs["stimecmp"] == 80_000
        w.machine.csrs["time"] = 80_000
        assert turn(w, 0) == 2 and w.vcpu(2).run == READY


@pytest.mark.parametrize("delta", [0, 300, (1 << 64) - 4000])
def test_deadlines_count_in_the_guests_own_time(delta):
    with world(2) as w:
        w.machine.csrs["time"] = 5000
        w.vcpu(1).state.htimedelta = delta
        w.vcpu(1).run, w.vcpu(1).state.vsie = WAITING, STIE
        w.vcpu(1).state.vstimecmp = 7000
        turn(w, 0)
        assert w.machine.csrs["stimecmp"] == (7000 - delta) % (1 << 64)


def test_timer_without_its_enable_wakes_nobody():
    with world(2) as w:
        w.machine.csrs["time"] = 5000
        wait_for(w, 1, 100)
        w.vcpu(1).state.vsie = 0
        assert turn(w, 0) == 0 and w.machine.csrs["stimecmp"] == NEVER


def test_interrupt_wakes_a_waiting_vcpu_if_enabled():
    with world(2) as w:
        wait_for(w, 1)
        w.vcpu(1).state.hvip = 1 << Interrupt.VSEI
        assert turn(w, 0) == 0
        w.vcpu(1).state.vsie = SEIE
        assert turn(w, 0) == 1


def test_idles_until_the_first_timer():
    with world(2) as w:
        waits = []

        def wfi() -> None:
            waits.append(w.machine.csrs["stimecmp"])
            w.machine.csrs["time"] = w.machine.csrs["stimecmp"]

        w.machine.wfi = wfi
        w.machine.csrs["time"] = 100
        w.machine.csrs["vsie"], w.machine.csrs["vstimecmp"] = STIE, 900
        w.vcpu(0).run = WAITING
        wait_for(w, 1, 700)
        assert turn(w, 0) == 1 and waits == [700]


def test_typed_byte_wakes_the_idle_machine():
    with world() as w:
        v, vm = w.vcpu(0), vms[0]
        vm.uart.ier = 1
        watch_input(vm)
        assert (PLIC.base + 0x2080, 1 << 10) in w.plic and host.watching == 1
        vm.plic.enable = 1 << 10
        vm.plic.priority[10] = 1
        w.machine.csrs["vsie"] = SEIE
        v.run = WAITING

        def wfi() -> None:
            w.typed += b"k"
            w.plic_claim = 10

        w.machine.wfi = wfi
        assert turn(w, 0) == 0
        assert w.machine.csrs["hvip"] == 1 << Interrupt.VSEI and v.run == READY


def test_input_is_claimed_until_it_has_been_read():
    with world() as w:
        vms[0].uart.ier = 1
        watch_input(vms[0])
        w.typed += b"k"
        w.plic_claim = 10
        serve_input()
        assert host.watching == 2
        w.plic.clear()
        serve_input()
        assert w.plic == []
        w.typed.clear()
        from firmware.hypervisor.devices.input import rearm_input

        rearm_input(vms[0])
        assert w.plic == [(PLIC.base + 0x20_1004, 10)] and host.watching == 1


def test_line_of_a_vm_that_is_not_on_the_hart():
    with world(2) as w:
        vms[1].plic.enable, vms[1].uart.ier, vms[1].uart.thre = 1 << 10, 2, 1
        vms[1].plic.priority[10] = 1
        update_lines(vms[1])
        assert w.machine.csrs["hvip"] == 0 and w.vcpu(1).state.hvip == 1 << Interrupt.VSEI


# --- console ---
def put(number: int, text: bytes) -> None:
    for byte in text:
        console.put(vms[number], byte)


def test_lines_of_several_vms_are_kept_apart():
    with world(2, flags=bootinfo.FLAG_TAG_LINES) as w:
        put(0, b"one ")
        put(1, b"two\n\n")
        put(0, b"line\nrest")
        console.flush(vms[0])
        console.flush(vms[1])
        assert w.console == b"[vm1] two\n[vm1] \n[vm0] one line\n[vm0] rest\n"


def test_long_lines_are_broken():
    with world(1, flags=bootinfo.FLAG_TAG_LINES) as w:
        put(0, b"x" * 250)
        console.flush(vms[0])
        assert w.console == b"".join(b"[vm0] " + b"x" * n + b"\n" for n in (120, 120, 10))


def test_bytes_of_one_vm_are_unchanged():
    with world() as w:
        put(0, b"a\r\n\n\x00\xffb")
        assert w.console == b"a\r\n\n\x00\xffb"
        console.flush(vms[0])
        assert w.console.endswith(b"b\n")
