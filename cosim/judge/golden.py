"""The golden model's side of a judged program."""

from dataclasses import dataclass

from cosim.elf import Program
from cosim.errors import UserError
from cosim.model.exceptions import Stop
from cosim.model.machine import Machine
from cosim.model.translation import Refusal, Walk

__all__ = ["Golden", "golden"]


@dataclass
class Golden:
    """How the model ran.

    Attributes
    ----------
    memory: DRAM at the end
    refusals: for each trap, what the page-table walk had against the access, or None
    instructions: retired
    """

    memory: bytes
    refusals: list[Refusal | None]
    instructions: int


def golden(program: Program, memory: int, limit: int = 1_000_000) -> Golden:
    """Run ``program`` in ``memory`` bytes of DRAM to its end; a UserError if it has not ended after ``limit``
    instructions."""
    machine = Machine(memory)
    machine.load(program)
    hart = machine.hart
    walks: list[Walk] = []
    refusals: list[Refusal | None] = []
    hart.walker.observer = walks.append
    try:
        for _ in range(limit):
            walks.clear()
            if hart.step().trap is not None:
                refusals.append(next((walk.refusal for walk in walks if walk.refusal), None))
    except Stop:
        return Golden(bytes(machine.bus.dram), refusals, hart.retired)
    raise UserError(f"{program.name}: not at its end after {limit} instructions of the model")
