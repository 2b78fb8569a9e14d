"""What a comparison yields."""

from dataclasses import dataclass
from typing import Any

from cosim.compare.columns import NATIVE, Column
from cosim.compare.rows import ROWS
from cosim.compare.samples import Cell

__all__ = ["WORKLOADS", "Comparison"]

WORKLOADS = {
    "compute": "computation (sieve)",
    "syscalls": "system calls from U mode",
    "processes": "address spaces made and given up",
    "switches": "address-space switches",
    "mappings": "pages mapped and unmapped",
    "misses": "TLB misses",
    "ticks": "timer ticks by stimecmp",
    "sbi_ticks": "timer ticks by SBI",
    "console": "console output, byte by byte",
}
"""Titles of the workloads of ``firmware.guests.workloads``."""


@dataclass(frozen=True)
class Comparison:
    """The measured columns.

    Attributes
    ----------
    columns: in the order of the table
    cells: column name -> row name -> cell; a column may lack a row
    workloads: column name -> workload -> cycles; empty if they were not run, else with the native column
    """

    columns: tuple[Column, ...]
    cells: dict[str, dict[str, Cell]]
    workloads: dict[str, dict[str, int]]

    def overhead(self, column: str, workload: str) -> float:
        """Cycles over native cycles."""
        return self.workloads[column][workload] / self.workloads[NATIVE.name][workload]

    def to_json(self) -> dict[str, Any]:
        """Plain values: all cells with their parts, all workloads."""
        return {
            "columns": {column.name: column.title for column in self.columns},
            "rows": {row.name: row.title for row in ROWS},
            "operations": {
                column: {
                    row: {
                        "cycles": cell.cycles,
                        "instructions": cell.instructions,
                        "exits": cell.exits,
                        "parts": {part.value: cycles for part, cycles in cell.parts.items()},
                        "least": cell.least,
                        "most": cell.most,
                        "samples": cell.samples,
                    }
                    for row, cell in cells.items()
                }
                for column, cells in self.cells.items()
            },
            "workloads": {
                column: {
                    name: {"cycles": cycles, "overhead": round(self.overhead(column, name), 4)}
                    for name, cycles in spent.items()
                }
                for column, spent in self.workloads.items()
            },
        }
