"""Results: files, merging, the text and the page."""

import io
import json
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from cosim.cli.main import main
from cosim.coverage.groups import groups
from cosim.coverage.report import compress, summary, write_html
from cosim.coverage.results import Coverage
from cosim.errors import UserError

_BIN = ("ECALL_M", "M", "M")
_RULED_OUT = ("ECALL_M", "U", "M")


def _coverage(*bins: tuple[str, ...]) -> Coverage:
    coverage = Coverage()
    coverage.add({"traps": Counter(bins)}, 10)
    return coverage


def test_merge_adds() -> None:
    coverage = _coverage(_BIN)
    coverage.merge(_coverage(_BIN, ("MTI", "U", "M")))
    assert coverage.hits["traps"][_BIN] == 2
    assert (coverage.instructions, coverage.programs) == (20, 2)
    assert len(coverage.hit(groups()["traps"])) == 2


def test_holes_and_unexpected() -> None:
    group = groups()["traps"]
    coverage = _coverage(_BIN, _RULED_OUT)
    assert _BIN not in coverage.holes(group)
    assert len(coverage.holes(group)) == len(group.reachable) - 1
    assert coverage.unexpected(group) == [_RULED_OUT]


def test_file_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(json.dumps(_coverage(_BIN).to_json()))
    assert Coverage.load(path) == _coverage(_BIN)


@pytest.mark.parametrize("text", ["", "[]", '{"hits": 3}', '{"hits": {"traps": []}}'])
def test_bad_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(UserError, match="not a coverage file"):
        Coverage.load(path)


def test_compress() -> None:
    assert compress([("a", "1"), ("a", "2"), ("b", "1"), ("b", "2"), ("c", "1")]) == [
        ("a, b", "1, 2"),
        ("c", "1"),
    ]
    assert compress([]) == []


def test_page_names_holes_and_reasons(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_html(_coverage(_BIN, _RULED_OUT), path)
    text = path.read_text()
    assert "Hit although ruled out" in text and "GEILEN is 0" in text and "VIRTUAL_INSTRUCTION" in text


def test_summary() -> None:
    text = io.StringIO()
    Console(width=120, file=text).print(summary(_coverage(_BIN)))
    assert "Traps: cause, from mode, to mode" in text.getvalue()


def test_command_reports_and_judges(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 1 when something was hit that is ruled out."""
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(_coverage(_BIN).to_json()))
    bad.write_text(json.dumps(_coverage(_RULED_OUT).to_json()))
    assert main(["coverage", "--merge", str(good)]) == 0
    assert main(["coverage", "--merge", str(good), "--merge", str(bad), "--json", str(tmp_path / "s")]) == 1
    assert Coverage.load(tmp_path / "s").programs == 2
    assert main(["coverage"]) == 2
