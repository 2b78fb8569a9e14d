"""Verilator's coverage files: what is read, added up and left out."""

from pathlib import Path

import pytest

from cosim.coverage.rtl import RtlCoverage, read_points


def _line(kind: str, module: str, file: Path, line: int, what: str, count: int) -> str:
    keys = {"t": kind, "page": f"v_{kind}/{module}", "f": str(file), "l": line, "n": 5, "o": what, "h": "TOP"}
    return "C '" + "".join(f"\x01{key}\x02{value}" for key, value in keys.items()) + f"' {count}"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "top.v"
    path.write_text("if (a)\nif (\\$auto$verilog_backend.cc:1 ) begin end\nb = 1;\n")
    return path


def test_components_are_modules_without_numbers(source: Path) -> None:
    points = list(read_points([_line("line", r"\top.soc.core.core.execute$207.alu", source, 1, "if", 3)]))
    assert [(point.component, count) for point, count in points] == [("core.core.execute.alu", 3)]


def test_other_lines_and_signals_without_names_are_left_out(source: Path) -> None:
    lines = [
        "# SystemC::Coverage-3",
        _line("toggle", "top", source, 1, r"\$12 [3]:0->1", 0),
        _line("toggle", "top", source, 1, "valid:0->1", 7),
    ]
    assert [(point.what, count) for point, count in read_points(lines)] == [("valid:0->1", 7)]


def test_runs_add_up_and_guards_do_not_count(source: Path) -> None:
    first = [
        _line("branch", "top", source, 1, "if", 0),
        _line("branch", "top", source, 1, "else", 0),
        _line("branch", "top", source, 2, "if", 0),
        _line("toggle", "top", source, 1, "a:0->1", 0),
    ]
    coverage = RtlCoverage()
    coverage.add(first)
    coverage.add([line[:-1] + "1" if "\x02else" in line else line for line in first])
    found = coverage.components()["top"]
    assert (found.branches, found.toggles) == ((1, 2), (0, 1))
    assert coverage.holes("top", False) == ["line 1, if: if (a)"]
    assert coverage.holes("top", True) == ["a:0->1"]
