"""What people read after a mismatch: what differs, the way there, and both states side by side."""

from collections.abc import Iterator
from io import StringIO

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from cosim.lockstep.compare import Lockstep, Mismatch
from cosim.lockstep.records import Retired
from cosim.waves.savefile import disassemble
from rtl.isa.privilege import Privilege, mode_name

__all__ = ["WIDTH", "as_text", "renderables"]

WIDTH = 150
"""Columns that the tables want."""
_MARK = "≠"


def as_text(mismatch: Mismatch) -> str:
    """The whole report without colours."""
    out = StringIO()
    console = Console(file=out, width=WIDTH, highlight=False)
    for part in renderables(mismatch):
        console.print(part, soft_wrap=isinstance(part, Text))
    return out.getvalue()


def renderables(mismatch: Mismatch) -> Iterator[RenderableType]:
    """The report's parts, for a rich console."""
    lockstep = mismatch.lockstep
    head = f"hardware and model disagree after {lockstep.compared} instructions, in cycle {mismatch.cycle}:"
    yield Text(head, style="bold")
    yield Text("\n".join(mismatch.wrong), style="red")
    if lockstep.history:
        yield Text("")
        yield _last_instructions(lockstep)
    yield Text("")
    yield _registers(lockstep)
    if mismatch.more:
        yield Text("\n" + "\n".join(mismatch.more))


def _last_instructions(lockstep: Lockstep) -> Table:
    table = Table(title=f"The hardware's last {len(lockstep.history)} instructions", title_justify="left")
    for name in ("cycle", "mode", "pc", "", "bits", "instruction", "effects"):
        table.add_column(name, overflow="fold", no_wrap=name != "effects")
    for one in lockstep.history:
        table.add_row(*_row(lockstep, one))
    return table


def _row(lockstep: Lockstep, one: Retired) -> list[str | Text]:
    word = one.instruction
    if word & 3 != 3:
        word &= 0xFFFF
    symbol = lockstep.symbols.name(one.pc, bool(one.virt)) if lockstep.symbols else ""
    shown = [str(one.cycle), mode_name(Privilege(one.privilege), one.virt), f"{one.pc:#x}", symbol]
    if one.interrupt:
        shown += ["", ""]
    else:
        shown += [f"{word:08x}" if word & 3 == 3 else f"{word:04x}", disassemble(word)]
    return [Text(text) for text in (*shown, one.effects().strip())]


def _registers(lockstep: Lockstep) -> Table:
    """Integer registers and all others that are not zero on both sides; rows that differ are marked."""
    state, hart = lockstep.state, lockstep.machine.hart
    rows = [(f"x{n}", state.x[n], hart.x[n]) for n in range(1, 32)]
    rows += [(name, value, state.model(name)) for name, value in state.registers.items()]
    rows = [row for row in rows if row[1] or row[2]]
    table = Table(title=f"State of both sides ({_MARK}: differs)", title_justify="left")
    for _ in range(2):
        table.add_column("")
        table.add_column("register")
        table.add_column("hardware", justify="right")
        table.add_column("model", justify="right")
    half = (len(rows) + 1) // 2
    for n in range(half):
        left = _cells(rows[n])
        right = _cells(rows[half + n]) if half + n < len(rows) else [Text("")] * 4
        table.add_row(*left, *right)
    return table


def _cells(row: tuple[str, int, int]) -> list[Text]:
    name, hardware, model = row
    differs = hardware != model
    style = "bold red" if differs else ""
    texts = (_MARK if differs else "", name, f"{hardware:x}", f"{model:x}")
    return [Text(text, style=style) for text in texts]
