"""The current VMCS as hardware keeps it on chip, and its form in memory (docs/xvmx.md, section 4)."""

from typing import TYPE_CHECKING

from cosim.model.bits import MASK
from rtl.isa.csr_state import csr_states
from rtl.isa.xvmx import FIELDS, EventBits, Group, VmcsField

if TYPE_CHECKING:
    from cosim.model.hart import Hart

__all__ = ["GUEST_REGISTERS", "Vmcs"]

_STATES = csr_states()

GUEST_REGISTERS: dict[str, str] = {
    field.name: f"v{field.register}"
    for field in FIELDS.values()
    if field.group == Group.GUEST and field.register
}
"""Guest fields that are registers: their names in ``CsrFile.value`` (where H has a vs* register, its own)."""


class Vmcs:
    """The fields of the current VMCS of ``hart``, by name.

    The guest's registers are those that the guest uses; the other fields have storage here.
    """

    def __init__(self, hart: "Hart"):
        self._hart = hart
        self.field: dict[str, int] = {name: 0 for name in FIELDS if name not in GUEST_REGISTERS}

    def read(self, field: VmcsField) -> int:
        """What vmread shows."""
        register = GUEST_REGISTERS.get(field.name)
        return self.field[field.name] if register is None else self._hart.csrs.value[register]

    def write(self, field: VmcsField, value: int) -> None:
        """What vmwrite, or vmptrld with memory's value, does."""
        register = field.register
        if register is not None and register != "satp":
            state = _STATES[register]
            value = value & state.writable | state.fixed
        value &= field.mask
        if field.name == "EPTP" and self._hart.vmx.nos2:
            value = 0
        if field.name == "G_EIP0":
            value &= ~1
        guest = GUEST_REGISTERS.get(field.name)
        if guest is None:
            self.field[field.name] = value
        else:
            self._hart.csrs.value[guest] = value

    def image(self) -> list[tuple[int, int]]:
        """(byte offset, value) of every field in memory."""
        return [(field.offset, self.read(field)) for field in FIELDS.values()]

    # ---- What the hart asks often ----

    def control(self, name: str, bit: int) -> bool:
        """Whether ``bit`` of the control field ``name`` is set."""
        return bool(self.field[name] & bit)

    @property
    def event_valid(self) -> bool:
        """Whether an event waits to be injected."""
        return bool(self.field["ENTRY_EVENT"] & EventBits.VALID)

    @property
    def interrupt_file(self) -> int:
        """The 256 pending bits of section 9."""
        return sum(self.field[f"G_EIP{n}"] << 64 * n for n in range(4))

    @interrupt_file.setter
    def interrupt_file(self, bits: int) -> None:
        bits &= ~1
        for n in range(4):
            self.field[f"G_EIP{n}"] = bits >> 64 * n & MASK
