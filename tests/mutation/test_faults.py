"""Faults can be built in, do nothing while they are off, and are noticed when they are on."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from cosim.build import Build, Variant
from cosim.mutation.fault import Fault, StaleFault, apply_faults
from cosim.mutation.faults import FAULTS, fault
from cosim.mutation.hunt import Hunt
from cosim.mutation.tree import ROOT, faulty_files, scaffold_files, write_tree
from tests.isa.build import program_names, xvmx_program_names

_TEXT = "a = b\nc = d\n"


@pytest.mark.parametrize("name", [one.name for one in FAULTS])
def test_fault_fits_the_source(name: str) -> None:
    one = fault(name)
    text = (ROOT / one.file).read_text()
    assert text.count(one.old) == 1, f"{one.file} has changed: say anew where {name} lies"
    assert not one.file.startswith("rtl/isa"), "the model would have the fault too"


def test_all_faults_together() -> None:
    for name, text in (faulty_files() | scaffold_files()).items():
        if name.endswith(".py"):
            ast.parse(text, name)


def test_names_and_hints() -> None:
    assert len({one.name for one in FAULTS}) == len(FAULTS) >= 40
    assert {name for one in FAULTS for name in one.programs} <= {*program_names(), *xvmx_program_names()}
    for unit in {unit for one in FAULTS for unit in one.units}:
        assert (ROOT / unit.partition("::")[0]).exists(), unit


def _fault(old: str, new: str, name: str = "one") -> Fault:
    return Fault(name, "", "file.py", old, new)


def test_several_faults_in_one_file() -> None:
    both = [_fault("b\n", "Mux(FAULT, 0, b)\n", "first"), _fault("d", "d & ~FAULT", "second")]
    text = apply_faults(_TEXT, both)
    assert text.startswith('a = Mux(seeded("first"), 0, b)\nc = d & ~seeded("second")\n')


@pytest.mark.parametrize(
    "faults",
    [
        [_fault("x", "FAULT")],
        [_fault(" = ", "FAULT")],
        [_fault("b", "c")],
        [_fault("a = b", "FAULT"), _fault("b\nc", "FAULT")],
    ],
    ids=["absent", "twice", "no switch", "overlap"],
)
def test_stale_faults_are_refused(faults: list[Fault]) -> None:
    with pytest.raises(StaleFault):
        apply_faults(_TEXT, faults)


def test_a_fault_is_noticed_by_a_unit_test(tmp_path: Path) -> None:
    """The whole way but for the simulator: tree, fault off, fault on."""
    write_tree(tmp_path)
    hunt = Hunt(tmp_path, Build(tmp_path, Variant.OBSERVE), tmp_path / "none", seeds=0)
    found = hunt.hunt(fault("turn_moves"))
    assert found.detector == fault("turn_moves").units[0]


@pytest.mark.nightly
def test_every_fault_is_noticed() -> None:
    done = subprocess.run([sys.executable, "-m", "cosim.mutation"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
