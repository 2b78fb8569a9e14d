"""What the parts of the CSR unit share: the write bus, register layouts and plain registers."""

from collections.abc import Iterator
from contextlib import contextmanager

from amaranth.hdl import Module, Signal
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import Out

from rtl.isa.csr_state import CsrState
from rtl.isa.csrs import CSRS

__all__ = ["ALL_BITS", "CsrWrite", "Level", "csr_layout", "on_write", "plain_register"]

ALL_BITS = (1 << 64) - 1
"""For complements of masks: Python's ``~`` makes a negative, hence signed, constant."""


CsrWrite = wiring.Signature({"enable": Out(1), "number": Out(12), "value": Out(64)})
"""A legal write at the end of this cycle: ``number`` after the substitution of vs* for s* in V = 1, ``value``
the new value before masks (set and clear are done)."""


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


@contextmanager
def on_write(m: Module, write: wiring.PureInterface, name: str) -> Iterator[None]:
    """A block of statements for the cycle in which ``name`` is written. Nested, so that the simulator looks
    at the numbers only when there is a write."""
    with m.If(write.enable), m.If(write.number == CSRS[name].number):
        yield


def plain_register(m: Module, write: wiring.PureInterface, state: CsrState) -> Signal:
    """A register that only CSR instructions write, as wide as its highest writable bit. One that is all data
    keeps its value in a reset (Privileged spec 3.4: unspecified)."""
    register = Signal(
        state.writable.bit_length(),
        name=state.name,
        init=state.reset & state.writable,
        reset_less=state.writable == ALL_BITS,
    )
    with on_write(m, write, state.name):
        m.d.sync += register.eq(write.value & state.writable)
    return register
