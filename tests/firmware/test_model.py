"""Whole boots on the golden model: the specification's own view of what the firmware does."""

import re

import pytest

from cosim.elf import read_elf
from cosim.model import Machine
from firmware.images import Boot, Guest, native, small_guest, virtual
from rtl.isa.memory_map import DRAM_BASE

LIMIT = 3_000_000
HELLO = ["hello: a guest speaks", *[f"hello: tick {n}" for n in range(1, 6)], "hello: done"]


def load(boot: Boot) -> Machine:
    """A machine that is about to start the boot."""
    machine = Machine(boot.memory)
    for address, raw in boot.segments:
        machine.bus.dram[address - DRAM_BASE : address - DRAM_BASE + len(raw)] = raw
    machine.hart.pc = boot.entry
    machine.hart.x[11] = boot.device_tree
    return machine


def run(boot: Boot) -> tuple[int | None, str]:
    """Exit status and console text."""
    result = load(boot).run(LIMIT)
    return result.status, result.console.decode()


WAYS = {
    "el2": {},
    "el2-shadow": {"shadow": True},
    "el2-split": {"split": True},
    "vmx": {"arch": "vmx"},
    "vmx-shadow": {"arch": "vmx", "shadow": True},
    "vmx-nos2": {"arch": "vmx", "no_second_stage": True},
}
"""Each architecture with and without a second stage, and the design with most to go wrong."""
HOSTS = {"el2-hosted": {"hosted": True}, "vmx-hosted": {"arch": "vmx", "hosted": True}}
"""The designs of which the others leave something to see."""
ways = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())


@ways
@pytest.mark.parametrize("name", ["calls", "stress", "paging"])
def test_checks_of_a_guest(name: str, way: dict):
    status, console = run(virtual([Guest(small_guest(name))], **way))
    assert status == 0 and "check: done" in console and "FAIL" not in console


@ways
@pytest.mark.parametrize("option", [{"small_pages": True}, {"hardware_ad": True}], ids=str)
def test_page_sizes_and_bits(option: dict, way: dict):
    guest = Guest(small_guest("paging"), small_pages="small_pages" in option)
    status, console = run(virtual([guest], hardware_ad="hardware_ad" in option, **way))
    assert status == 0 and "check: done" in console and "FAIL" not in console


@pytest.mark.parametrize("name", ["calls", "paging"])
def test_checks_under_the_monitor(name: str):
    status, console = run(native(small_guest(name), memory=16 << 20))
    assert status == 0 and "check: done" in console and "FAIL" not in console


@ways
def test_two_guests_and_a_bad_one(way: dict):
    guests = [Guest(small_guest(name), 4 << 20) for name in ("hello", "stray", "hello")]
    status, console = run(virtual(guests, **way))
    assert status == 2 and "vm1 killed: its trap handler cannot be fetched" in console
    for tag in ("[vm0] ", "[vm2] "):
        assert [line.removeprefix(tag) for line in console.splitlines() if line.startswith(tag)] == HELLO


@pytest.mark.parametrize("way", (WAYS | HOSTS).values(), ids=(WAYS | HOSTS).keys())
@pytest.mark.parametrize("beside", [[], ["primes"]], ids=["alone", "beside primes"])
def test_typed_input_reaches_a_guest(beside: list[str], way: dict):
    """While nobody has anything to do, and by interrupting another guest."""
    guests = [Guest(small_guest(name), 4 << 20) for name in ("echo", *beside)]
    machine = load(virtual(guests, slice_ticks=500, **way))
    typed = b"what is typed\nis longer than any buffer."
    machine.run(200_000)
    for at in range(0, len(typed), 7):
        machine.uart.receive(typed[at : at + 7])
        machine.run(20_000)
    result = machine.run(LIMIT)
    lines = [line for line in result.console.decode().splitlines() if "vm1" not in line]
    assert [line.removeprefix("[vm0] ") for line in lines] == [
        "echo: type, and . to end",
        *typed.decode().split("\n"),
        "echo: done",
    ]
    assert result.status == 0


@pytest.mark.parametrize(
    ("symbol", "option", "status", "told"),
    [
        ("exit_fast", "hosted", 253, "[bivisor] panic: trap in the hypervisor; pc {:#x}, cause 0x2"),
        ("exit_fast", "split", 253, "[bivisor] panic: trap in the hypervisor; pc {:#x}, cause 0x2"),
        ("host_interrupt", "hosted", 253, "[bivisor] panic: trap in the hypervisor; pc {:#x}, cause 0x2"),
        ("host_interrupt", "split", 253, "[bivisor] panic: trap in the hypervisor; pc {:#x}, cause 0x2"),
        ("leave", "split", 254, "[monitor] unexpected trap"),
    ],
)
def test_a_fault_of_the_host_is_told(symbol: str, option: str, status: int, told: str):
    """Of the host kernel, in HS or VS mode, and in an interrupt that it takes while guests take turns; of the
    lowvisor, which then has no place to save to."""
    guests = [Guest(small_guest(name), 4 << 20) for name in ("primes", "primes")]
    boot = virtual(guests, slice_ticks=200, **{option: True})
    place = read_elf(boot.elves[1]).symbols[symbol]
    machine = load(boot)
    machine.bus.dram[place - DRAM_BASE : place - DRAM_BASE + 4] = bytes(4)
    result = machine.run(LIMIT)
    assert told.format(place) in result.console.decode() and result.status == status


@ways
def test_null_hypercall_is_exactly_this_long(way: dict):
    """Pinned: a change of the exit path that makes it longer must change the number here on purpose."""
    _, console = run(virtual([Guest(small_guest("hypercall"), 4 << 20)], **way))
    found = re.search(r"hypercall: instructions (\d+)", console)
    assert found and int(found[1]) == (344 if "split" in way else 66)
