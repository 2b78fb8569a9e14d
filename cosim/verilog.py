"""Rewrites of the Verilog that Yosys writes, for the sake of the simulator's speed.

Yosys joins unrelated connections into one statement, ``assign { a[3:1], b } = { c, d, e };``. Verilator sees
a statement as one node, so that a depends on what b is made of: the design seems full of combinational loops,
which it then evaluates until they settle. Here every target gets a statement of its own.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["processes_without_inputs", "split_assignments"]

_NAME = r"\\\S+ |[A-Za-z_$][\w$]*"
_DECLARATION = re.compile(
    rf"^ *(?:input|output|wire|reg)(?: reg)?(?: signed)? (?:\[(\d+):0\] )?({_NAME})\s*[;=]"
)
_JOINED = re.compile(r"^( *)assign \{ (.*) \} = (.*);$")
_ITEM = re.compile(
    rf"(?P<base>{_NAME})\s*(?:\[(?P<hi>\d+)(?::(?P<lo>\d+))?\])?|(?P<width>\d+)'(?P<radix>[hbd])(?P<digits>[0-9a-fA-F]+)"
)
_COMMA = re.compile(r"\s*(,\s*|$)")
_RADIX = {"h": 16, "b": 2, "d": 10}


@dataclass(frozen=True)
class _Slice:
    """Bits ``lo`` up of a name, or of a constant if ``name`` is empty."""

    name: str
    lo: int
    width: int
    value: int = 0
    whole: bool = False

    def part(self, lo: int, width: int) -> "_Slice":
        """``width`` bits from ``lo`` up."""
        if self.name:
            return _Slice(self.name, self.lo + lo, width, whole=self.whole and width == self.width)
        return _Slice("", 0, width, self.value >> lo & ((1 << width) - 1))

    def __str__(self) -> str:
        if not self.name:
            return f"{self.width}'h{self.value:x}"
        if self.whole:
            return self.name
        span = f"{self.lo}" if self.width == 1 else f"{self.lo + self.width - 1}:{self.lo}"
        return f"{self.name}[{span}]"


_PROCESS = re.compile(r"always @\*\s*begin(.*?)\n  end\n", re.DOTALL)
_GUARD = re.compile(r"^\s*if \([^)]*\) begin end$", re.MULTILINE)
_LITERAL = re.compile(r"\d+'[hbd][0-9a-fxz?]+")
_READ = re.compile(r"(?:if|case|casez) \((.*)\)|= ([^;]*);")


def processes_without_inputs(text: str) -> list[str]:
    """Combinational processes that read nothing: a simulator has no reason ever to run them.

    (Yosys puts a guard at the start of each process that shall make it run once; Verilator sees through it.)
    """
    idle = []
    for body in _PROCESS.findall(text):
        read = _READ.findall(_GUARD.sub("", body))
        if not re.search(r"[A-Za-z_\\]", _LITERAL.sub("", " ".join(map("".join, read)))):
            idle.append(body.strip())
    return idle


def split_assignments(text: str) -> str:
    """The same design with a statement for each target."""
    lines: list[str] = []
    module: list[str] = []
    for line in text.splitlines():
        module.append(line)
        if line.startswith("endmodule"):
            lines += _split_module(module)
            module = []
    return "\n".join([*lines, *module]) + "\n"


def _split_module(module: list[str]) -> Iterator[str]:
    widths = {}
    for line in module:
        if found := _DECLARATION.match(line):
            widths[found[2].strip()] = int(found[1] or 0) + 1
    for number, line in enumerate(module):
        found = _JOINED.match(line)
        targets = _items(found[2], widths) if found else None
        if not found or targets is None:
            yield line
            continue
        sources = _items(found[3].removeprefix("{ ").removesuffix(" }"), widths)
        width = sum(target.width for target in targets)
        if sources is None or sum(source.width for source in sources) != width:
            # An expression: give it a name, and take the targets from that.
            joined = _Slice(f"joined_{number}", 0, width, whole=True)
            yield f"{found[1]}wire [{width - 1}:0] {joined};"
            yield f"{found[1]}assign {joined} = {found[3]};"
            sources = [joined]
        for target, source in _pairs(targets, sources):
            yield f"{found[1]}assign {target} = {source};"


def _pairs(targets: list[_Slice], sources: list[_Slice]) -> Iterator[tuple[str, str]]:
    """Each target with the bits that belong to it; the first of either list is the most significant."""
    left = [source.width for source in sources]
    for target in targets:
        taken = [str(piece) for piece in _take(left, sources, target.width)]
        yield str(target), taken[0] if len(taken) == 1 else "{ " + ", ".join(taken) + " }"


def _items(text: str, widths: dict[str, int]) -> list[_Slice] | None:
    items = []
    at = 0
    while at < len(text):
        found = _ITEM.match(text, at)
        if not found:
            return None
        if found["base"]:
            name = found["base"]
            declared = widths.get(name.strip())
            if declared is None:
                return None
            if found["hi"] is None:
                items.append(_Slice(name, 0, declared, whole=True))
            else:
                lo = int(found["lo"] or found["hi"])
                items.append(_Slice(name, lo, int(found["hi"]) - lo + 1))
        else:
            items.append(_Slice("", 0, int(found["width"]), int(found["digits"], _RADIX[found["radix"]])))
        at = found.end()
        rest = _COMMA.match(text, at)
        if not rest:
            return None
        at = rest.end()
    return items


def _take(left: list[int], right: list[_Slice], width: int) -> Iterator[_Slice]:
    """The next ``width`` bits of the sources, most significant first; ``left`` is what remains of each."""
    for index, source in enumerate(right):
        if not width:
            return
        if not left[index]:
            continue
        here = min(width, left[index])
        yield source.part(left[index] - here, here)
        left[index] -= here
        width -= here
