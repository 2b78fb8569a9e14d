"""Finds operations in the stream of retired instructions, and counts what each took, by parts."""

from collections.abc import Iterable
from dataclasses import dataclass, field
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


class _Meter:
    """Gives the cycles between one record and the next to a part."""

    def __init__(self, parts: Parts | None) -> None:
        self._parts = parts
        self._cycle = 0
        self._virt = False
        self._last = (Part.GUEST, 0)

    def count(self, sample: Sample, record: Retired) -> None:
        """Add the time since the last record, and the record itself."""
        part, spent = self._part(record), record.cycle - self._cycle
        if part is Part.TRANSITION:
            if record.virt:  # the instruction that entered is hardware's work too
                before, its_own = self._last
                sample.cycles[before] -= its_own
                sample.cycles[part] += its_own
            else:
                sample.exits += 1
        sample.cycles[part] += spent
        sample.instructions += not record.trap
        self._last = part, spent

    def _part(self, record: Retired) -> Part:
        if self._parts is None:
            return Part.HANDLER if record.privilege == Privilege.M else Part.GUEST
        if bool(record.virt) != self._virt:
            return Part.TRANSITION
        return Part.GUEST if record.virt else self._parts.part(record.pc)

    def passed(self, record: Retired) -> None:
        """``record`` is the last one now."""
        self._cycle, self._virt = record.cycle, bool(record.virt)


def operations(
    records: Iterable[Event], symbols: dict[str, int], parts: Parts | None
) -> dict[str, list[Sample]]:
    """All samples of each row, by its name. ``symbols`` are the guest's; natively no ``parts``."""
    begins = {symbols[row.begin]: row for row in (EMPTY, *ROWS) if row is not SWITCH}
    ends = {row.name: symbols[row.end] for row in begins.values()}
    found: dict[str, list[Sample]] = {row.name: [] for row in begins.values()}
    inside = parts is not None
    meter = _Meter(parts)
    sample, name, end = Sample(), "", -1
    for record in records:
        if not isinstance(record, Retired):
            continue
        if end >= 0:
            meter.count(sample, record)
        if bool(record.virt) == inside and not record.trap:
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
            if record.virt:
                sample.instructions -= not record.trap  # the other VM's first
                found.append(sample)
                sample = None
        if sample is None and record.virt and record.trap and record.interrupt:
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
