"""A group of coverage bins: a cross of axes, less what the architecture rules out."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product

__all__ = ["MODES", "Bin", "Group", "cross"]

Bin = tuple[str, ...]
"""One value per axis of the group."""

MODES = ("M", "HS", "U", "VS", "VU")
"""Names of all modes, as ``rtl.isa.privilege.mode_name`` gives them."""


@dataclass(frozen=True)
class Group:
    """What is counted together.

    Attributes
    ----------
    name: short and unique
    title: for people
    axes: names of the bins' places
    reachable: bins that a program can hit
    excluded: why other bins of the cross cannot be hit, and how many there are for each reason
    """

    name: str
    title: str
    axes: tuple[str, ...]
    reachable: frozenset[Bin]
    excluded: dict[str, int] = field(default_factory=dict)


def cross(
    name: str,
    title: str,
    axes: Mapping[str, Iterable[str]],
    impossible: Callable[..., str | None],
) -> Group:
    """The group of all combinations for which ``impossible`` (called with a bin's values) gives no reason."""
    reachable, excluded = [], Counter[str]()
    for values in product(*axes.values()):
        reason = impossible(*values)
        if reason is None:
            reachable.append(values)
        else:
            excluded[reason] += 1
    return Group(name, title, tuple(axes), frozenset(reachable), dict(excluded.most_common()))
