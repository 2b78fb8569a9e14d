"""A comparison as tables: for a terminal, and in Markdown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.table import Table

from cosim.compare.comparison import WORKLOADS, Comparison
from cosim.compare.parts import Part
from cosim.compare.rows import ROWS
from cosim.compare.samples import Cell

__all__ = ["markdown", "tables"]

_NOTHING = "-"


@dataclass(frozen=True)
class _Sheet:
    """A table's text: ``head`` begins with the title of the first column."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables(comparison: Comparison) -> list[Table]:
    """For the terminal."""
    made = []
    for sheet in _sheets(comparison):
        table = Table(title=sheet.title, title_justify="left")
        table.add_column(sheet.head[0])
        for title in sheet.head[1:]:
            table.add_column(title, justify="right")
        for row in sheet.rows:
            table.add_row(*row)
        made.append(table)
    return made


def markdown(comparison: Comparison) -> str:
    """The same in Markdown."""
    blocks = []
    for sheet in _sheets(comparison):
        rule = ["---", *["---:"] * (len(sheet.head) - 1)]
        lines = ["| " + " | ".join(cells) + " |" for cells in (sheet.head, rule, *sheet.rows)]
        blocks.append("\n".join([f"{sheet.title}:", "", *lines]))
    return "\n\n".join(blocks) + "\n"


def _sheets(comparison: Comparison) -> list[_Sheet]:
    titles = [column.title for column in comparison.columns]
    head = ["operation", *titles]
    sheets = [
        _Sheet(
            "Cycles (instructions)", head, [[row.title, *_row(comparison, row.name, _cost)] for row in ROWS]
        ),
    ]
    guests = [column for column in comparison.columns if not column.is_native]
    if guests:
        title = f"Cycles by part: {' + '.join(part.value for part in Part)}"
        only = Comparison(tuple(guests), comparison.cells, {})
        rows = [[row.title, *_row(only, row.name, _parts)] for row in ROWS]
        sheets.append(_Sheet(title, ["operation", *(column.title for column in guests)], rows))
    if comparison.workloads:
        rows = []
        for name, text in WORKLOADS.items():
            native = f"{comparison.workloads['native'][name]:,}"
            ratios = [f"{comparison.overhead(column.name, name):.3f}" for column in guests]
            rows.append([text, native, *ratios])
        head = ["workload", "native cycles", *(column.title for column in guests)]
        sheets.append(_Sheet("Workloads, cycles over native cycles", head, rows))
    return sheets


def _row(comparison: Comparison, name: str, show: Callable[[Cell], str]) -> list[str]:
    cells = [comparison.cells[column.name].get(name) for column in comparison.columns]
    return [_NOTHING if cell is None else show(cell) for cell in cells]


def _cost(cell: Cell) -> str:
    return f"{cell.cycles:,} ({cell.instructions:,})"


def _parts(cell: Cell) -> str:
    if not cell.exits:
        return "no exit"
    return "+".join(str(cell.parts[part]) for part in Part)
