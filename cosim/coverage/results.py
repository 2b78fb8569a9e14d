"""Counts of a run or of several: added up, kept in files, compared with what is reachable."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cosim.coverage.group import Bin, Group
from cosim.coverage.groups import groups
from cosim.errors import UserError

__all__ = ["Coverage"]

_SEPARATOR = "|"


@dataclass
class Coverage:
    """How often each bin was hit.

    Attributes
    ----------
    hits: a Counter of bins per group's name
    instructions: compared in all
    programs: how many
    """

    hits: dict[str, Counter[Bin]] = field(default_factory=dict)
    instructions: int = 0
    programs: int = 0

    def add(self, hits: Mapping[str, Mapping[Bin, int]], instructions: int, programs: int = 1) -> None:
        """Add the counts of another run."""
        for name, bins in hits.items():
            self.hits.setdefault(name, Counter()).update(bins)
        self.instructions += instructions
        self.programs += programs

    def merge(self, other: "Coverage") -> None:
        """Add another's counts."""
        self.add(other.hits, other.instructions, other.programs)

    def hit(self, group: Group) -> set[Bin]:
        """Reachable bins of ``group`` that were hit."""
        return set(group.reachable) & self.hits.get(group.name, Counter()).keys()

    def holes(self, group: Group) -> list[Bin]:
        """Reachable bins of ``group`` that were not."""
        return sorted(group.reachable - self.hits.get(group.name, Counter()).keys())

    def unexpected(self, group: Group) -> list[Bin]:
        """Bins that were hit although a rule excludes them: the rule, or the machine, is wrong."""
        return sorted(self.hits.get(group.name, Counter()).keys() - group.reachable)

    @property
    def total(self) -> tuple[int, int]:
        """Bins hit and bins reachable, of all groups."""
        return (
            sum(len(self.hit(group)) for group in groups().values()),
            sum(len(group.reachable) for group in groups().values()),
        )

    def to_json(self) -> dict:
        """For ``write_json``."""
        return {
            "instructions": self.instructions,
            "programs": self.programs,
            "hits": {
                name: {_SEPARATOR.join(values): count for values, count in sorted(bins.items())}
                for name, bins in self.hits.items()
            },
        }

    @classmethod
    def load(cls, path: Path) -> "Coverage":
        """From a file that ``to_json`` filled; UserError if it is none."""
        try:
            read = json.loads(path.read_text())
            hits = {
                name: Counter({tuple(key.split(_SEPARATOR)): int(count) for key, count in bins.items()})
                for name, bins in read["hits"].items()
            }
            return cls(hits, int(read["instructions"]), int(read["programs"]))
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}") from None
        except (ValueError, KeyError, AttributeError, TypeError):
            raise UserError(f"{path}: not a coverage file; write one with bivisor coverage --json") from None
