"""Takes structures apart in a flattened design, for the sake of the simulator's speed.

A signal with a layout is one wide wire. Verilator keeps such a wire as an array of 32-bit words: a field is
shifted out of two words to be read, masked into them to be written, and all of it is computed if anybody
reads one field. Here every wire wider than 64 bits becomes one wire for each of its fields; those that nobody
reads can then be removed, with the logic and the registers that only feed them.

Amaranth leaves an alias for each field (``\\op.pc`` for bits of ``\\op``): the aliases say where fields
begin. Copies of a structure are taken apart in the same places.

The text is RTLIL as Yosys writes it after ``proc -nomux; flatten``: one module, processes without sync rules.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from cosim.rtlil import Chunk, Signal, aligned, bits_of, part, scan, slice_of

__all__ = ["split_structures"]

_WIDEST = 64
"""Wires up to this width stay whole: Verilator holds them in one variable."""

_COPYING = {"$dff": ("\\Q", ("\\D",)), "$mux": ("\\Y", ("\\A", "\\B"))}
"""Cells that move bits without looking at them, with the ports these go to and come from."""

_COMPARING = ("$eq", "$ne")
"""Cells that take a structure as a whole, but are as content with its fields in a row."""


def split_structures(text: str) -> str:
    """The same design without wires that are wider than 64 bits and have fields; ports stay as they are."""
    splitter = _Splitter(text.splitlines())
    return "\n".join(splitter.rewritten()) + "\n"


@dataclass
class _Wire:
    width: int
    whole: bool
    init: str = ""
    cuts: set[int] = field(default_factory=set)

    def parts(self) -> Iterator[tuple[int, int]]:
        """The parts, as (low, high)."""
        return pairwise([0, *sorted(self.cuts), self.width])

    def cut(self, places: set[int]) -> bool:
        """Cut there too, if this wire may be; whether that was new."""
        new = {place for place in places if 0 < place < self.width} - self.cuts
        if self.whole or self.width <= _WIDEST:
            return False
        self.cuts |= new
        return bool(new)


class _Splitter:
    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.wires = dict(self._declared())
        self.widths = {name: wire.width for name, wire in self.wires.items()}
        self._find_cuts()

    # Reading

    def _declared(self) -> Iterator[tuple[str, _Wire]]:
        init = ""
        for line in self.lines:
            words = line.split()
            if words[:2] == ["attribute", "\\init"]:
                init = bits_of(words[2])
            elif words[:1] == ["wire"]:
                width = int(words[words.index("width") + 1]) if "width" in words else 1
                yield words[-1], _Wire(width, "input" in words or "output" in words, init)
                init = ""

    def _signals(self, text: str) -> list[Signal]:
        return scan(text, self.widths)

    def _statements(self) -> Iterator[tuple[int, int, str, str]]:
        """Connections, assignments, switches, cells: first line, the line behind, first word, the others."""
        number = 0
        while number < len(self.lines):
            word, _, body = self.lines[number].strip().partition(" ")
            first = number
            number += 1
            if word == "cell":
                while self.lines[number].strip() != "end":
                    number += 1
                number += 1
            if word in ("cell", "connect", "assign", "switch"):
                yield first, number, word, body

    def _ports(self, first: int, end: int) -> dict[str, Signal]:
        """What a cell is connected to."""
        ports = {}
        for line in self.lines[first + 1 : end - 1]:
            word, name, *rest = line.split(maxsplit=2)
            if word == "connect":
                (ports[name],) = self._signals(rest[0])
        return ports

    # Where to cut

    def _find_cuts(self) -> None:
        copies: list[list[Signal]] = []
        for first, end, word, body in self._statements():
            if word in ("connect", "assign"):
                copies.append(self._signals(body))
            elif word == "cell":
                ports = self._ports(first, end)
                kind = body.split()[0]
                if kind in _COPYING:
                    output, inputs = _COPYING[kind]
                    copies += [[ports[output], ports[name]] for name in inputs]
                elif kind not in _COMPARING:
                    self._keep_whole(ports)
        self._cut_at_fields(copies)
        pairs = [pair for target, source in copies for pair in aligned(target, source)]
        self._cut_alike([pair for pair in pairs if all(chunk.name for chunk in pair)])

    def _keep_whole(self, ports: dict[str, Signal]) -> None:
        """What a cell looks at as a whole would have to be put together again."""
        for signal in ports.values():
            for chunk in signal:
                if chunk.name and chunk.width > _WIDEST:
                    self.wires[chunk.name].whole = True

    def _cut_at_fields(self, copies: list[list[Signal]]) -> None:
        for target, source in copies:
            if len(target) == len(source) == 1 and target[0].name.startswith(source[0].name + "."):
                owner = source[0]
                self.wires[owner.name].cut({owner.lo, owner.lo + owner.width})

    def _cut_alike(self, pairs: list[tuple[Chunk, Chunk]]) -> None:
        changed = True
        while changed:
            changed = False
            for one, other in pairs:
                for here, there in ((one, other), (other, one)):
                    inside = range(here.lo + 1, here.lo + here.width)
                    cuts = {cut for cut in self.wires[here.name].cuts if cut in inside}
                    changed |= self.wires[there.name].cut({cut - here.lo + there.lo for cut in cuts})

    # Writing

    def rewritten(self) -> Iterator[str]:
        """The lines of the result."""
        at = 0
        for first, end, word, body in self._statements():
            yield from self._declarations(at, first)
            at = end
            indent = " " * (len(self.lines[first]) - len(self.lines[first].lstrip()))
            if word == "cell":
                yield from self._cell(first, end)
            elif word == "switch":
                yield f"{indent}switch {self._text(self._signals(body)[0])}"
            else:
                target, source = self._signals(body)
                for one, other in self._copies(target, source):
                    yield f"{indent}{word} {self._text(one)} {self._text(other)}"
        yield from self._declarations(at, len(self.lines))

    def _declarations(self, first: int, end: int) -> Iterator[str]:
        for line in self.lines[first:end]:
            words = line.split()
            if words[:1] == ["wire"] and self.wires[words[-1]].cuts:
                wire = self.wires[words[-1]]
                for low, high in wire.parts():
                    if init := wire.init[wire.width - high : wire.width - low]:
                        yield f"  attribute \\init {len(init)}'{init}"
                    yield f"  wire width {high - low} {words[-1]}$from{low}"
            elif words[:1] == ["wire"]:
                init = self.wires[words[-1]].init
                yield from [f"  attribute \\init {len(init)}'{init}"] if init else []
                yield line
            elif words[:2] != ["attribute", "\\init"]:
                yield line

    def _cell(self, first: int, end: int) -> Iterator[str]:
        _, kind, name = self.lines[first].split()
        ports = self._ports(first, end)
        settings = [line for line in self.lines[first + 1 : end - 1] if line.split()[0] == "parameter"]
        if kind in _COPYING:
            output, inputs = _COPYING[kind]
            pieces = self._separate(ports[output])
            lo = 0
            for number, piece in enumerate(pieces):
                signals = {port: slice_of(ports[port], lo, piece.width) for port in inputs}
                yield f"  cell {kind} {name}${number}"
                yield from [line for line in settings if line.split()[1] != "\\WIDTH"]
                yield f"    parameter \\WIDTH {piece.width}"
                yield from self._connections(ports | signals | {output: [piece]})
                lo += piece.width
            return
        yield self.lines[first]
        yield from settings
        yield from self._connections(ports)

    def _connections(self, ports: dict[str, Signal]) -> Iterator[str]:
        for port, signal in ports.items():
            yield f"    connect {port} {self._text(signal)}"
        yield "  end"

    def _copies(self, target: Signal, source: Signal) -> Iterator[tuple[Signal, Signal]]:
        """The copies, each to one wire, that a copy falls into."""
        lo = 0
        for piece in self._separate(target):
            yield [piece], slice_of(source, lo, piece.width)
            lo += piece.width

    def _separate(self, signal: Signal) -> Signal:
        """The same signal in chunks that lie in one part each."""
        pieces = []
        for chunk in signal:
            end = chunk.lo + chunk.width
            parts = self.wires[chunk.name].parts() if chunk.name else [(chunk.lo, end)]
            for low, high in parts:
                if low < end and high > chunk.lo:
                    lo = max(low, chunk.lo)
                    pieces.append(part(chunk, lo - chunk.lo, min(high, end) - lo))
        return pieces

    def _text(self, signal: Signal) -> str:
        words = []
        for chunk in reversed(self._separate(signal)):
            if not chunk.name:
                words.append(f"{chunk.width}'{chunk.bits}")
                continue
            wire = self.wires[chunk.name]
            low, high = next(found for found in wire.parts() if found[0] <= chunk.lo < found[1])
            name = f"{chunk.name}$from{low}" if wire.cuts else chunk.name
            lo = chunk.lo - low
            words.append(name if chunk.width == high - low else f"{name} [{lo + chunk.width - 1}:{lo}]")
        return words[0] if len(words) == 1 else "{ " + " ".join(words) + " }"
