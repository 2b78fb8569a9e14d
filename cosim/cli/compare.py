"""``bivisor compare``: what each way of virtualizing costs."""

from pathlib import Path
from typing import Annotated

import typer

from cosim.cli.terminal import output, working, write_json
from cosim.errors import UserError

__all__ = ["compare"]


def compare(
    columns: Annotated[
        list[str] | None, typer.Argument(metavar="COLUMN...", help="native, el2, el2-split, vmx, ...; all")
    ] = None,
    workloads: Annotated[bool, typer.Option(help="run the whole workloads too")] = True,
    json: Annotated[Path | None, typer.Option(help="write all cells with their parts")] = None,
    markdown: Annotated[Path | None, typer.Option(help="write the tables in Markdown")] = None,
    plot: Annotated[Path | None, typer.Option(help="draw them (PNG, SVG or PDF)")] = None,
) -> int:
    """Measure what a hypervisor's work costs, on each architecture, with and without hardware's help."""
    from cosim.compare.columns import COLUMNS
    from cosim.compare.plot import plot as draw
    from cosim.compare.run import measure
    from cosim.compare.tables import markdown as as_markdown
    from cosim.compare.tables import tables

    known = {column.name: column for column in COLUMNS}
    for name in columns or []:
        if name not in known:
            raise UserError(f"there is no column {name!r}: choose from {', '.join(known)}")
    for path in (json, markdown, plot):
        if path is not None and not path.absolute().parent.is_dir():
            raise UserError(f"{path}: there is no folder {path.absolute().parent}; make it first")
    chosen = [known[name] for name in known if not columns or name in columns]
    with working("measuring") as report:
        found = measure(chosen, report, workloads=workloads)
    output.print(*tables(found), sep="\n")
    if json:
        write_json(json, found.to_json())
    if markdown:
        draft = markdown.with_name(markdown.name + ".part")
        draft.write_text(as_markdown(found))
        draft.replace(markdown)
    if plot:
        draw(found, plot)
    return 0
