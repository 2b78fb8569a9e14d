"""``bivisor synth``: the machine on an FPGA board, and what it takes."""

import warnings
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from amaranth.hdl import UnusedElaboratable
from rich.table import Table

from cosim.cli.terminal import output, working, write_json
from cosim.elf import Program, read_elf
from cosim.errors import UserError
from cosim.job import parse_size

if TYPE_CHECKING:
    from boards.report import Report

__all__ = ["synth"]


class Extension(StrEnum):
    """What can be left out of the core."""

    HYPERVISOR = "hypervisor"
    XVMX = "xvmx"


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
    from boards.config import board_config
    from boards.machine import BoardMachine
    from boards.synthesis import BOARDS, SynthesisError, map_logic, synthesize

    if board not in BOARDS:
        raise UserError(f"there is no board {board!r}: choose from {', '.join(BOARDS)}")
    loaded = read_elf(program) if program else None
    left_out = [extension.value for extension in without or []]

    def build(missing: list[str], whole: bool, report: Any) -> Any:
        name = "-".join([board, *(f"no-{extension}" for extension in missing)])
        try:
            machine = BoardMachine(
                board_config(**dict.fromkeys(missing, False)),
                clock_hz=mhz * 1e6,
                memory=parse_size(memory),
                **_contents(loaded),
            )
            return (synthesize if whole else map_logic)(
                board, machine, mhz, folder / name, seed=seed, progress=lambda step: report(f"{name} {step}")
            )
        except (SynthesisError, ValueError) as error:
            # What was wrong has been said; that components stay unused is no news.
            warnings.simplefilter("ignore", UnusedElaboratable)
            raise UserError(str(error)) from None

    with working("building") as report:
        luts, built = build(left_out, True, report)
        without_luts = {
            extension.value: build([*left_out, extension.value], False, report)
            for extension in Extension
            if price and extension.value not in left_out
        }
    output.print(_usage_table(board, built))
    output.print(_path_table(built))
    if without_luts:
        output.print(_price_table(luts, without_luts))
    if json:
        write_json(json, _flat(board, built, luts, without_luts))
    return 0


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


def _price_table(luts: int, without: dict[str, int]) -> Table:
    table = Table(title=f"Price of each extension ({luts:,} LUTs before placement)", title_justify="left")
    table.add_column("extension")
    for name in ("LUTs without", "more", "share"):
        table.add_column(name, justify="right")
    for extension, rest in without.items():
        table.add_row(extension, f"{rest:,}", f"{luts - rest:,}", f"{100 * (luts - rest) / rest:.1f} %")
    return table


def _flat(board: str, report: "Report", luts: int, without: dict[str, int]) -> dict[str, Any]:
    """One object. ``luts`` and ``luts_without_...`` are counted before placement, so that they compare."""
    short = {"hypervisor": "h"}
    values = {"board": board, **report.to_json(), "luts_placed": report.luts, "luts": luts}
    return values | {f"luts_without_{short.get(name, name)}": rest for name, rest in without.items()}
