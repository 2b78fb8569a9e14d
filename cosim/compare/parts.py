"""Which part of its work the hypervisor does at an address, told from the debug lines of its ELF file.

Each instruction carries its source line, that of an inlined function too; the stubs' assembly has lines of
the package itself, whose module adds it. So a file of the hypervisor belongs to one part.
"""

from bisect import bisect_right
from enum import Enum
from pathlib import Path

from elftools.elf.elffile import ELFFile

__all__ = ["Part", "Parts", "part_of"]


class Part(Enum):
    """Where the cycles of an operation go."""

    GUEST = "guest"
    """In the guest: the operation's instructions, page walks and memory accesses of theirs."""
    TRANSITION = "transition"
    """Hardware: from the trap to the host's first instruction; from the entering one to the guest's first."""
    STATE = "state"
    """Registers saved and restored by software."""
    DISPATCH = "dispatch"
    """Finding out what the guest wants."""
    HANDLER = "handler"
    """Doing it."""


_STATE = ("firmware/hypervisor/__init__.py", "/state.py", "/el2/hosted.py", "/el2/lowvisor.py")
_DISPATCH = ("/hypervisor/host.py", "/hypervisor/exits.py", "/exit.py", "/el2/left.py", "/sbi/__init__.py")


class Parts:
    """The part of each address of a hypervisor."""

    def __init__(self, elf: Path) -> None:
        self._starts, self._parts = _lines(elf)

    def inside(self, address: int) -> bool:
        """Whether a physical address is in the hypervisor's code."""
        return self._starts[0] <= address < self._starts[-1]

    def part(self, address: int) -> Part:
        """Of an instruction that runs outside the guest; the monitor's are handlers."""
        at = bisect_right(self._starts, address) - 1
        return self._parts[at] if at >= 0 else Part.HANDLER


def part_of(source: str) -> Part:
    """Of a source file of the hypervisor."""
    if source.endswith(_STATE):
        return Part.STATE
    if source.endswith(_DISPATCH):
        return Part.DISPATCH
    return Part.HANDLER


def _lines(path: Path) -> tuple[list[int], list[Part]]:
    """Addresses at which a line begins, and their parts."""
    marks: dict[int, Part] = {}
    with path.open("rb") as file:
        elf = ELFFile(file)
        text = next(section for section in elf.iter_sections() if section.name == ".text")
        start, end = text["sh_addr"], text["sh_addr"] + text["sh_size"]
        dwarf = elf.get_dwarf_info()
        for unit in dwarf.iter_CUs():
            program = dwarf.line_program_for_CU(unit)
            if program is None:
                continue
            names = _names(program)
            for entry in program.get_entries():
                state = entry.state
                if (
                    state and not state.end_sequence and start <= state.address < end
                ):  # else: left out of the image
                    marks[state.address] = part_of(names[state.file])
        marks[end] = Part.HANDLER
    starts = sorted(marks)
    return starts, [marks[address] for address in starts]


def _names(program) -> dict[int, str]:
    """Path of each file of a line program."""
    base = 0 if program.header.version >= 5 else 1  # DWARF 5, section 6.2.4: numbers begin at 0; before at 1
    folders = program.header.include_directory
    names = {}
    for number, file in enumerate(program.header.file_entry, base):
        at = file.dir_index - base
        folder = folders[at].decode() if 0 <= at < len(folders) else ""
        names[number] = f"{folder}/{file.name.decode()}"
    return names
