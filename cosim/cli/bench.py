"""``bivisor bench``: what things cost, in cycles, and how fast the simulation is."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from cosim.bench.figures import FIGURES, measure
from cosim.cli.terminal import output, working, write_json
from cosim.errors import UserError

__all__ = ["bench"]


def bench(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME...", help="figures to measure; all")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="write the figures as one flat object")] = None,
) -> int:
    """Measure the figures NAME..., or all of them, and print them with their goals."""
    for name in names or []:
        if name not in FIGURES:
            raise UserError(f"there is no figure {name!r}: choose from {', '.join(FIGURES)}")
    with working("measuring") as report:
        values = measure(names or list(FIGURES), report)
    table = Table(title="Benchmarks", title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    table.add_column("goal", justify="right")
    table.add_column("meaning")
    for name, value in values.items():
        figure = FIGURES[name]
        style = "" if figure.met(value) is None else "green" if figure.met(value) else "yellow"
        shown = f"{value:,.3f}".rstrip("0").rstrip(".")
        table.add_row(name, shown, figure.goal_text, figure.meaning, style=style)
    output.print(table)
    if json:
        write_json(json, values)
    return 0
