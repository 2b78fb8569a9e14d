"""Verilator's own coverage of the hardware: branches taken and bits toggled, by component.

A coverage build (``cosim.build.Variant.COVERAGE``) writes a line per point: keys and a count, where each key
is ``\\1name\\2value`` (Verilator's ``verilated_cov.cpp``). Amaranth's modules are named by their place in the
hierarchy, so a point's module is its component.
"""

import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from cosim.build import Build
from cosim.coverage.run import Task, task_job
from cosim.simulate import run_plain

__all__ = ["Component", "RtlCoverage", "measure_rtl", "read_points"]

_LINE = re.compile(r"^C '(.*)' (\d+)$")
_KEY = re.compile("\x01([^\x02]+)\x02([^\x01]*)")
_SUFFIX = re.compile(r"\$\d+")
"""Amaranth's number behind a name that it has used already."""
_GUARD = "$auto$verilog_backend"
"""Yosys begins each process with a condition on such a signal, which is never true."""
_CYCLES_PER_INSTRUCTION = 4


@dataclass(frozen=True)
class Point:
    """A place that is counted: its component, whether a toggle (else a branch), file and line, and what."""

    component: str
    toggle: bool
    file: str
    line: int
    what: str


@dataclass
class Component:
    """Points hit and points in all, of branches and of toggles."""

    branches: tuple[int, int] = (0, 0)
    toggles: tuple[int, int] = (0, 0)


@cache
def _source(file: str) -> list[str]:
    return Path(file).read_text().splitlines()


def _text(point: Point) -> str:
    lines = _source(point.file)
    return lines[point.line - 1].strip() if 0 < point.line <= len(lines) else ""


def read_points(lines: Iterable[str]) -> Iterator[tuple[Point, int]]:
    """The points of a coverage file and their counts; of toggles, those of signals with names."""
    for text in lines:
        found = _LINE.match(text)
        if not found:
            continue
        keys = dict(_KEY.findall(found[1]))
        kind, _, module = keys.get("page", "").removeprefix("v_").partition("/")
        what = keys.get("o", "")
        toggle = kind == "toggle"
        if toggle and what.lstrip("\\").startswith("$"):
            continue
        component = _SUFFIX.sub("", module.lstrip("\\").strip())
        component = component.removeprefix("top.").removeprefix("soc.")
        yield Point(component, toggle, keys.get("f", ""), int(keys.get("l", 0)), what), int(found[2])


@dataclass
class RtlCoverage:
    """Counts of runs added up."""

    points: Counter[Point] = field(default_factory=Counter)

    def add(self, lines: Iterable[str]) -> None:
        """Another run's file."""
        for point, count in read_points(lines):
            self.points[point] += count

    def components(self) -> dict[str, Component]:
        """By name, in order."""
        found: dict[str, Component] = {}
        for point, count in self.points.items():
            if not point.toggle and _GUARD in _text(point):
                continue
            entry = found.setdefault(point.component, Component())
            name = "toggles" if point.toggle else "branches"
            hit, total = getattr(entry, name)
            setattr(entry, name, (hit + (count > 0), total + 1))
        return dict(sorted(found.items()))

    def holes(self, component: str, toggle: bool) -> list[str]:
        """What was never taken or never toggled, in words."""
        return [
            point.what if toggle else f"line {point.line}, {point.what}: {_text(point)}"
            for point, count in sorted(self.points.items(), key=lambda item: (item[0].line, item[0].what))
            if point.component == component and point.toggle == toggle and not count
            if toggle or _GUARD not in _text(point)
        ]


def measure_rtl(simulator: Build, tasks: list[Task], coverage: RtlCoverage, jobs: int) -> Iterator[Task]:
    """Run ``tasks`` on a coverage build, without the model, and add their counts; yields each when done."""

    def run(task: Task) -> list[str]:
        with tempfile.TemporaryDirectory(prefix="bivisor-") as folder:
            path = Path(folder) / "coverage.dat"
            job = task_job(task)
            if task.path is None:
                cycles = max(task.instructions, 1000) * _CYCLES_PER_INSTRUCTION
                job = replace(job, max_cycles=min(job.max_cycles or cycles, cycles))
            run_plain(simulator, replace(job, coverage=path))
            return path.read_text().splitlines()

    with ThreadPoolExecutor(jobs) as pool:
        for task, lines in zip(tasks, pool.map(run, tasks)):
            coverage.add(lines)
            yield task
