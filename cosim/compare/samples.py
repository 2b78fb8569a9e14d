"""Finds operations in the stream of retired instructions, and counts what each took, by parts.

Who runs is told from V, and where V = 1 from where the instruction was fetched: the host kernel of the split
design runs in VS mode, as the guest does.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from statistics import median_low

from cosim.compare.parts import Part, Parts
from cosim.compare.rows import EMPTY, ROWS, SWITCH
from cosim.lockstep.records import Event, Retired
from rtl.isa.privilege import Privilege

__all__ = ["Cell", "Sample", "operations", "switches", "typical"]


@dataclass
class Sample:
    """One operation: instructions retired, and cycles by part."""

    instructions: int = 0
    cycles: dict[Part, int] = field(default_factory=lambda: dict.fromkeys(Part, 0))
    exits: int = 0

    @property
    def total(self) -> int:
        """All cycles."""
        return sum(self.cycles.values())


@dataclass(frozen=True)
class Cell:
    """What an operation takes.

    Attributes
    ----------
    cycles, instructions, exits: of the sample that is the median by cycles
    parts: that sample's cycles by part
    least, most: cycles of the fastest and the slowest sample
    samples: how many there are
    """

    cycles: int
    instructions: int
    exits: int
    parts: dict[Part, int]
    least: int
    most: int
    samples: int


class _Who(Enum):
    """Whose instructions retire."""

    GUEST = 1
    KERNEL = 2
    """A host kernel in VS mode."""
    HOST = 3
    """V = 0."""


class _Meter:
    """Gives the cycles between one record and the next to a part."""

    def __init__(self, parts: Parts | None) -> None:
        self._parts = parts
        self._cycle = 0
        self._who = _Who.HOST
        self._last = (Part.GUEST, 0)

    def who(self, record: Retired) -> _Who:
        """Whose ``record`` is. If its physical address is not known (0): who ran before, or the guest."""
        if not record.virt:
            return _Who.HOST
        fetched = record.fetch_paddr
        if not fetched:
            return _Who.GUEST if self._who is _Who.HOST else self._who
        return _Who.KERNEL if self._parts and self._parts.inside(fetched) else _Who.GUEST

    def count(self, sample: Sample, record: Retired) -> None:
        """Add the time since the last record, and the record itself."""
        who, spent = self.who(record), record.cycle - self._cycle
        part = self._part(who, record)
        if part is Part.TRANSITION:
            if record.virt:  # the instruction that entered is hardware's work too
                before, its_own = self._last
                sample.cycles[before] -= its_own
                sample.cycles[part] += its_own
            elif self._who is _Who.GUEST:
                sample.exits += 1
        sample.cycles[part] += spent
        sample.instructions += not record.trap
        self._last = part, spent

    def _part(self, who: _Who, record: Retired) -> Part:
        if self._parts is None:
            return Part.HANDLER if record.privilege == Privilege.M else Part.GUEST
        if who is not self._who:
            return Part.TRANSITION
        return Part.GUEST if who is _Who.GUEST else self._parts.part(record.pc)

    def passed(self, record: Retired) -> None:
        """``record`` is the last one now."""
        self._cycle, self._who = record.cycle, self.who(record)


def operations(
    records: Iterable[Event], symbols: dict[str, int], parts: Parts | None
) -> dict[str, list[Sample]]:
    """All samples of each row, by its name. ``symbols`` are the guest's; natively no ``parts``."""
    begins = {symbols[row.begin]: row for row in (EMPTY, *ROWS) if row is not SWITCH}
    ends = {row.name: symbols[row.end] for row in begins.values()}
    found: dict[str, list[Sample]] = {row.name: [] for row in begins.values()}
    whose = _Who.HOST if parts is None else _Who.GUEST
    meter = _Meter(parts)
    sample, name, end = Sample(), "", -1
    for record in records:
        if not isinstance(record, Retired):
            continue
        if end >= 0:
            meter.count(sample, record)
        if not record.trap and meter.who(record) is whose:
            pc = record.pc
            if pc == end:
                sample.instructions -= 1  # the end itself
                found[name].append(sample)
                end = -1
            elif pc in begins:
                name = begins[pc].name
                sample, end = Sample(), ends[name]
        meter.passed(record)
    return found


def switches(records: Iterable[Event], parts: Parts) -> list[Sample]:
    """Exits by interrupt: between two VMs that do nothing, each of them changes the VM."""
    found: list[Sample] = []
    meter = _Meter(parts)
    sample: Sample | None = None
    for record in records:
        if not isinstance(record, Retired):
            continue
        if sample is not None:
            meter.count(sample, record)
            if meter.who(record) is _Who.GUEST:
                sample.instructions -= not record.trap  # the other VM's first
                found.append(sample)
                sample = None
        if sample is None and record.trap and record.interrupt and meter.who(record) is _Who.GUEST:
            sample = Sample()
        meter.passed(record)
    return found


def typical(samples: list[Sample], empty: int) -> Cell:
    """The median; ``empty`` cycles of the guest's are the counting's own."""
    totals = [sample.total - empty for sample in samples]
    middle = median_low(totals)
    sample = samples[totals.index(middle)]
    parts = dict(sample.cycles)
    parts[Part.GUEST] -= empty
    return Cell(middle, sample.instructions, sample.exits, parts, min(totals), max(totals), len(samples))
