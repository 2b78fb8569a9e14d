"""Compares what a program leaves behind on QEMU with what it leaves behind on the model."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from cosim.elf import Program
from cosim.errors import UserError
from cosim.judge.golden import Golden, golden
from cosim.judge.log import END, Record, ended, records, registers
from cosim.judge.program import JUDGED_MEMORY, judged_program
from cosim.judge.qemu import image, qemu_memory
from cosim.judge.rules import Difference, unexplained
from cosim.torture.layout import LAST_PAGE
from rtl.isa.causes import Cause, cause_name
from rtl.isa.memory_map import DRAM_BASE

__all__ = ["Verdict", "judge", "judge_memory"]

_PAGE = 4096
_STORES = (Cause.STORE_ACCESS, Cause.STORE_PAGE_FAULT, Cause.STORE_GUEST_PAGE_FAULT)
_MOST = 8
"""Differences that are told."""


@dataclass
class Verdict:
    """What the judge says of a program.

    Attributes
    ----------
    traps, instructions: compared
    used: how often a rule explained a difference
    differences: those that no rule explains, a line each
    """

    seed: int
    traps: int = 0
    instructions: int = 0
    used: dict[str, int] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)


def judge(seed: int, timeout: float = 60) -> Verdict:
    """Run ``seed``'s program on both. Raises UserError if one does not come to the program's end."""
    program = judged_program(seed)
    return judge_memory(
        seed, program, golden(program, JUDGED_MEMORY), qemu_memory(program, JUDGED_MEMORY, timeout)
    )


def judge_memory(seed: int, program: Program, model: Golden, theirs: bytes) -> Verdict:
    """The verdict on two sides' memory.

    Of a store that crosses pages and faults at the second, the part in the first page may be there or not
    (Supervisor-Level ISA, "Virtual Address Translation Process": a portion of a misaligned store may become
    visible).
    """
    if not ended(model.memory) or not ended(theirs):
        raise UserError(f"{program.name}: ended without the end of its log: look at its code")
    verdict = Verdict(seed, instructions=model.instructions)
    found = verdict.differences
    _compare_logs(verdict, program, model, theirs)
    for number, (a, b) in enumerate(zip(registers(model.memory), registers(theirs))):
        if a != b:
            found.append(f"x{number} at the end: model {a:#x}, QEMU {b:#x}")
    crossed = any(record.mcause in _STORES and not record.mtval % _PAGE for record in records(model.memory))
    for at in _different_words(model.memory, theirs):
        here, there = (memory[at : at + 8] for memory in (model.memory, theirs))
        if crossed and at % _PAGE == _PAGE - 8 and here[:1] == there[:1]:
            verdict.used["partial_store"] = verdict.used.get("partial_store", 0) + 1
        else:
            found.append(f"memory at {DRAM_BASE + at:#x}: model {here[::-1].hex()}, QEMU {there[::-1].hex()}")
    del found[_MOST:]
    return verdict


def _compare_logs(verdict: Verdict, program: Program, model: Golden, theirs: bytes) -> None:
    ours, others = records(model.memory), records(theirs)
    code = image(program, JUDGED_MEMORY)
    for number, (a, b) in enumerate(zip(ours, others)):
        verdict.traps += 1
        if a == b:
            continue
        difference = Difference(a, b, _word(code, theirs, a), model.refusals[number])
        left = unexplained(difference, verdict.used)
        if left:
            values = ", ".join(f"{name} {getattr(a, name):#x} / {getattr(b, name):#x}" for name in left)
            verdict.differences.append(
                f"trap {number} ({cause_name(a.mcause)} / {cause_name(b.mcause)}) at {a.mepc:#x}, "
                f"instruction {difference.word:#x}: {values} (model / QEMU); {difference.refusal}"
            )
        if a.mepc != b.mepc:
            return  # what follows are other traps
    if len(ours) != len(others):
        verdict.differences.append(f"{len(ours)} traps of the model, {len(others)} of QEMU")


def _word(code: bytes, memory: bytes, record: Record) -> int:
    """The instruction at a trap; ``USER_CODE`` shows the code at another address."""
    offset = record.mepc % (1 << 30)
    return int.from_bytes(memory[offset : offset + 4], "little") if offset < len(code) else 0


def _different_words(ours: bytes, theirs: bytes) -> Iterator[int]:
    """Offsets of words that differ outside the log, and outside the last 2 MiB, where QEMU has its device
    tree."""
    for start, end in ((0, END - DRAM_BASE), (LAST_PAGE - DRAM_BASE, len(ours) - (2 << 20))):
        if ours[start:end] != theirs[start:end]:
            yield from (at for at in range(start, end, 8) if ours[at : at + 8] != theirs[at : at + 8])
