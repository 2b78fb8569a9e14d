"""``bivisor bench``: what things cost, in cycles, and how fast the simulation is."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from cosim.bench.figures import FIGURES, measure, notes_on, of_cycles
from cosim.bench.kept import KEPT, described, keep_figures, kept_figures, shown
from cosim.bench.plot import plot_figures
from cosim.cli.terminal import output, working, write_json
from cosim.errors import UserError

__all__ = ["bench"]


def bench(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME...", help="figures to measure; all")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="write the figures as one flat object")] = None,
    plot: Annotated[Path | None, typer.Option(help="draw them against their goals (PNG, SVG or PDF)")] = None,
    update_docs: Annotated[bool, typer.Option(help=f"keep them in docs/{KEPT.name}")] = False,
    board: Annotated[
        bool, typer.Option("--board", help="cycles of the boards' hart, with the simulator's memory")
    ] = False,
) -> int:
    """Measure the figures NAME..., or all of them; print them with their goals and the last kept run's."""
    for name in names or []:
        if name not in FIGURES:
            raise UserError(f"there is no figure {name!r}: choose from {', '.join(FIGURES)}")
        if board and not of_cycles(name):
            raise UserError(f"{name} is no figure of cycles: leave it out, or --board")
    if board and update_docs:
        raise UserError("the docs keep the simulated machine's figures: leave out --board or --update-docs")
    with working("measuring") as report:
        if board:
            from boards.config import board_config

            machine = board_config(dma=True)  # the simulator's disk and console use it
            values = measure(names or [name for name in FIGURES if of_cycles(name)], report, machine)
        else:
            values = measure(names or list(FIGURES), report)
    notes = notes_on(list(values))
    kept = kept_figures()
    table = Table(title="Benchmarks", title_justify="left")
    table.add_column("figure")
    for name in ("value", "goal", "kept"):
        table.add_column(name, justify="right")
    table.add_column("meaning")
    for name, value in values.items():
        figure = FIGURES[name]
        met = None if value is None else figure.met(value)
        style = "" if met is None else "green" if met else "yellow"
        last = "same" if name in kept and shown(kept[name]) == shown(value) else shown(kept.get(name))
        table.add_row(name, shown(value), figure.goal_text, last, described(name, notes), style=style)
    output.print(table)
    if json:
        write_json(json, values | ({"kernels_compiler": notes["kernels_per_mhz"]} if notes else {}))
    if plot:
        plot_figures(values, plot)
    if update_docs:
        keep_figures(values, notes)
    return 0
