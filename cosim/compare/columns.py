"""The columns: native, and the ways in which the hypervisor can virtualize."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cosim.elf import Program, Segment
from cosim.job import Job
from firmware.images import Boot, Guest, native, small_guest, virtual

__all__ = ["COLUMNS", "NATIVE", "Column"]

_MEMORY = 16 << 20
_MACHINE = 32 << 20


@dataclass(frozen=True, eq=False)
class Column:
    """One way of running a guest.

    Attributes
    ----------
    name: for command lines and JSON
    title: for people
    how: options of `firmware.images.virtual`; None without a hypervisor
    """

    name: str
    title: str
    how: dict[str, Any] | None = field(default_factory=dict)

    @property
    def is_native(self) -> bool:
        """Without a hypervisor."""
        return self.how is None

    def boot(
        self, guests: Sequence[str], *, slice_ticks: int | None = None, small_pages: bool = False
    ) -> Boot:
        """Boot small guests by name; natively there can only be one."""
        if self.how is None:
            (name,) = guests
            return native(small_guest(name), memory=_MACHINE)
        given = [Guest(small_guest(name), _MEMORY, small_pages=small_pages) for name in guests]
        options: dict[str, Any] = {} if slice_ticks is None else {"slice_ticks": slice_ticks}
        return virtual(given, tag_lines=False, **self.how, **options)

    def job(self, boot: Boot, max_cycles: int) -> Job:
        """A simulator's order for a boot."""
        segments = tuple(Segment(address, data) for address, data in boot.segments)
        program = Program(self.name, boot.entry, segments, {}, boot.device_tree)
        return Job(program, memory=boot.memory, max_cycles=max_cycles)

    @staticmethod
    def hypervisor(boot: Boot) -> Path:
        """The hypervisor's ELF file in a virtual boot."""
        return boot.elves[1]


NATIVE = Column("native", "native", None)
COLUMNS = (
    NATIVE,
    Column("el2", "el2"),
    Column("el2-shadow", "el2, no 2nd stage", {"shadow": True}),
    Column("el2-hosted", "el2, hosted", {"hosted": True}),
    Column("el2-split", "el2, split", {"split": True}),
    Column("vmx", "vmx", {"arch": "vmx"}),
    Column("vmx-novpid", "vmx, no VPID", {"arch": "vmx", "vpid": False}),
    Column("vmx-shadow", "vmx, no EPT", {"arch": "vmx", "shadow": True}),
    Column("vmx-hosted", "vmx, hosted", {"arch": "vmx", "hosted": True}),
)
"""All columns, in order."""
