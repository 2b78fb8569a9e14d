"""The registers of the privileged architecture on both sides, compared after each step."""

from collections.abc import Iterator
from operator import itemgetter

from cosim.lockstep.records import Retired
from cosim.model.hart import Hart
from cosim.model.record import Record
from cosim.model.system import SYSTEM_MAKERS
from cosim.observe import STATE_NAMES
from rtl.isa.instructions import INSTRUCTIONS

__all__ = ["StateCheck", "may_change_state"]

_OPCODES = frozenset(INSTRUCTIONS[name].match & 0x7F for name in SYSTEM_MAKERS if name in INSTRUCTIONS)
"""Opcodes with instructions that change privileged state."""


def may_change_state(retired: Retired) -> bool:
    """Whether an instruction or trap can change a register besides the integer registers, or says it did."""
    return bool(retired.changes or retired.trap or retired.instruction & 0x7F in _OPCODES)


class StateCheck:
    """The hardware's registers as its records tell them, beside the model's.

    Both begin at reset, and after each step *all* are compared: what one side writes and the other does not
    is a difference, and so is a change by an instruction that must not change anything.

    Attributes
    ----------
    x: the hardware's integer registers
    registers: the hardware's registers of ``STATE_NAMES``, as M mode would read them; ``mode`` is the
        privilege, and V in bit 2
    """

    def __init__(self, hart: Hart) -> None:
        self._hart = hart
        self.x = [0] * 32
        self.registers = dict.fromkeys(STATE_NAMES, 0)
        computed = hart.csrs.computed
        stored = [name for name in STATE_NAMES if name != "mode" and name not in computed]
        self._stored = itemgetter(*stored)
        self._computed = [name for name in STATE_NAMES if name in computed and name != "mip"]
        self._acts_on_computed = {"menvcfg", *self._computed}

    def model(self, name: str) -> int:
        """The model's register of ``STATE_NAMES``."""
        if name == "mode":
            return self._hart.privilege | self._hart.virt << 2
        return self._hart.csrs.held(name)

    def take(self, retired: Retired) -> None:
        """Note what the hardware changed."""
        if retired.rd_write:
            self.x[retired.rd] = retired.rd_data
        changes = retired.changes
        for n in range(0, len(changes), 2):
            self.registers[STATE_NAMES[changes[n]]] = changes[n + 1]

    def agrees(self, retired: Retired, record: Record) -> bool:
        """Whether all registers are the same after a step."""
        hart, registers = self._hart, self.registers
        value = hart.csrs.value
        if (
            self._stored(value) != self._stored(registers)
            or registers["mip"] != value["mip"]
            or registers["mode"] != hart.privilege | hart.virt << 2
        ):
            return False
        written = {name for name, _ in record.csr_writes}
        if retired.changes or not written.isdisjoint(self._acts_on_computed):
            return all(registers[name] == self.model(name) for name in self._computed)
        return True

    def differences(self) -> Iterator[tuple[str, int, int]]:
        """(name, hardware's value, model's value) of each register that differs."""
        for name, value in self.registers.items():
            if value != self.model(name):
                yield name, value, self.model(name)
