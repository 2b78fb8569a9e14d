"""The table of figures in the documentation, and the picture."""

from pathlib import Path

import pytest

from cosim.bench.figures import FIGURES
from cosim.bench.kept import KEPT, keep_figures, kept_figures
from cosim.bench.plot import plot_figures
from cosim.errors import UserError

MARKS = "<!-- figures: bivisor bench --update-docs -->\n<!-- end of figures -->"


def test_figures_are_kept_between_the_marks(tmp_path: Path) -> None:
    path = tmp_path / "performance.md"
    path.write_text(f"before\n\n{MARKS}\n\nbehind\n")
    assert kept_figures(path) == {}
    keep_figures(
        {"trap_roundtrip_cycles": 9.0, "luts": 12345.0, "cpi_memory": 1.25, "fmax_mhz": None}, {}, path
    )
    assert kept_figures(path) == {"trap_roundtrip_cycles": 9, "luts": 12345, "cpi_memory": 1.25}
    text = path.read_text()
    assert text.startswith("before\n\n<!--") and text.endswith("-->\n\nbehind\n")
    assert "| `fmax_mhz` | not measured | ≥ 50 |" in text


def test_figures_not_measured_again_stay(tmp_path: Path) -> None:
    path = tmp_path / "performance.md"
    path.write_text(MARKS)
    keep_figures({"trap_roundtrip_cycles": 9.0, "csrw_hgatp_cycles": 3.0}, {}, path)
    keep_figures({"trap_roundtrip_cycles": 8.0}, {}, path)
    assert kept_figures(path) == {"trap_roundtrip_cycles": 8, "csrw_hgatp_cycles": 3}
    assert "≤ 2 (missed)" in path.read_text()
    assert path.read_text().count("(missed)") == 1


def test_a_kept_figure_keeps_how_it_was_measured(tmp_path: Path) -> None:
    path = tmp_path / "performance.md"
    path.write_text(MARKS)
    keep_figures({"kernels_per_mhz": 3.5}, {"kernels_per_mhz": "some-gcc 12"}, path)
    keep_figures({"trap_roundtrip_cycles": 8.0}, {}, path)
    assert "million cycles: some-gcc 12 |" in path.read_text()
    keep_figures({"kernels_per_mhz": 3.5}, {"kernels_per_mhz": "another 13"}, path)
    assert "some-gcc" not in path.read_text() and "million cycles: another 13 |" in path.read_text()
    assert kept_figures(path) == {"kernels_per_mhz": 3.5, "trap_roundtrip_cycles": 8}


def test_a_file_without_marks_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "performance.md"
    path.write_text("nothing")
    with pytest.raises(UserError, match="no table of figures"):
        keep_figures({}, {}, path)
    assert path.read_text() == "nothing"


def test_the_documentation_tells_every_figure() -> None:
    text = KEPT.read_text()
    assert [name for name in FIGURES if f"| `{name}` |" not in text] == []


def test_the_picture_shows_what_has_a_goal(tmp_path: Path) -> None:
    path = tmp_path / "figures.svg"
    plot_figures({"trap_roundtrip_cycles": 9.0, "sim_khz_per_cpu_s": 400.0, "cpi_memory": 1.5}, path)
    text = path.read_text()
    assert "trap_roundtrip_cycles" in text and "sim_khz_per_cpu_s" in text
    assert "cpi_memory" not in text


def test_a_picture_needs_something_to_show(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing to plot"):
        plot_figures({"cpi_memory": 1.5, "trap_roundtrip_cycles": None}, tmp_path / "figures.png")
