"""What every command shows the same way: progress, tables, results in files."""

import json
import os
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table

from cosim.build import Build, Variant, build
from cosim.errors import UserError
from cosim.result import Result
from rtl.config import SocConfig

if TYPE_CHECKING:
    from cosim.lockstep.compare import Mismatch

__all__ = [
    "built",
    "errors",
    "output",
    "print_mismatch",
    "result_tables",
    "this_command",
    "working",
    "write_json",
]

output = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


@contextmanager
def working(what: str) -> Iterator[Callable[[str], None]]:
    """A line on the terminal that says what is being done; the yielded function changes it.

    Where stderr is not a terminal each new step is a line of its own.
    """
    if errors.is_terminal:
        with errors.status(what) as status:
            yield status.update
        return
    said = ""

    def say(line: str) -> None:
        nonlocal said
        if line.split(":")[0] != said:
            said = line.split(":")[0]
            errors.print(line, markup=False)

    yield say


def built(variant: Variant, config: SocConfig | None = None) -> Build:
    """The simulator, building it with progress if it is not in the cache."""
    with working("looking for the simulator") as report:
        return build(variant, config, report=report)


def this_command(context: typer.Context) -> str:
    """The command line that was given, without what was left at its default."""
    words = ["bivisor", context.info_name or ""]
    arguments: list[str] = []
    for parameter in context.command.params:
        value = context.params.get(parameter.name or "")
        if value in (parameter.default, None, False, [], ()):
            continue
        values = value if isinstance(value, (list, tuple)) else [value]
        for one in values:
            if parameter.param_type_name == "argument":
                arguments.append(str(one))
            else:
                words += [parameter.opts[0]] if one is True else [parameter.opts[0], str(one)]
    return shlex.join(words + arguments)


def print_mismatch(mismatch: "Mismatch") -> None:
    """The whole report on stderr: in colours on a wide terminal, else as lines of one width."""
    from cosim.lockstep.report import WIDTH, as_text, renderables

    if errors.is_terminal and errors.width >= WIDTH:
        for part in renderables(mismatch):
            errors.print(part)
    else:
        errors.print(as_text(mismatch), markup=False, soft_wrap=True)


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write whole or not at all; into a pipe or a device (``/dev/stdout``) directly."""
    special = path.exists() and not path.is_file()
    draft = path if special else path.with_name(path.name + ".part")
    try:
        draft.write_text(json.dumps(values, indent=2) + "\n")
        if not special:
            os.replace(draft, path)
    except OSError as error:
        if not special:
            draft.unlink(missing_ok=True)
        raise UserError(
            f"{path}: cannot be written ({error.strerror}); check folder and free space"
        ) from None


def result_tables(result: Result) -> list[Table]:
    """Exits by reason, if there were any, and the totals."""
    tables = []
    if result.exits:
        table = Table(title="Exits", title_justify="left")
        table.add_column("VMID", justify="right")
        table.add_column("reason")
        table.add_column("to")
        for name in ("count", "median", "max", "cycles"):
            table.add_column(name, justify="right")
        for one in sorted(result.exits, key=lambda one: (one.vmid, -one.count)):
            median, most = (f"{value:,}" if value is not None else "-" for value in (one.median, one.maximum))
            destination = "M" if one.to_machine else "HS"
            table.add_row(
                str(one.vmid), one.reason, destination, f"{one.count:,}", median, most, f"{one.cycles:,}"
            )
        tables.append(table)
    totals = Table(title="Totals", title_justify="left")
    for name in ("cycles", "instructions", "CPI", "in guests", "kHz"):
        totals.add_column(name, justify="right")
    share = f"{100 * result.guest_cycles / result.cycles:.1f} %" if result.cycles else "-"
    speed = f"{result.cycles / result.cpu_seconds / 1000:,.0f}" if result.cpu_seconds else "-"
    totals.add_row(f"{result.cycles:,}", f"{result.instructions:,}", f"{result.cpi:.3f}", share, speed)
    return [*tables, totals]
