"""The golden model's side of a judged program."""

from dataclasses import dataclass

from cosim.elf import Program
from cosim.errors import UserError
from cosim.judge.elsewhere import Step, leads_elsewhere
from cosim.judge.handlers import levels_written
from cosim.judge.log import Level
from cosim.model.exceptions import Stop
from cosim.model.machine import Machine
from cosim.model.translation import Refusal, Walk
from rtl.isa.privilege import Privilege

__all__ = ["Golden", "golden"]


_SYSTEM = 0x73
"""The opcode of CSR instructions."""


@dataclass
class Golden:
    """How the model ran.

    Attributes
    ----------
    memory: DRAM at the end
    refusals: for each record of the log, what the page-table walk had against the access, or None
    instructions: retired
    elsewhere: addresses of instructions behind which QEMU is known to go on elsewhere, and why; if one could
        not be fetched, of the one before
    """

    memory: bytes
    refusals: list[Refusal | None]
    instructions: int
    elsewhere: dict[int, str]


def golden(program: Program, memory: int, limit: int = 1_000_000) -> Golden:
    """Run ``program`` in ``memory`` bytes of DRAM to its end; a UserError if it has not ended after ``limit``
    instructions."""
    machine = Machine(memory)
    machine.load(program)
    hart = machine.hart
    walks: list[Walk] = []
    refusals: list[Refusal | None] = []
    latest: dict[Level, Refusal | None] = {}
    elsewhere: dict[int, str] = {}
    hart.walker.observer = walks.append
    there = hart.pc
    try:
        for _ in range(limit):
            walks.clear()
            record = hart.step()
            before, there = there, record.pc
            if record.trap is None and not walks and record.bits & 0x7F != _SYSTEM:
                continue
            if why := leads_elsewhere(Step(hart, record, walks)):
                elsewhere.setdefault(record.pc if record.bits else before, why)
            if record.trap is None:
                continue
            refusal = next((walk.refusal for walk in walks if walk.refusal), None)
            if hart.privilege == Privilege.M:
                refusals.append(refusal)
                refusals += [latest.get(level) for level in levels_written(record.trap, hart.x)]
            else:
                latest[Level.VS if hart.virt else Level.HS] = refusal
    except Stop:
        return Golden(bytes(machine.bus.dram), refusals, hart.retired, elsewhere)
    raise UserError(f"{program.name}: not at its end after {limit} instructions of the model")
