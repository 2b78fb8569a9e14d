"""What a hart remembers of one translation context: pages it found and code it decoded."""

from dataclasses import dataclass, field

from cosim.model.decode import Decoded
from cosim.model.execute import Action
from cosim.model.translation import Space

__all__ = ["Block", "View"]


@dataclass(slots=True)
class Block:
    """Instructions run one after the other: (pc, action) pairs, and where they fall through to."""

    steps: list[tuple[int, Action]]
    decoded: list[Decoded]
    end: int


@dataclass(slots=True)
class View:
    """One Space: pages by kind of access, DRAM offsets of plain pages, and blocks of code."""

    space: Space
    pages: tuple[dict[int, int], dict[int, int], dict[int, int]] = field(default_factory=lambda: ({}, {}, {}))
    loads: dict[int, int] = field(default_factory=dict)
    stores: dict[int, int] = field(default_factory=dict)
    blocks: dict[int, Block] = field(default_factory=dict)
