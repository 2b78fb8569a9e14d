"""The figures of the last kept run: a table between two marks in docs/performance.md."""

from collections.abc import Mapping
from pathlib import Path

from cosim.bench.figures import FIGURES
from cosim.errors import UserError

__all__ = ["KEPT", "described", "keep_figures", "kept_figures", "shown"]

KEPT = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
_BEGIN, _END = "<!-- figures: bivisor bench --update-docs -->", "<!-- end of figures -->"
_MISSING = "not measured"


def shown(value: float | None) -> str:
    """A figure as people and the table read it."""
    return _MISSING if value is None else f"{value:,.3f}".rstrip("0").rstrip(".")


def described(name: str, notes: Mapping[str, str]) -> str:
    """A figure's meaning, and how it was measured if that may differ."""
    return f"{FIGURES[name].meaning}: {notes[name]}" if name in notes else FIGURES[name].meaning


def kept_figures(path: Path = KEPT) -> dict[str, float]:
    """Name -> value in the kept table; none if there is no such table."""
    return {
        name: float(cells[1].replace(",", "")) for name, cells in _rows(path).items() if cells[1] != _MISSING
    }


def _rows(path: Path) -> dict[str, list[str]]:
    """The cells of each figure in the kept table."""
    try:
        _, table, _ = _parts(path)
    except (UserError, OSError):
        return {}
    lines = ([cell.strip(" `") for cell in line.strip("|").split("|")] for line in table.splitlines())
    return {cells[0]: cells for cells in lines if len(cells) > 3 and cells[0] in FIGURES}


def keep_figures(values: Mapping[str, float | None], notes: Mapping[str, str], path: Path = KEPT) -> None:
    """Rewrite the table; what ``values`` does not name keeps its value and its note."""
    before, _, after = _parts(path)
    rows = _rows(path)
    kept: dict[str, float | None] = {**kept_figures(path), **values}
    lines = ["| figure | value | goal | meaning |", "|---|---:|---:|---|"]
    for name, figure in FIGURES.items():
        met = "" if kept.get(name) is None or figure.met(kept[name] or 0) is not False else " (missed)"
        goal = figure.goal_text.replace("<=", "≤").replace(">=", "≥")
        meaning = described(name, notes)
        if name not in values and name in rows and rows[name][3].startswith(f"{figure.meaning}: "):
            meaning = rows[name][3]
        lines.append(f"| `{name}` | {shown(kept.get(name))} | {goal}{met} | {meaning} |")
    draft = path.with_suffix(".part")
    draft.write_text(before + _BEGIN + "\n" + "\n".join(lines) + "\n" + _END + after)
    draft.replace(path)


def _parts(path: Path) -> tuple[str, str, str]:
    """The text before the table, the table, and the text behind it."""
    text = path.read_text()
    before, begin, rest = text.partition(_BEGIN)
    table, end, after = rest.partition(_END)
    if not begin or not end:
        raise UserError(f"{path} has no table of figures: put {_BEGIN} and {_END} where it shall be")
    return before, table, after
