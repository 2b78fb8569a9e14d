"""Coverage for people: a table on the terminal, and a page of HTML that names every hole."""

import html
import os
from collections import defaultdict
from pathlib import Path

from rich.table import Table

from cosim.coverage.group import Bin, Group
from cosim.coverage.groups import groups
from cosim.coverage.results import Coverage

__all__ = ["compress", "summary", "write_html"]

_HTML_HOLES = 4000
"""Lines of holes per group."""

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { text-align: left; padding: .25rem .8rem; border-bottom: 1px solid #8884; vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
meter { width: 8rem; } code { font-size: .92em; } .wrong { color: #b00; }
"""


def compress(holes: list[Bin]) -> list[tuple[str, ...]]:
    """Bins that differ in one place only, put together; the joined values are separated by commas."""
    lines = [tuple(values) for values in holes]
    for axis in reversed(range(len(lines[0]) if lines else 0)):
        merged: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
        for line in lines:
            merged[line[:axis] + line[axis + 1 :]].append(line[axis])
        lines = [(*rest[:axis], ", ".join(values), *rest[axis:]) for rest, values in merged.items()]
    return sorted(lines)


def _percent(hit: int, reachable: int) -> str:
    """Rounded down: 100 % means all."""
    return f"{int(1000 * hit / reachable) / 10 if reachable else 100:.1f} %"


def summary(coverage: Coverage) -> Table:
    """A line per group."""
    table = Table(title="Functional coverage", title_justify="left")
    table.add_column("group")
    for column in ("hit", "reachable", "", "excluded"):
        table.add_column(column, justify="right")
    for group in groups().values():
        hit, reachable = len(coverage.hit(group)), len(group.reachable)
        style = "green" if hit == reachable else "yellow"
        excluded = sum(group.excluded.values())
        row = (group.title, f"{hit:,}", f"{reachable:,}", _percent(hit, reachable), f"{excluded:,}")
        table.add_row(*row, style="red" if coverage.unexpected(group) else style)
    hit, reachable = coverage.total
    table.add_section()
    table.add_row("all", f"{hit:,}", f"{reachable:,}", _percent(hit, reachable), "")
    return table


def write_html(coverage: Coverage, path: Path) -> None:
    """The whole report; written whole or not at all."""
    draft = path.with_name(path.name + ".part")
    try:
        draft.write_text(_page(coverage))
        os.replace(draft, path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def _page(coverage: Coverage) -> str:
    hit, reachable = coverage.total
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        f"<title>Bivisor: functional coverage</title><style>{_STYLE}</style><h1>Functional coverage</h1>",
        f"<p>{coverage.instructions:,} instructions of {coverage.programs:,} programs compared in lockstep; "
        f"{hit:,} of {reachable:,} reachable bins hit ({_percent(hit, reachable)}).</p>",
        "<table><tr><th>group<th><th class=n>hit<th class=n>reachable<th class=n><th class=n>excluded</tr>",
    ]
    for group in groups().values():
        count, size = len(coverage.hit(group)), len(group.reachable)
        parts.append(
            f"<tr><td><a href='#{group.name}'>{html.escape(group.title)}</a>"
            f"<td><meter value={count} max={size}></meter><td class=n>{count:,}<td class=n>{size:,}"
            f"<td class=n>{_percent(count, size)}<td class=n>{sum(group.excluded.values()):,}</tr>"
        )
    parts.append("</table>")
    parts += [_section(coverage, group) for group in groups().values()]
    return "\n".join(parts)


def _section(coverage: Coverage, group: Group) -> str:
    parts = [f"<h2 id={group.name}>{html.escape(group.title)}</h2>"]
    unexpected = coverage.unexpected(group)
    if unexpected:
        parts.append("<p class=wrong>Hit although ruled out:</p>" + _lines(group, unexpected))
    holes = coverage.holes(group)
    if holes:
        parts.append(f"<p>{len(holes):,} holes:</p>" + _lines(group, holes))
    else:
        parts.append("<p>No holes.</p>")
    if group.excluded:
        rows = "".join(
            f"<tr><td class=n>{count:,}<td>{html.escape(reason)}</tr>"
            for reason, count in group.excluded.items()
        )
        parts.append(f"<details><summary>Not reachable, and why</summary><table>{rows}</table></details>")
    return "\n".join(parts)


def _lines(group: Group, bins: list[Bin]) -> str:
    lines = compress(bins)
    head = "".join(f"<th>{html.escape(axis)}" for axis in group.axes)
    rows = "".join(
        "<tr>" + "".join(f"<td><code>{html.escape(value)}</code>" for value in line) + "</tr>"
        for line in lines[:_HTML_HOLES]
    )
    more = f"<p>and {len(lines) - _HTML_HOLES:,} lines more</p>" if len(lines) > _HTML_HOLES else ""
    return f"<table><tr>{head}</tr>{rows}</table>{more}"
