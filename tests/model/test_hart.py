"""Stepping, records, imposed events, and agreement of the two ways to run."""

from pathlib import Path

import pytest

from cosim.model import Imposed, Machine, Stop
from rtl.isa.causes import INTERRUPT_BIT, Cause, Interrupt
from rtl.isa.csrs import CSRS
from rtl.isa.memory_map import DRAM_BASE
from tests.isa.build import build_program, build_source

_COMPARED = ["rv64i_hazards", "rv64a_lrsc", "sv39_permissions", "h_two_stage", "h_htinst", "traps_delegation"]


def _machine(text: str, frame: str = "BASIC_PROGRAM") -> Machine:
    machine = Machine(16 << 20)
    machine.load_elf(build_source("snippet", f'#include "harness.h"\n.option norvc\n{frame}\n{text}\n'))
    return machine


def _steps(machine: Machine, count: int):
    return [machine.hart.step() for _ in range(count)]


@pytest.mark.parametrize("name", _COMPARED)
def test_running_and_stepping_end_in_the_same_state(name: str) -> None:
    ran, stepped = Machine(16 << 20), Machine(16 << 20)
    path: Path = build_program(name)
    for machine in (ran, stepped):
        machine.load_elf(path)
    result = ran.run(200_000)
    with pytest.raises(Stop) as stop:
        for _ in range(200_000):
            stepped.hart.step()
    assert result.status == stop.value.status == 0
    assert ran.hart.x == stepped.hart.x
    assert ran.hart.retired == stepped.hart.retired
    assert ran.hart.csrs.value == stepped.hart.csrs.value
    assert ran.bus.dram[:] == stepped.bus.dram[:]


def test_record_of_arithmetic_load_and_store() -> None:
    machine = _machine(
        "li a0, -3\nla a1, cell\nsh a0, 2(a1)\nlhu a2, 2(a1)\nPASS\n.data\n.align 3\ncell: .dword 0"
    )
    records = _steps(machine, 6)
    li, store, load = records[1], records[4], records[5]
    assert (li.rd, li.rd_value) == (10, (1 << 64) - 3)
    assert [(m.store, m.size, m.data) for m in store.memory] == [(True, 2, 0xFFFD)]
    assert store.rd == 0
    assert [(m.store, m.va, m.pa, m.size, m.data) for m in load.memory] == [
        (False, machine.symbols["cell"] + 2, machine.symbols["cell"] + 2, 2, 0xFFFD)
    ]
    assert (load.rd, load.rd_value) == (12, 0xFFFD)
    assert load.next_pc == load.pc + 4


def test_record_of_csr_write_and_trap() -> None:
    machine = _machine("csrwi mscratch, 5\nla a0, 1f\ncsrw mtvec, a0\n.word 0xffffffff\n.align 2\n1: nop")
    write, *_, trap = _steps(machine, 6)[1:]
    assert write.csr_writes == [("mscratch", 5)]
    assert (trap.trap, trap.tval, trap.tinst) == (Cause.ILLEGAL_INSTRUCTION, 0xFFFF_FFFF, 0)
    assert trap.next_pc == machine.hart.csrs.value["mtvec"]
    assert machine.hart.csrs.value["mepc"] == trap.pc


def test_page_crossing_access_is_recorded_in_two_parts() -> None:
    machine = _machine(
        "la a1, edge\nli a0, 0x1122334455667788\nsd a0, -2(a1)\nPASS\n"
        ".data\n.align 12\n.zero 4096\nedge: .dword 0"
    )
    while not (record := machine.hart.step()).memory:
        pass
    assert [(m.va & 0xFFF, m.size, m.data) for m in record.memory] == [
        (0xFFE, 2, 0x7788),
        (0, 6, 0x112233445566),
    ]


