"""Where the fields of the current VMCS are on chip.

A field's *index* is its place in memory's order. *Backed* fields are in the CSR unit, under the number
given here: the guest's registers, and what its clock, pending interrupts and second stage depend on. The
others are words of a small memory; flip-flops copy what hardware looks at all the time.
"""

from rtl.core.csr.environment import GUEST_SCOUNTEREN, GUEST_SENVCFG
from rtl.isa.csr_state import csr_states
from rtl.isa.csrs import CSRS, VS_ALIASES
from rtl.isa.xvmx import FIELDS, Group, VmcsField

__all__ = ["BACKED", "COUNT", "GROUPS", "HOST_REGISTERS", "INDEX", "INDEX_BITS", "masks"]

INDEX = {name: index for index, name in enumerate(FIELDS)}
"""Name -> index."""
COUNT = len(FIELDS)
INDEX_BITS = (COUNT - 1).bit_length()

GROUPS = {
    group: (
        min(INDEX[field.name] for field in FIELDS.values() if field.group == group),
        sum(field.group == group for field in FIELDS.values()),
    )
    for group in Group
}
"""Group -> index of its first field, number of its fields."""


def _backing(field: VmcsField) -> int | None:
    shared = {"EPTP": "hgatp", "TIME_OFFSET": "htimedelta", "VIRQ": "hvip"}
    own = {"scounteren": GUEST_SCOUNTEREN, "senvcfg": GUEST_SENVCFG}
    if field.name in shared:
        return CSRS[shared[field.name]].number
    if field.group != Group.GUEST or field.register is None:
        return None
    return own.get(field.register) or CSRS[VS_ALIASES[field.register]].number


BACKED: dict[int, int] = {
    INDEX[name]: number for name, field in FIELDS.items() if (number := _backing(field)) is not None
}
"""Index -> number of the register that holds it."""

HOST_REGISTERS: tuple[tuple[int, int], ...] = tuple(
    (INDEX[field.name], CSRS[field.register].number)
    for field in FIELDS.values()
    if field.group == Group.HOST and field.register is not None
)
"""(index, number of the register that a VM exit loads from it)."""


def masks() -> dict[int, tuple[int, int]]:
    """Index -> (bits that it takes, bits that are always one), for unbacked fields that are not plain."""
    found = {}
    for name, field in FIELDS.items():
        taken, fixed = field.mask, 0
        if field.register is not None and field.register != "satp":
            state = csr_states()[field.register]
            taken, fixed = state.writable, state.fixed
        if name == "G_EIP0":
            taken &= ~1  # there is no interrupt 0
        if INDEX[name] not in BACKED and (taken, fixed) != ((1 << 64) - 1, 0):
            found[INDEX[name]] = (taken, fixed)
    return found
