"""``bivisor coverage``: what programs have made happen, and what not yet."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from cosim.build import Variant
from cosim.cli.terminal import built, errors, output, working, write_json
from cosim.errors import UserError

__all__ = ["coverage"]


def coverage(
    programs: Annotated[
        list[Path] | None, typer.Argument(metavar="PROGRAM...", help="ELF files, started in M mode")
    ] = None,
    seed: Annotated[int, typer.Option(help="first torture seed")] = 0,
    seeds: Annotated[int, typer.Option(help="number of torture seeds")] = 0,
    xvmx_seeds: Annotated[int, typer.Option(help="number of torture seeds for Xvmx")] = 0,
    instructions: Annotated[int, typer.Option(help="per seed")] = 30_000,
    sweep: Annotated[bool, typer.Option("--sweep", help="access every CSR number from every mode")] = False,
    jobs: Annotated[int, typer.Option(help="programs at a time; 0 means one per processor")] = 0,
    merge: Annotated[list[Path] | None, typer.Option(help="add the counts of this file")] = None,
    json: Annotated[Path | None, typer.Option(help="write the counts, for --merge")] = None,
    html: Annotated[Path | None, typer.Option(help="write a report that names every hole")] = None,
    rtl: Annotated[
        bool, typer.Option("--rtl", help="coverage of the hardware's branches and signals instead")
    ] = False,
    holes: Annotated[int, typer.Option(help="print so many lines of holes per group")] = 0,
) -> int:
    """Run PROGRAM... and torture seeds in lockstep with the model, and report the functional coverage.

    Exit status: 0, or 1 if the hardware and the model disagreed, or a bin was hit that is ruled out.
    """
    from cosim.coverage.groups import groups
    from cosim.coverage.report import compress, summary, write_html
    from cosim.coverage.results import Coverage
    from cosim.coverage.run import Task, measure

    if min(seeds, xvmx_seeds, jobs, holes) < 0 or instructions < 1:
        raise UserError("--seeds, --jobs and --holes must not be negative, --instructions at least 1")
    total = Coverage()
    for path in merge or []:
        total.merge(Coverage.load(path))
    tasks = [Task(path) for path in programs or []]
    tasks += [Task(seed=n, instructions=instructions) for n in range(seed, seed + seeds)]
    tasks += [Task(seed=n, instructions=instructions, xvmx=True) for n in range(seed, seed + xvmx_seeds)]
    tasks += [Task(), Task(xvmx=True)] if sweep else []
    if rtl:
        return _rtl(tasks, jobs or os.cpu_count() or 1, holes)
    if not tasks and not merge:
        raise UserError("nothing to measure: give programs, --seeds, --xvmx-seeds, --sweep or --merge")
    failed = _run(tasks, total, jobs or os.cpu_count() or 1, measure) if tasks else 0
    output.print(summary(total))
    for group in groups().values():
        if wrong := total.unexpected(group):
            failed += 1
            _print_bins(f"{group.title}: hit although ruled out", group.axes, compress(wrong)[: holes or 10])
        if holes and (left := total.holes(group)):
            _print_bins(f"{group.title}: {len(left):,} holes", group.axes, compress(left)[:holes])
    output.print(f"{total.instructions:,} instructions of {total.programs:,} programs compared")
    if json:
        write_json(json, total.to_json())
    if html:
        write_html(total, html)
    return 1 if failed else 0


def _run(tasks, total, jobs: int, measure) -> int:
    """Number of programs on which hardware and model disagreed."""
    simulator = built(Variant.OBSERVE)
    failed = 0
    with working("comparing") as report:
        for done, (task, mismatch) in enumerate(measure(simulator, tasks, total, min(jobs, len(tasks))), 1):
            report(f"comparing: {done} of {len(tasks)} programs, {total.instructions:,} instructions")
            if mismatch:
                failed += 1
                errors.print(f"{task}: {mismatch}", markup=False, soft_wrap=True)
    return failed


def _rtl(tasks, jobs: int, holes: int) -> int:
    """Verilator's coverage of the same programs, run without the model."""
    from cosim.coverage.rtl import RtlCoverage, measure_rtl

    if not tasks:
        raise UserError("nothing to measure: give programs, --seeds or --sweep")
    simulator = built(Variant.COVERAGE)
    total = RtlCoverage()
    with working("running") as report:
        for done, _ in enumerate(measure_rtl(simulator, tasks, total, min(jobs, len(tasks))), 1):
            report(f"running: {done} of {len(tasks)} programs")
    table = Table(title="Coverage of the hardware", title_justify="left")
    for column in ("component", "branches", "", "toggles", ""):
        table.add_column(column, justify="left" if column == "component" else "right")
    sums = [0, 0, 0, 0]
    components = total.components()
    for name, found in components.items():
        sums = [a + b for a, b in zip(sums, (*found.branches, *found.toggles))]
        table.add_row(name, *_share(*found.branches), *_share(*found.toggles))
    table.add_section()
    table.add_row("all", *_share(*sums[:2]), *_share(*sums[2:]))
    output.print(table)
    for name in components if holes else ():
        for toggle in (False, True):
            for line in total.holes(name, toggle)[:holes]:
                output.print(f"{name}: {line}", markup=False, soft_wrap=True)
    return 0


def _share(hit: int, total: int) -> tuple[str, str]:
    return f"{hit:,} of {total:,}", f"{int(1000 * hit / total) / 10 if total else 100:.1f} %"


def _print_bins(title: str, axes: tuple[str, ...], lines: list[tuple[str, ...]]) -> None:
    table = Table(title=title, title_justify="left")
    for axis in axes:
        table.add_column(axis, overflow="fold")
    for line in lines:
        table.add_row(*line)
    output.print(table)