def test_interrupts_come_when_imposed_and_not_otherwise() -> None:
    machine = _machine("csrw mie, a0\ncsrsi mstatus, 8\nnop\nnop\nnop")
    hart = machine.hart
    hart.x[10] = 1 << Interrupt.MSI
    machine.clint.msip = 1
    for _ in range(3):
        hart.step(Imposed())
    assert hart.step(Imposed()).trap is None
    before = hart.pc
    record = hart.step(Imposed(interrupt=Interrupt.MSI))
    assert record.trap == INTERRUPT_BIT | Interrupt.MSI
    assert (record.pc, hart.csrs.value["mepc"]) == (before, before)


def test_interrupts_come_by_themselves_without_imposing() -> None:
    machine = _machine("csrw mie, a0\ncsrsi mstatus, 8\nnop\nnop\nnop")
    machine.hart.x[10] = 1 << Interrupt.MSI
    machine.clint.msip = 1
    traps = [record.trap for record in _steps(machine, 4)]
    assert traps == [None, None, None, INTERRUPT_BIT | Interrupt.MSI]


def test_imposed_values_replace_time_counters_and_device_reads() -> None:
    machine = _machine("csrr a0, time\ncsrr a1, mcycle\nlui a2, 0x10000\nlbu a3, 5(a2)")
    hart = machine.hart
    hart.step()
    assert hart.step(Imposed(time=1234)).rd_value == 1234
    assert hart.step(Imposed(csr={CSRS["mcycle"].number: 99})).rd_value == 99
    hart.step()
    assert hart.step(Imposed(loads=[0x61])).rd_value == 0x61


def test_imposed_failure_of_store_conditional() -> None:
    machine = _machine("la a1, cell\nlr.d a0, (a1)\nsc.d a2, a1, (a1)\nPASS\n.data\n.align 3\ncell: .dword 7")
    hart = machine.hart
    _steps(machine, 4)
    assert hart.step(Imposed(sc_fails=True)).rd_value == 1
    assert machine.bus.read_u64(machine.symbols["cell"]) == 7


def test_reservation_survives_a_trap() -> None:
    text = (
        "la a1, cell\nla a3, 1f\ncsrw mtvec, a3\nlr.d a0, (a1)\necall\n.align 2\n1: sc.d a2, a1, (a1)\nPASS\n"
        ".data\n.align 3\ncell: .dword 7"
    )
    machine = _machine(text)
    while (record := machine.hart.step()).rd != 12:
        pass
    assert record.rd_value == 0


def test_counters_count_while_running_in_blocks() -> None:
    machine = _machine("nop\nnop\nnop\ncsrr a0, minstret\nnop\nnop\ncsrr a1, minstret\nPASS")
    machine.run(8)
    assert machine.hart.x[10] == 4
    assert machine.hart.x[11] == 7


def test_wfi_sleeps_to_the_timer() -> None:
    machine = _machine("csrw mie, a0\nwfi\nnop")
    machine.hart.x[10] = 1 << Interrupt.MTI
    machine.clint.mtimecmp = 5000
    machine.run(3)
    assert machine.clint.mtime >= 5000
    assert machine.hart.retired == 3


def test_reset_state() -> None:
    hart = Machine(16 << 20).hart
    assert (hart.pc, hart.privilege, hart.virt) == (DRAM_BASE, 3, 0)
    assert hart.csrs.value["mstatus"] & 0x8 == 0


def test_reset_goes_through_the_boot_rom() -> None:
    machine = _machine("csrr a2, minstret\nPASS")
    machine.start_at_reset(DRAM_BASE, 0x8123_0000)
    machine.run(7)
    assert (machine.hart.x[10], machine.hart.x[11], machine.hart.x[12]) == (0, 0x8123_0000, 6)


def test_boot_rom_refuses_stores_and_other_devices_refuse_fetches() -> None:
    machine = _machine(
        "la a0, 1f\ncsrw mtvec, a0\nli a1, 0x1000\nlw a2, 0(a1)\nsw a2, 0(a1)\n.align 2\n1: nop\njr a3"
    )
    records = _steps(machine, 7)
    assert records[-1].trap == Cause.STORE_ACCESS
    machine.hart.x[13] = 0x1000_0000
    assert [record.trap for record in _steps(machine, 3)] == [None, None, Cause.FETCH_ACCESS]
