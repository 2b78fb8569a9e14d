"""The golden model's side of a judged program."""

from dataclasses import dataclass

from cosim.elf import Program
from cosim.errors import UserError
from cosim.judge.elsewhere import Step, leads_elsewhere
from cosim.judge.handlers import levels_written
from cosim.judge.log import Level
from cosim.model.exceptions import Stop
from cosim.model.hart import Hart
from cosim.model.machine import Machine
from cosim.model.record import Record
from cosim.model.translation import Refusal, Walk
from cosim.torture.layout import CODE
from rtl.isa.causes import INTERRUPT_BIT, VS_INTERRUPTS
from rtl.isa.privilege import Privilege

__all__ = ["Elsewhere", "Golden", "Reason", "golden"]


_SYSTEM = 0x73
"""The opcode of CSR instructions."""
_FIRST = CODE >> 12


@dataclass(frozen=True)
class Reason:
    """Why a trap was taken.

    Attributes
    ----------
    refusal: of an exception, what the page-table walk had against the access
    interrupts: of an interrupt, the causes of all those for the same level that have been due since
        instructions were last executed
    epc: of an interrupt
    """

    refusal: Refusal | None = None
    interrupts: frozenset[int] = frozenset()
    epc: int = 0


@dataclass(frozen=True)
class Elsewhere:
    """The first step behind which QEMU is known to go on elsewhere.

    Attributes
    ----------
    why: a name of docs/verification.md
    records: of the log before that step
    instructions: retired before or with it
    """

    why: str
    records: int
    instructions: int


@dataclass
class Golden:
    """How the model ran.

    Attributes
    ----------
    memory: DRAM at the end
    reasons: for each record of the log, why its trap was taken
    instructions: retired
    elsewhere: for addresses of instructions behind which QEMU is known to go on elsewhere, and of those
        before them
    cut: the first of these that no leaving out avoids; what follows may differ
    """

    memory: bytes
    reasons: list[Reason]
    instructions: int
    elsewhere: dict[tuple[int, int], Elsewhere]
    cut: Elsewhere | None = None


def golden(program: Program, memory: int, limit: int = 1_000_000) -> Golden:
    """Run ``program`` in ``memory`` bytes of DRAM to its end; a UserError if it has not ended after ``limit``
    instructions."""
    machine = Machine(memory)
    machine.load(program)
    hart = machine.hart
    walks: list[Walk] = []
    reasons: list[Reason] = []
    latest = dict.fromkeys(Level, Reason())
    elsewhere: dict[tuple[int, int], Elsewhere] = {}
    hart.walker.observer = walks.append
    there = hart.pc
    try:
        for _ in range(limit):
            walks.clear()
            record = hart.step()
            before, there = there, record.pc
            stray = record.privilege != Privilege.M and hart.fetch_pa >> 12 == _FIRST
            if record.trap is None and not walks and record.bits & 0x7F != _SYSTEM and not stray:
                continue
            if why := leads_elsewhere(Step(hart, record, walks)):
                elsewhere.setdefault((record.pc, before), Elsewhere(why, len(reasons), hart.retired))
            if record.trap is None:
                continue
            to_machine = hart.privilege == Privilege.M
            level = Level.M if to_machine else Level.VS if hart.virt else Level.HS
            latest[level] = _reason(hart, record, walks, level, latest[level])
            if to_machine:
                reasons.append(latest[Level.M])
                reasons += [latest[written] for written in levels_written(record.trap, hart.x)]
    except Stop:
        return Golden(bytes(machine.bus.dram), reasons, hart.retired, elsewhere)
    raise UserError(f"{program.name}: not at its end after {limit} instructions of the model")


def _reason(hart: Hart, record: Record, walks: list[Walk], level: Level, before: Reason) -> Reason:
    """Of the trap of ``record``, which ``level`` has taken; ``before`` is the reason of its last one."""
    assert record.trap is not None
    if not record.trap & INTERRUPT_BIT:
        return Reason(next((walk.refusal for walk in walks if walk.refusal), None))
    value = hart.csrs.value
    inner = value["mideleg"] & value["hideleg"] & VS_INTERRUPTS if record.virt else 0
    masks = {Level.M: ~value["mideleg"], Level.HS: value["mideleg"] & ~inner, Level.VS: inner}
    due = hart.pending() & value["mie"] & masks[level]
    shift = 1 if level is Level.VS else 0  # VS is told its interrupts by the supervisor's codes
    causes = frozenset(INTERRUPT_BIT | n - shift for n in range(16) if due >> n & 1)
    return Reason(None, causes | (before.interrupts if before.epc == record.pc else set()), record.pc)
