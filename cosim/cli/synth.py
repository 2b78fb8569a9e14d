"""``bivisor synth``: the machine on an FPGA board, and what it takes."""

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from cosim.cli.terminal import output, working, write_json
from cosim.elf import Program, read_elf
from cosim.errors import UserError
from cosim.job import parse_size
from rtl.config import CoreConfig, SocConfig

if TYPE_CHECKING:
    from boards.report import Report

__all__ = ["synth"]


class Extension(StrEnum):
    """What can be left out of the core."""

    HYPERVISOR = "hypervisor"


def synth(
    board: Annotated[str, typer.Option(help="the board")] = "ulx3s",
    mhz: Annotated[float, typer.Option(help="the core's clock")] = 50.0,
    memory: Annotated[str, typer.Option(help="block RAM at the start of DRAM")] = "128K",
    program: Annotated[
        Path | None, typer.Option(help="ELF file that stands in memory when the board starts")
    ] = None,
    without: Annotated[list[Extension] | None, typer.Option(help="leave it out of the core")] = None,
    price: Annotated[
        bool, typer.Option("--price", help="build without each extension too, and say what it costs")
    ] = False,
    seed: Annotated[int, typer.Option(help="of the placement")] = 1,
    folder: Annotated[Path, typer.Option(help="the build's files go to a folder in it")] = Path(
        "build/synth"
    ),
    json: Annotated[Path | None, typer.Option(help="write the figures as one object")] = None,
) -> int:
    """Build the machine for a board: bitstream, logic, memory, highest frequency and the slowest path."""
    from boards.machine import BoardMachine
    from boards.synthesis import BOARDS, SynthesisError, synthesize

    if board not in BOARDS:
        raise UserError(f"there is no board {board!r}: choose from {', '.join(BOARDS)}")
    loaded = read_elf(program) if program else None
    left_out = [extension.value for extension in without or []]

    def build(missing: list[str], report: Any) -> "Report":
        name = "-".join([board, *(f"no-{extension}" for extension in missing)])
        try:
            machine = BoardMachine(
                SocConfig(core=_core(missing)),
                clock_hz=mhz * 1e6,
                memory=parse_size(memory),
                **_contents(loaded),
            )
            return synthesize(
                board, machine, mhz, folder / name, seed=seed, progress=lambda step: report(f"{name} {step}")
            )
        except (SynthesisError, ValueError) as error:
            raise UserError(str(error)) from None

    with working("building") as report:
        figures = {"": build(left_out, report)}
        if price:
            for extension in Extension:
                if extension.value not in left_out:
                    figures[extension.value] = build([*left_out, extension.value], report)
    whole = figures.pop("")
    output.print(_usage_table(board, whole))
    output.print(_path_table(whole))
    if figures:
        output.print(_price_table(whole, figures))
    if json:
        write_json(json, _flat(board, whole, figures))
    return 0


def _core(missing: list[str]) -> CoreConfig:
    """The core without the extensions ``missing``."""
    parts: dict[str, Any] = dict.fromkeys(missing, False)
    return replace(CoreConfig(), **parts)


def _contents(program: Program | None) -> dict[str, Any]:
    """What memory holds, for :class:`boards.machine.BoardMachine`."""
    if program is None:
        return {}
    return {
        "segments": {segment.address: segment.data for segment in program.segments},
        "entry": program.entry,
    }


def _usage_table(board: str, report: "Report") -> Table:
    table = Table(
        title=f"{board}: {report.fmax_mhz:g} MHz ({report.target_mhz:g} wanted)", title_justify="left"
    )
    table.add_column("resource")
    for name in ("used", "of", "share"):
        table.add_column(name, justify="right")
    for name, available in report.available.items():
        used = getattr(report, name)
        table.add_row(
            name.replace("_", " "), f"{used:,}", f"{available:,}", f"{100 * used / available:.0f} %"
        )
    return table


def _path_table(report: "Report") -> Table:
    table = Table(title="Slowest path", title_justify="left")
    table.add_column("ns", justify="right")
    table.add_column("what")
    table.add_column("name", overflow="fold")
    for step in report.critical_path:
        table.add_row(f"{step.delay:.2f}", step.kind, step.name)
    return table


def _price_table(whole: "Report", without: dict[str, "Report"]) -> Table:
    table = Table(title="Price of each extension", title_justify="left")
    table.add_column("extension")
    for name in ("LUTs without", "LUTs more", "share", "MHz without"):
        table.add_column(name, justify="right")
    for extension, report in without.items():
        more = whole.luts - report.luts
        table.add_row(
            extension,
            f"{report.luts:,}",
            f"{more:,}",
            f"{100 * more / report.luts:.1f} %",
            f"{report.fmax_mhz:g}",
        )
    return table


def _flat(board: str, whole: "Report", without: dict[str, "Report"]) -> dict[str, Any]:
    """One object; ``luts_without_h`` is the key that benchmarks know."""
    short = {"hypervisor": "h"}
    values = {"board": board, **whole.to_json()}
    for extension, report in without.items():
        values[f"luts_without_{short.get(extension, extension)}"] = report.luts
    return values
