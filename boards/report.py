"""What the FPGA tools say about a build: sizes, speed, and which path is the slowest."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["PathStep", "Report", "read_luts", "read_report"]

_CLOCK_FIRST = re.compile(r"^posedge |^negedge ")


@dataclass(frozen=True)
class PathStep:
    """A piece of the critical path: ``delay`` in ns, in a cell (``logic``) or on a wire (``routing``)."""

    kind: str
    name: str
    delay: float


@dataclass(frozen=True)
class Report:
    """Figures of a placed and routed design.

    Attributes
    ----------
    luts, flip_flops, block_rams, multipliers: how much is used
    available: how much the device has, by the same names
    fmax_mhz: what the slowest path allows
    target_mhz: what was asked for (of the tools, if they were asked for more)
    critical_path: the slowest path, from register to register
    """

    luts: int
    flip_flops: int
    block_rams: int
    multipliers: int
    available: dict[str, int]
    fmax_mhz: float
    target_mhz: float
    critical_path: tuple[PathStep, ...]

    @property
    def start(self) -> str:
        """Where the critical path begins."""
        return self.critical_path[0].name if self.critical_path else ""

    @property
    def end(self) -> str:
        """Where it ends."""
        return self.critical_path[-1].name if self.critical_path else ""

    def to_json(self) -> dict[str, Any]:
        """Plain objects."""
        return asdict(self)


_RESOURCES = {
    "luts": "TRELLIS_COMB",
    "flip_flops": "TRELLIS_FF",
    "block_rams": "DP16KD",
    "multipliers": "MULT18X18D",
}
"""nextpnr-ecp5's names. A TRELLIS_COMB is a four-input LUT, or a bit of a carry chain or of a small RAM."""


_LUTS_OF = {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6}
"""How many LUTs' places a cell takes: a carry pair two, a small RAM four and two for its write port."""


def read_luts(path: Path) -> int:
    """LUTs' places that a netlist takes, by Yosys' ``stat -json``.

    Raises
    ------
    ValueError: the file is none
    """
    try:
        cells = json.loads(path.read_text())["design"]["num_cells_by_type"]
        return sum(places * cells.get(cell, 0) for cell, places in _LUTS_OF.items())
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{path}: not a count of Yosys; build again") from error


def read_report(path: Path, clock: str | None = None) -> Report:
    """Read nextpnr's ``--report`` file.

    Parameters
    ----------
    path: the file
    clock: part of the name of the clock; by default the slowest one counts, if there are several

    Raises
    ------
    ValueError: the file is no report
    """
    try:
        data = json.loads(path.read_text())
        usage = data["utilization"]
        clocks = {name: value for name, value in data["fmax"].items() if clock is None or clock in name}
        name, slowest = min(clocks.items(), key=lambda item: item[1]["achieved"])
        used = {ours: usage[theirs]["used"] for ours, theirs in _RESOURCES.items()}
        available = {ours: usage[theirs]["available"] for ours, theirs in _RESOURCES.items()}
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a report of nextpnr; build again") from error
    return Report(
        **used,
        available=available,
        fmax_mhz=round(slowest["achieved"], 2),
        target_mhz=round(slowest["constraint"], 2),
        critical_path=_critical_path(data.get("critical_paths", []), name),
    )


def _critical_path(paths: list[dict[str, Any]], clock: str) -> tuple[PathStep, ...]:
    """The path inside of ``clock``'s domain."""
    for path in paths:
        ends = [_CLOCK_FIRST.sub("", path[key]) for key in ("from", "to")]
        if ends == [clock, clock]:
            return tuple(_step(step) for step in path["path"])
    return ()


def _step(step: dict[str, Any]) -> PathStep:
    name = step["net"] if step["type"] == "routing" else step["to"]["cell"]
    return PathStep(step["type"], name, round(step["delay"], 3))
