"""The comparison on the machine itself, and what is made of it."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from cosim.build import Build, Variant, build
from cosim.cli.main import main
from cosim.compare.columns import COLUMNS, NATIVE, Column
from cosim.compare.comparison import WORKLOADS, Comparison
from cosim.compare.parts import Part, Parts, part_of
from cosim.compare.plot import plot
from cosim.compare.rows import ROWS
from cosim.compare.run import measure_column, measure_workloads
from cosim.compare.samples import Cell
from cosim.compare.tables import markdown, tables
from cosim.elf import read_elf
from firmware.guests.operations import ROUNDS
from firmware.guests.workloads import NAMES
from firmware.images import Guest, ImageError, hypervisor_elf, small_guest, virtual

GUESTS = [column for column in COLUMNS if not column.is_native]
SHADOW = {"el2-shadow", "vmx-shadow"}
ALWAYS = {"hypercall", "controller", "raise", "complete", "ipi", "touch", "output", "sbi_timer"}
ONLY_SHADOW = {"page_fault": 1, "map": 3, "space": 1}


@pytest.fixture(scope="session")
def observing() -> Build:
    return build(Variant.OBSERVE)


@pytest.mark.parametrize("column", GUESTS, ids=lambda column: column.name)
def test_operations_leave_as_often_as_the_architecture_says(observing: Build, column: Column):
    cells = measure_column(observing, column)
    assert set(cells) == {row.name for row in ROWS}
    assert {name: cells[name].exits for name in ALWAYS} == dict.fromkeys(ALWAYS, 1)
    shadow = {name: count if column.name in SHADOW else 0 for name, count in ONLY_SHADOW.items()}
    assert {name: cells[name].exits for name in shadow} == shadow
    assert cells["timer"].exits == 0 and cells["switch"].exits == 1
    for cell in cells.values():
        assert sum(cell.parts.values()) == cell.cycles and cell.least <= cell.cycles <= cell.most
    assert all(cells[name].samples == ROUNDS for name in ALWAYS)
    null = cells["hypercall"]
    if column.name == "el2-split":
        assert null.instructions > 300 and null.parts[Part.STATE] > 300, "two worlds, saved and restored"
    elif column.name.endswith("hosted"):
        assert null.instructions > 100 and null.parts[Part.STATE] > 70, "two contexts, saved and restored"
    else:
        assert null.instructions == 66 and null.cycles <= 100, "as the guest hypercall measures itself"
    assert null.parts[Part.STATE] > null.parts[Part.DISPATCH] > 0 < null.parts[Part.TRANSITION] < 30


def test_natively_there_is_no_switch(observing: Build):
    cells = measure_column(observing, NATIVE)
    assert "switch" not in cells and {cell.exits for cell in cells.values()} == {0}


def test_workloads_report_all(simulator: Build):
    assert set(NAMES) == set(WORKLOADS)
    spent = measure_workloads(simulator, NATIVE)
    assert set(spent) == set(NAMES) and min(spent.values()) > 1000
    assert spent["compute"] < spent["ticks"] < 1.2 * spent["compute"], "ticks come while it computes"


def test_the_split_design_changes_mode_four_times(observing: Build):
    """Guest, lowvisor, host kernel, lowvisor, guest: twice what the type-1 design does."""
    type1, split = (
        measure_column(observing, next(column for column in COLUMNS if column.name == name))["hypercall"]
        for name in ("el2", "el2-split")
    )
    assert split.exits == type1.exits == 1
    assert split.parts[Part.TRANSITION] == 2 * type1.parts[Part.TRANSITION]
    assert split.parts[Part.STATE] > 3 * type1.parts[Part.STATE]


@pytest.mark.parametrize("arch", ["el2", "vmx"])
def test_symbols_belong_to_parts(arch: str):
    elf = hypervisor_elf(arch)
    symbols, parts = read_elf(elf).symbols, Parts(elf)
    assert parts.part(symbols["guest_exit"]) is Part.STATE
    assert parts.part(symbols["guest_enter"] + 8) is Part.STATE
    assert parts.part(symbols["exit_fast"] + 8) is Part.DISPATCH
    assert parts.part(0x8000_0100) is Part.HANDLER


def test_files_belong_to_parts():
    assert part_of("firmware/hypervisor/__init__.py") is Part.STATE
    assert part_of("firmware/hypervisor/vmx/state.py") is Part.STATE
    assert part_of("firmware/hypervisor/el2/lowvisor.py") is Part.STATE
    assert part_of("firmware/hypervisor/el2/lowvisor_calls.py") is Part.HANDLER
    assert part_of("firmware/hypervisor/vmx/exit.py") is Part.DISPATCH
    assert part_of("firmware/hypervisor/shadow/exits.py") is Part.HANDLER
    assert part_of("firmware/hypervisor/sbi/base.py") is Part.HANDLER


def comparison() -> Comparison:
    cell = Cell(50, 40, 1, dict.fromkeys(Part, 10), 49, 51, 33)
    cells = {"native": {"hypercall": cell}, "el2": {"hypercall": cell, "switch": cell}}
    spent = {"native": dict.fromkeys(NAMES, 1000), "el2": dict.fromkeys(NAMES, 1500)}
    return Comparison(COLUMNS[:2], cells, spent)


def test_tables_show_cells_parts_and_ratios():
    console = Console(width=150, record=True, file=None, quiet=False)
    with console.capture() as capture:
        console.print(*tables(comparison()))
    text = capture.get()
    assert "50 (40)" in text and "10+10+10+10+10" in text and "1.500" in text
    lines = markdown(comparison()).splitlines()
    assert "| hypercall | 50 (40) | 50 (40) |" in lines
    assert "| VM switch, at the end of a time slice | - | 50 (40) |" in lines
    assert "| TLB misses | 1,000 | 1.500 |" in lines


def test_json_and_picture(tmp_path: Path):
    values = json.loads(json.dumps(comparison().to_json()))
    assert values["operations"]["el2"]["switch"]["parts"]["transition"] == 10
    assert values["workloads"]["el2"]["misses"] == {"cycles": 1500, "overhead": 1.5}
    plot(comparison(), tmp_path / "picture.svg")
    text = (tmp_path / "picture.svg").read_text()
    assert "hypercall: el2" in text and "TLB misses" in text


def test_an_unknown_column_is_told(capsys):
    assert main(["compare", "svm"]) == 2
    assert "there is no column 'svm': choose from native, el2" in capsys.readouterr().err


def test_only_vmx_can_do_without_vpid():
    with pytest.raises(ImageError, match="VPID is an option of vmx"):
        virtual([Guest(small_guest("spin"))], vpid=False)
