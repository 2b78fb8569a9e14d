"""What a run yields: how it ended, what it printed, and what it cost."""

import json
from dataclasses import dataclass, field
from typing import Any

from rtl.isa.causes import INTERRUPT_BIT, cause_name
from rtl.isa.events import EXIT_OF_XVMX
from rtl.isa.xvmx import ExitReason

__all__ = ["Exit", "Result"]


@dataclass(frozen=True)
class Exit:
    """All exits from V = 1 of one kind: same VM, same cause, same destination.

    Attributes
    ----------
    to_machine: the exit went to M mode, not to HS
    count: exits, with those that no entry followed
    histogram: cycles from the exit to the next entry -> number of exits
    """

    vmid: int
    interrupt: bool
    cause: int
    to_machine: bool
    count: int
    histogram: dict[int, int]

    @property
    def reason(self) -> str:
        """The cause's name, or that of Xvmx's exit reason."""
        if self.cause >= EXIT_OF_XVMX:
            return ExitReason(self.cause - EXIT_OF_XVMX).name
        return cause_name(self.cause | (INTERRUPT_BIT if self.interrupt else 0))

    @property
    def median(self) -> int | None:
        """Median of the cycles (the lower one of two), None if no exit was followed by an entry."""
        total = sum(self.histogram.values())
        seen = 0
        for cycles in sorted(self.histogram):
            seen += self.histogram[cycles]
            if 2 * seen >= total:
                return cycles
        return None

    @property
    def maximum(self) -> int | None:
        """Most cycles."""
        return max(self.histogram, default=None)

    @property
    def cycles(self) -> int:
        """All cycles spent outside the guest for these exits."""
        return sum(cycles * count for cycles, count in self.histogram.items())


@dataclass
class Result:
    """One run of one program.

    Attributes
    ----------
    outcome: ``exit`` (the program ended itself), ``until`` (the awaited text was printed), ``limit`` (the
        cycle limit came first) or ``reset`` (the program asked for a reset)
    code: the program's exit code, if ``outcome`` is ``exit``
    events: hardware event name -> count
    guest_cycles: cycles with V = 1, counted from entry to exit
    pc: where the hart was at the end
    cpu_seconds: processor time that the simulation took
    """

    outcome: str
    code: int
    console: str
    cycles: int
    instructions: int
    pc: int = 0
    guest_cycles: int = 0
    cpu_seconds: float = 0.0
    events: dict[str, int] = field(default_factory=dict)
    exits: list[Exit] = field(default_factory=list)

    @property
    def cpi(self) -> float:
        """Cycles per instruction; 0 if nothing retired."""
        return self.cycles / self.instructions if self.instructions else 0.0

    @classmethod
    def from_native(cls, text: str, *, outcome: str | None, console: str) -> "Result":
        """Read what ``Machine::result_json`` wrote."""
        values = json.loads(text)
        if outcome is None:
            outcome = "limit" if values["ending"] == "none" else "exit"
        exits = [
            Exit(
                one["vmid"],
                one["interrupt"],
                one["cause"],
                one["to_machine"],
                one["count"],
                dict(map(tuple, one["histogram"])),
            )
            for one in values["exits"]
        ]
        return cls(
            outcome=outcome,
            code=values["code"],
            console=console,
            cycles=values["cycles"],
            instructions=values["instructions"],
            pc=values["pc"],
            guest_cycles=values["guest_cycles"],
            cpu_seconds=values.get("cpu_seconds", 0.0),
            events=values["events"],
            exits=exits,
        )

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Result":
        """The inverse of :meth:`to_json`."""
        exits = [
            Exit(
                one["vmid"],
                one["interrupt"],
                one["cause"],
                one["to_machine"],
                one["count"],
                {int(cycles): count for cycles, count in one["histogram"].items()},
            )
            for one in values["exits"]
        ]
        plain = {name: value for name, value in values.items() if name not in ("exits", "cpi")}
        return cls(**plain, exits=exits)

    def to_json(self) -> dict[str, Any]:
        """Plain values for ``json.dump``; the exits with their names and medians."""
        exits = [
            {
                "vmid": one.vmid,
                "reason": one.reason,
                "interrupt": one.interrupt,
                "cause": one.cause,
                "to_machine": one.to_machine,
                "count": one.count,
                "cycles_median": one.median,
                "cycles_max": one.maximum,
                "histogram": {str(cycles): count for cycles, count in sorted(one.histogram.items())},
            }
            for one in self.exits
        ]
        return {
            "outcome": self.outcome,
            "code": self.code,
            "console": self.console,
            "cycles": self.cycles,
            "instructions": self.instructions,
            "cpi": round(self.cpi, 4),
            "guest_cycles": self.guest_cycles,
            "pc": self.pc,
            "cpu_seconds": self.cpu_seconds,
            "events": self.events,
            "exits": exits,
        }
