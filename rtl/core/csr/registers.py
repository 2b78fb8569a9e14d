"""What the parts of the CSR unit share: the write bus, register layouts and plain registers."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import Out

from rtl.isa.csr_state import CsrState
from rtl.isa.csrs import CSRS

__all__ = ["CsrWrite", "Level", "csr_layout", "plain_register", "selects"]


CsrWrite = wiring.Signature({"enable": Out(1), "number": Out(12), "value": Out(64)})
"""A legal write at the end of this cycle: ``number`` after the substitution of vs* for s* in V = 1, ``value`` the new
value before masks (set and clear are done)."""


class Level(enum.Enum, shape=2):
    """Who handles a trap. The values are bits 9:8 of the numbers of the level's own registers."""

    NONE = 0
    HS = 1
    VS = 2
    MACHINE = 3


def csr_layout(name: str) -> data.FlexibleLayout:
    """The 64-bit layout of a register, fields in lower case at the specification's places."""
    return data.FlexibleLayout(
        64, {field.name.lower(): data.Field(field.width, field.lo) for field in CSRS[name].fields}
    )


def selects(write: wiring.PureInterface, name: str) -> Value:
    """1 in the cycle in which the register ``name`` is written."""
    return write.enable & (write.number == CSRS[name].number)


def plain_register(m: Module, write: wiring.PureInterface, state: CsrState) -> Signal:
    """A register that only CSR instructions write, as wide as its highest writable bit."""
    register = Signal(state.writable.bit_length(), name=state.name, init=state.reset & state.writable)
    with m.If(selects(write, state.name)):
        m.d.sync += register.eq(write.value & state.writable)
    return register
