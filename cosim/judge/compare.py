"""Compares what a program leaves behind on QEMU with what it leaves behind on the model."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from cosim.elf import Program
from cosim.errors import UserError
from cosim.judge.golden import Golden, golden
from cosim.judge.log import END, Level, Record, ended, records, registers
from cosim.judge.program import JUDGED_MEMORY, judged_program
from cosim.judge.qemu import image, qemu_memory
from cosim.judge.rules import Difference, unexplained
from cosim.torture.layout import LAST_PAGE
from rtl.isa.causes import cause_name
from rtl.isa.memory_map import DRAM_BASE
from rtl.isa.paging import Pte

__all__ = ["Verdict", "judge", "judge_memory", "judged"]

_ACCESSED = Pte.V | Pte.A | Pte.D | Pte.U
_MOST = 8
"""Differences that are told."""
_ROUNDS = 20
"""At most so many times units are left out: without them a program may come to other places."""


@dataclass
class Verdict:
    """What the judge says of a program.

    Attributes
    ----------
    traps, instructions: compared
    used: how often a rule explained a difference
    left_out: how many units were left out, by what QEMU does there
    cut_short: what QEMU does at a place that cannot be left out and behind which the two differ, so that
        only what was logged before was compared; or None
    differences: those that no rule explains, a line each
    """

    seed: int
    traps: int = 0
    instructions: int = 0
    used: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    cut_short: str | None = None
    differences: list[str] = field(default_factory=list)


def judge(seed: int, timeout: float = 60) -> Verdict:
    """Run ``seed``'s program on both. Raises UserError if one does not come to the program's end."""
    program, model, left_out = judged(seed)
    verdict = judge_memory(seed, program, model, qemu_memory(program, JUDGED_MEMORY, timeout))
    verdict.left_out = left_out
    return verdict


def judged(seed: int) -> tuple[Program, Golden, dict[str, int]]:
    """``seed``'s program, how the model runs it, and how many units were left out for which reason.

    A place that even nops lead to, by their fetch, or that no unit has led to, remains: it is the model's
    ``cut``.
    """
    made = judged_program(seed)
    left_out: dict[int, str] = {}
    for _ in range(_ROUNDS):
        program = made.without(left_out)
        model = golden(program, JUDGED_MEMORY)
        found = [(made.unit_at(*places), place) for places, place in model.elsewhere.items()]
        new = {unit: place.why for unit, place in found if unit is not None and unit not in left_out}
        if not new:
            model.cut = next(iter(model.elsewhere.values()), None)  # they are in the order of time
            return program, model, dict(Counter(left_out.values()))
        left_out |= new
    raise UserError(f"judged seed {seed}: after {_ROUNDS} rounds still goes where QEMU goes elsewhere")


def judge_memory(seed: int, program: Program, model: Golden, theirs: bytes) -> Verdict:
    """The verdict on two sides' memory. At the model's ``cut`` QEMU need not go elsewhere: only if there are
    differences is the comparison cut short there."""
    if not ended(model.memory) or not ended(theirs):
        raise UserError(f"{program.name}: ended without the end of its log: look at its code")
    verdict = Verdict(seed, instructions=model.instructions)
    _compare_logs(verdict, program, model, theirs)
    _compare_ends(verdict, model, theirs)
    if verdict.differences and model.cut:
        verdict = Verdict(seed, instructions=model.cut.instructions, cut_short=model.cut.why)
        _compare_logs(verdict, program, model, theirs, model.cut.records)
    del verdict.differences[_MOST:]
    return verdict


def _compare_ends(verdict: Verdict, model: Golden, theirs: bytes) -> None:
    """Registers, and memory but for the log."""
    found = verdict.differences
    for number, (a, b) in enumerate(zip(registers(model.memory), registers(theirs))):
        if a != b:
            found.append(f"x{number} at the end: model {a:#x}, QEMU {b:#x}")
    for at in _different_words(model.memory, theirs):
        here, there = (memory[at : at + 8] for memory in (model.memory, theirs))
        if _table_dirty(here, there):
            verdict.used["table_dirty"] = verdict.used.get("table_dirty", 0) + 1
        else:
            found.append(f"memory at {DRAM_BASE + at:#x}: model {here[::-1].hex()}, QEMU {there[::-1].hex()}")


def _table_dirty(here: bytes, there: bytes) -> bool:
    """An update of A or D in a first-stage entry is a store for the second stage, which sets its own D (H
    chapter, "Guest Physical Address Translation"); in QEMU it is none."""
    entry = int.from_bytes(here, "little")
    return entry & _ACCESSED == _ACCESSED and entry ^ int.from_bytes(there, "little") == Pte.D


def _compare_logs(
    verdict: Verdict, program: Program, model: Golden, theirs: bytes, last: int | None = None
) -> None:
    """All records, or so many."""
    ours, others = records(model.memory)[:last], records(theirs)[:last]
    code = image(program, JUDGED_MEMORY)
    for number, (a, b) in enumerate(zip(ours, others)):
        verdict.traps += 1
        if a == b:
            continue
        reason = model.reasons[number]
        difference = Difference(a, b, _word(code, theirs, a), reason.refusal, reason.interrupts)
        left = unexplained(difference, verdict.used)
        if left:
            values = ", ".join(f"{name} {getattr(a, name):#x} / {getattr(b, name):#x}" for name in left)
            level = {int(level): level.name for level in Level}.get(a.level, f"level {a.level}")
            causes = f"{cause_name(a.cause)} / {cause_name(b.cause)}"
            verdict.differences.append(
                f"record {number}, {level} ({causes}) at {a.epc:#x}, "
                f"instruction {difference.word:#x}: {values} (model / QEMU); {difference.refusal}"
            )
        if a.epc != b.epc:
            return  # what follows are other traps
    if len(ours) != len(others):
        verdict.differences.append(f"{len(ours)} traps of the model, {len(others)} of QEMU")


def _word(code: bytes, memory: bytes, record: Record) -> int:
    """The instruction at a trap; ``USER_CODE`` shows the code at another address."""
    offset = record.epc % (1 << 30)
    return int.from_bytes(memory[offset : offset + 4], "little") if offset < len(code) else 0


def _different_words(ours: bytes, theirs: bytes) -> Iterator[int]:
    """Offsets of words that differ outside the log, and outside the last 2 MiB, where QEMU has its device
    tree."""
    for start, end in ((0, END - DRAM_BASE), (LAST_PAGE - DRAM_BASE, len(ours) - (2 << 20))):
        if ours[start:end] != theirs[start:end]:
            yield from (at for at in range(start, end, 8) if ours[at : at + 8] != theirs[at : at + 8])
