"""The registers of the privileged architecture on both sides, compared after each step."""

from collections.abc import Iterator
from operator import itemgetter

from cosim.lockstep.records import Retired
from cosim.model.hart import Hart
from cosim.model.record import Record
from cosim.model.system import SYSTEM_MAKERS
from cosim.observe import STATE_NAMES
from rtl.isa.csr_state import visible_states
from rtl.isa.instructions import INSTRUCTIONS, Opcode
from rtl.isa.xvmx import Arch

__all__ = ["StateCheck", "may_change_state"]

_OPCODES = frozenset(INSTRUCTIONS[name].match & 0x7F for name in SYSTEM_MAKERS if name in INSTRUCTIONS) | {
    Opcode.CUSTOM_3
}
"""Opcodes with instructions that change privileged state."""


_GUEST = {f"vs{name}" for name in ("status", "tvec", "scratch", "epc", "cause", "tval", "atp", "timecmp")}
"""Registers that hold the guest's state for H and for Xvmx."""


def _names(arch: Arch) -> list[str]:
    """Registers of ``STATE_NAMES`` that mean something under ``arch``."""
    seen = set(visible_states(arch)) | (_GUEST if arch == Arch.XVMX else set())
    return [name for name in STATE_NAMES if name in seen]


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
        self._arch = hart.vmx.arch
        self.registers = dict.fromkeys(STATE_NAMES, 0)
        computed = hart.csrs.computed
        self._names = {arch: _names(arch) for arch in Arch}
        stored = {arch: [n for n in names if n not in computed] for arch, names in self._names.items()}
        self._stored = {arch: itemgetter(*names) for arch, names in stored.items()}
        self._computed = {
            arch: [name for name in names if name in computed and name != "mip"]
            for arch, names in self._names.items()
        }
        self._acts_on_computed = {"menvcfg", *self._computed[Arch.H]}

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
        hart, registers, arch = self._hart, self.registers, self._hart.vmx.arch
        value = hart.csrs.value
        if arch != self._arch:
            self._change(arch)
        stored = self._stored[arch]
        if (
            stored(value) != stored(registers)
            or registers["mip"] != value["mip"]
            or registers["mode"] != hart.privilege | hart.virt << 2
        ):
            return False
        written = {name for name, _ in record.csr_writes}
        if retired.changes or not written.isdisjoint(self._acts_on_computed):
            return all(registers[name] == self.model(name) for name in self._computed[arch])
        return True

    def _change(self, arch: Arch) -> None:
        """The architecture has changed: what only the new one has is as the hardware left it."""
        value = self._hart.csrs.value
        appeared = set(self._names[arch]) - set(self._names[self._arch]) | {"mie", "mideleg", "medeleg"}
        value.update({name: self.registers[name] for name in appeared})
        self._arch = arch

    def differences(self) -> Iterator[tuple[str, int, int]]:
        """(name, hardware's value, model's value) of each register that differs."""
        for name in ("mode", *self._names[self._arch]):
            value = self.registers[name]
            if value != self.model(name):
                yield name, value, self.model(name)
