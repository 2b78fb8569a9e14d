"""A fault: a small change of the source, which can be switched on.

A fault never lies in ``rtl.isa``: the model reads those tables too.
"""

from dataclasses import dataclass
from itertools import pairwise

__all__ = ["SWITCH", "Fault", "StaleFault", "apply_faults", "is_for_xvmx"]

SWITCH = "FAULT"
"""In the new text: whether the fault is on, a 1-bit value."""

_IMPORTS = "\nfrom amaranth.hdl import Cat, Const, Mux  # noqa\nfrom rtl.seeded import seeded  # noqa\n"
"""At the end, where they shadow nothing that the file does when it is read; functions see them all the
same."""


class StaleFault(ValueError):
    """The source has changed: a fault's old text is not there exactly once, or lies in another's."""


@dataclass(frozen=True)
class Fault:
    """Attributes
    ----------
    name: identifier
    what: the fault, in a few words
    file: path from the project's root
    old: text that the file has exactly once
    new: what stands there instead; does the same as ``old`` unless ``FAULT`` is 1
    programs: directed programs (``tests/isa``) that are tried first
    units: tests (pytest's arguments) for what no program of one hart can see
    """

    name: str
    what: str
    file: str
    old: str
    new: str
    programs: tuple[str, ...] = ()
    units: tuple[str, ...] = ()

    @property
    def of_xvmx(self) -> bool:
        """Whether programs for Xvmx are the likeliest to notice it."""
        return any(is_for_xvmx(program) for program in self.programs)


def is_for_xvmx(program: str) -> bool:
    """Whether the directed ``program`` is one for Xvmx."""
    return program.startswith("xvmx_")


def apply_faults(text: str, faults: list[Fault]) -> str:
    """The source ``text`` of one file with all of its ``faults`` built in, each off by default."""
    spans = []
    for fault in faults:
        if text.count(fault.old) != 1:
            raise StaleFault(
                f"fault {fault.name} is stale: {fault.file} has its old text {text.count(fault.old)} times"
            )
        if SWITCH not in fault.new:
            raise StaleFault(f"fault {fault.name} has no {SWITCH} in its new text")
        start = text.index(fault.old)
        spans.append((start, start + len(fault.old), fault))
    spans.sort(key=lambda span: span[:2])
    for (_, end, first), (start, _, second) in pairwise(spans):
        if start < end:
            raise StaleFault(f"faults {first.name} and {second.name} change the same text")
    for start, end, fault in reversed(spans):
        text = text[:start] + fault.new.replace(SWITCH, f'seeded("{fault.name}")') + text[end:]
    return text + _IMPORTS if faults else text
