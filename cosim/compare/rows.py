"""The rows: operations of the guest ``operations``, and the VM switch, as in Dall et al. (ISCA 2016)."""

from dataclasses import dataclass

__all__ = ["EMPTY", "ROWS", "SWITCH", "Row"]

_HANDLER = "guest_trap"


@dataclass(frozen=True)
class Row:
    """One operation.

    Attributes
    ----------
    name: of the operation in ``firmware.guests.operations``
    title: for people
    ends_in_handler: it ends at the first instruction of the guest's trap handler, not behind the operation
    """

    name: str
    title: str
    ends_in_handler: bool = False

    @property
    def begin(self) -> str:
        """Symbol of the instruction whose retirement starts the count."""
        return f"begin_{self.name}"

    @property
    def end(self) -> str:
        """Symbol of the instruction whose retirement ends it."""
        return _HANDLER if self.ends_in_handler else f"end_{self.name}"


EMPTY = Row("empty", "nothing (taken off the others)")
SWITCH = Row("switch", "VM switch, at the end of a time slice")
ROWS = (
    Row("hypercall", "hypercall"),
    Row("controller", "interrupt controller trap (PLIC register read)"),
    Row("raise", "device raises an interrupt, to the guest's handler", ends_in_handler=True),
    Row("complete", "interrupt completion (PLIC)"),
    Row("ipi", "IPI to itself, to the handler", ends_in_handler=True),
    SWITCH,
    Row("touch", "second-stage fault (4 KiB page)"),
    Row("output", "I/O out (UART byte)"),
    Row("timer", "timer by stimecmp, to the handler", ends_in_handler=True),
    Row("sbi_timer", "timer by SBI, to the handler", ends_in_handler=True),
    Row("page_fault", "the guest's own page fault, to the handler", ends_in_handler=True),
    Row("map", "guest maps a page: entry, sfence.vma, load"),
    Row("space", "guest writes satp"),
)
"""The rows of the table, in order."""
