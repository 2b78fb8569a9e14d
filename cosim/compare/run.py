"""Runs the guests in each way, and measures."""

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cosim.build import Build, Variant, build
from cosim.compare.columns import NATIVE, Column
from cosim.compare.comparison import Comparison
from cosim.compare.parts import Parts
from cosim.compare.rows import EMPTY, ROWS, SWITCH
from cosim.compare.samples import Cell, Sample, operations, switches, typical
from cosim.elf import read_elf
from cosim.errors import UserError
from cosim.job import Job
from cosim.lockstep.records import Event, read_records
from cosim.simulate import complaint, run_plain
from firmware.guests.operations import ROUNDS, WARM_UP
from firmware.guests.workloads import NAMES
from firmware.images import small_guest

__all__ = ["measure", "measure_column", "measure_operations", "measure_switch", "measure_workloads"]

_LIMIT = 20_000_000
_WORKLOADS_LIMIT = 100_000_000
_SLICE = 200
"""Ticks: short turns, for many changes of the VM."""


@contextmanager
def _records(simulator: Build, job: Job) -> Iterator[Iterator[Event]]:
    """The records of a run, while it runs."""
    job.check()
    with tempfile.TemporaryDirectory(prefix="bivisor-") as name:
        folder = Path(name)
        reading, writing = os.pipe()
        arguments = [str(simulator.plain), *job.arguments(folder / "image")]
        arguments += ["--console", str(folder / "console"), "--json", str(folder / "result.json")]
        with (folder / "errors").open("wb") as errors:
            process = subprocess.Popen(
                [*arguments, "--records", f"/dev/fd/{writing}"], pass_fds=[writing], stderr=errors
            )
        os.close(writing)
        try:
            with os.fdopen(reading, "rb") as stream:
                yield read_records(stream)
            status = process.wait()
        finally:
            process.kill()
            process.wait()
        if status:
            raise UserError(complaint((folder / "errors").read_text(), status))


def measure_operations(simulator: Build, column: Column) -> dict[str, list[Sample]]:
    """The samples of each row but `SWITCH`, warm-up left out."""
    boot = column.boot(["operations"], small_pages=True)
    parts = None if column.is_native else Parts(column.hypervisor(boot))
    symbols = read_elf(small_guest("operations")).symbols
    with _records(simulator, column.job(boot, _LIMIT)) as records:
        found = operations(records, symbols, parts)
    for name, samples in found.items():
        if len(samples) != WARM_UP + ROUNDS:
            raise UserError(
                f"{column.name}: {name} was seen {len(samples)} times, not {WARM_UP + ROUNDS}", status=1
            )
    return {name: samples[WARM_UP:] for name, samples in found.items()}


def measure_switch(simulator: Build, column: Column) -> list[Sample]:
    """Changes between two VMs, warm-up left out."""
    boot = column.boot(["spin", "spin"], slice_ticks=_SLICE)
    parts = Parts(column.hypervisor(boot))
    with _records(simulator, column.job(boot, _LIMIT)) as records:
        found = switches(records, parts)
    if len(found) <= 2 * WARM_UP:
        raise UserError(f"{column.name}: the VM changed only {len(found)} times", status=1)
    return found[WARM_UP:]


def measure_column(simulator: Build, column: Column) -> dict[str, Cell]:
    """A cell for each row that the column has."""
    found = measure_operations(simulator, column)
    empty = typical(found[EMPTY.name], 0).cycles
    cells = {}
    for row in ROWS:
        if row is not SWITCH:
            cells[row.name] = typical(found[row.name], empty)
        elif not column.is_native:
            cells[row.name] = typical(measure_switch(simulator, column), 0)
    return cells


def measure_workloads(simulator: Build, column: Column) -> dict[str, int]:
    """Cycles of each workload, as the guest counts them."""
    boot = column.boot(["workloads"])
    result = run_plain(simulator, column.job(boot, _WORKLOADS_LIMIT))
    found = {
        NAMES[int(n)]: int(cycles)
        for n, cycles in re.findall(r"^workload (\d+): (\d+)$", result.console, re.M)
    }
    if len(found) != len(NAMES) or result.outcome != "exit" or result.code:
        last = (result.console.strip().splitlines() or ["nothing"])[-1]
        raise UserError(f"{column.name}: the workloads did not end well; the last line is: {last}", status=1)
    return found


def measure(
    columns: Sequence[Column], report: Callable[[str], None], *, workloads: bool = True
) -> Comparison:
    """All cells of some columns; with ``workloads`` these too, and natively in any case."""
    observing = build(Variant.OBSERVE, report=report)
    cells: dict[str, dict[str, Cell]] = {}
    for column in columns:
        report(f"operations, {column.title}")
        cells[column.name] = measure_column(observing, column)
    spent: dict[str, dict[str, int]] = {}
    if workloads:
        fast = build(Variant.FAST, report=report)
        for column in dict.fromkeys((NATIVE, *columns)):
            report(f"workloads, {column.title}")
            spent[column.name] = measure_workloads(fast, column)
    return Comparison(tuple(columns), cells, spent)
