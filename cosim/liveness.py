"""Removes what nothing outside a flattened design can ever see.

Yosys and Verilator keep a register that holds its own value, for it reads itself. In a build without retire
records that is a good part of the pipeline. Here everything is dead that no output port depends on.

The text is RTLIL as Yosys writes it after ``proc -nomux; flatten``: one module, processes without sync rules.
"""

from collections import defaultdict

from cosim.rtlil import Signal, scan, wire_widths

__all__ = ["remove_dead"]

_ALWAYS = "output"
"""What is always alive; no wire has a name like that."""

_OUTPUTS = ("\\Y", "\\Q")
_MEMORY = ("$memrd", "$memwr", "$meminit")
_HARMLESS = ("$scopeinfo",)


def remove_dead(text: str) -> str:
    """The same design without registers, assignments and connections that no output depends on."""
    lines = text.splitlines()
    reader = _Reader(lines)
    live = reader.live()
    dead = {number for number, targets in reader.targets.items() if targets and live.isdisjoint(targets)}
    gone = set(dead)
    for number in dead:
        if lines[number].split()[0] == "cell":
            gone |= set(range(number, reader.end_of_cell(number)))
    return "\n".join(line for number, line in enumerate(lines) if number not in gone) + "\n"


class _Reader:
    """Which wire depends on which.

    Attributes
    ----------
    sources: for each wire (or memory) those that it depends on
    targets: for each line with a register, assignment or connection the wires that it gives a value to
    """

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.widths = wire_widths(lines)
        self.sources: dict[str, set[str]] = defaultdict(set)
        self.targets: dict[int, set[str]] = {}
        self._read()

    def live(self) -> set[str]:
        """All that an output depends on."""
        found: set[str] = set()
        left = [_ALWAYS]
        while left:
            name = left.pop()
            if name not in found:
                found.add(name)
                left += self.sources[name]
        return found

    def end_of_cell(self, number: int) -> int:
        """The line behind the cell that begins at ``number``."""
        while self.lines[number].strip() != "end":
            number += 1
        return number + 1

    def _read(self) -> None:
        conditions: list[set[str]] = []
        for number, line in enumerate(self.lines):
            word, _, body = line.strip().partition(" ")
            if word == "wire" and "output" in body.split():
                self.sources[_ALWAYS].add(body.split()[-1])
            elif word == "cell":
                self._read_cell(number)
            elif word == "switch":
                conditions.append(_names(scan(body, self.widths)[0]))
            elif word == "end" and conditions:
                conditions.pop()
            elif word == "assign" or (word == "connect" and line.startswith("  connect")):
                target, source = scan(body, self.widths)
                self.targets[number] = _names(target)
                for name in _names(target):
                    self.sources[name] |= _names(source).union(*conditions)

    def _read_cell(self, number: int) -> None:
        kind = self.lines[number].split()[1]
        ports: dict[str, set[str]] = {}
        memory = ""
        for line in self.lines[number + 1 : self.end_of_cell(number) - 1]:
            word, name, *rest = line.split(maxsplit=2)
            if word == "connect":
                ports[name] = _names(scan(rest[0], self.widths)[0])
            elif name == "\\MEMID":
                memory = rest[0]
        outputs = set().union(*(ports.get(name, set()) for name in _OUTPUTS))
        if kind.startswith("$memrd"):
            outputs = ports.pop("\\DATA")
            ports["memory"] = {memory}
        elif kind.startswith(_MEMORY):
            outputs = {memory}
        elif kind == "$dff":
            self.targets[number] = outputs
        elif not outputs and kind not in _HARMLESS:
            outputs = {_ALWAYS}
        for name in outputs:
            self.sources[name] |= set().union(*(ports[port] for port in ports if port not in _OUTPUTS))


def _names(signal: Signal) -> set[str]:
    return {chunk.name for chunk in signal if chunk.name}
