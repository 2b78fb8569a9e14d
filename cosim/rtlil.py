"""Signals in RTLIL, the text form of Yosys: ``\\name``, ``\\name [7:0]``, ``4'0110``, ``{ high low }``."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise

__all__ = ["Chunk", "Signal", "aligned", "bits_of", "part", "scan", "slice_of", "wire_widths"]

_TOKEN = re.compile(r"\{|\}|\[\d+(?::\d+)?\]|\d+'[01xzm-]*|-?\d+|[\\$]\S+")


@dataclass(frozen=True)
class Chunk:
    """``width`` bits of the wire ``name`` from ``lo`` up; or, without a name, the constant ``bits``.

    ``bits`` has the most significant digit first.
    """

    name: str
    lo: int
    width: int
    bits: str = ""


Signal = list[Chunk]
"""Chunks of a signal, least significant first."""


def bits_of(constant: str) -> str:
    """The digits of a constant, most significant first; a bare number has 32."""
    _, quote, bits = constant.partition("'")
    return bits if quote else format(int(constant) & 0xFFFFFFFF, "032b")


def wire_widths(lines: Iterable[str]) -> dict[str, int]:
    """Width of every wire that is declared in ``lines``."""
    widths = {}
    for line in lines:
        words = line.split()
        if words[:1] == ["wire"]:
            widths[words[-1]] = int(words[words.index("width") + 1]) if "width" in words else 1
    return widths


def scan(text: str, widths: Mapping[str, int]) -> list[Signal]:
    """The signals that stand in ``text`` one after the other; ``widths`` are those of all wires."""
    nested: list[list[Signal]] = [[]]
    for token in _TOKEN.findall(text):
        if token == "{":
            nested.append([])
        elif token == "}":
            inner = nested.pop()
            nested[-1].append([chunk for signal in reversed(inner) for chunk in signal])
        elif token[0] == "[":
            high, _, low = token[1:-1].partition(":")
            lo = int(low or high)
            nested[-1].append(slice_of(nested[-1].pop(), lo, int(high) - lo + 1))
        elif token[0] in "\\$":
            nested[-1].append([Chunk(token, 0, widths[token])])
        else:
            bits = bits_of(token)
            nested[-1].append([Chunk("", 0, len(bits), bits)])
    return nested[0]


def part(chunk: Chunk, lo: int, width: int) -> Chunk:
    """``width`` bits of a chunk from ``lo`` up."""
    if chunk.name:
        return Chunk(chunk.name, chunk.lo + lo, width)
    end = chunk.width - lo
    return Chunk("", 0, width, chunk.bits[end - width : end])


def slice_of(signal: Signal, lo: int, width: int) -> Signal:
    """``width`` bits of a signal from ``lo`` up."""
    found = []
    for chunk in signal:
        here = min(chunk.width - lo, width)
        if here > 0:
            found.append(part(chunk, lo, here))
            width -= here
        lo = max(lo - chunk.width, 0)
    return found


def aligned(one: Signal, other: Signal) -> Iterator[tuple[Chunk, Chunk]]:
    """Pairs of chunks of equal width that stand at the same place of two signals of the same width."""
    edges = {0}
    for signal in (one, other):
        edges |= set(accumulate(chunk.width for chunk in signal))
    for low, high in pairwise(sorted(edges)):
        yield slice_of(one, low, high - low)[0], slice_of(other, low, high - low)[0]
