"""Records as lines of Spike's commit log (``--log-commits``)."""

from cosim.model.record import Record
from rtl.isa.csrs import CSRS

__all__ = ["commit_line"]


def commit_line(record: Record, hart: int = 0) -> str | None:
    """One line for a retired instruction, None for a trap (Spike logs no commit for those)."""
    if record.trap is not None:
        return None
    width = 2 * record.size
    parts = [f"core {hart:3}: {record.privilege} 0x{record.pc:016x} (0x{record.bits:0{width}x})"]
    if record.rd:
        parts.append(f"{f'x{record.rd}':<3} 0x{record.rd_value:016x}")
    for name, value in record.csr_writes:
        csr = CSRS.get(name) or CSRS[name[1:]]  # of Xvmx's guest, as vsenvcfg
        parts.append(f"c{csr.number}_{name} 0x{value:016x}")
    for access in record.memory:
        data = f" 0x{access.data:0{2 * access.size}x}" if access.store else ""
        parts.append(f"mem 0x{access.va:016x}{data}")
    return " ".join(parts)
