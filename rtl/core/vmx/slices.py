"""Registers that ``Cuts.vmx`` puts into the VMX unit's paths."""

from collections.abc import Callable
from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.core.stages import MicroOp

__all__ = ["Held", "MicroSlice", "holder"]

Held = Callable[[Any], Any]
"""Value -> value."""


def holder(m: Module, cut: bool) -> Held:
    """A function that gives with ``cut`` the value that something had in the cycle before (whatever ``m.If``
    the call stands in), and without it the thing itself."""
    if not cut:
        return lambda value: value
    m.submodules.held = registers = Module()

    def held(value):
        register = Signal.like(value, name="held")
        registers.d.sync += register.eq(value)
        return register

    return held


class MicroSlice(wiring.Component):
    """One access of the VMX unit waits here for the execute stage, which so sees it early in the cycle.

    Members
    -------
    request, access: in and out
    fault: an access has failed; what waits behind it must not be made
    """

    request: In(stream.Signature(MicroOp))
    access: Out(stream.Signature(MicroOp))
    fault: In(1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        full = Signal()
        kept = Signal(MicroOp)
        m.d.comb += [
            self.request.ready.eq(~full),
            self.access.valid.eq(full & ~self.fault),
            self.access.p.eq(kept),
        ]
        with m.If(~full):
            m.d.sync += [full.eq(self.request.valid), kept.eq(self.request.p)]
        with m.Elif(self.access.ready):
            m.d.sync += full.eq(0)
        with m.If(self.fault):
            m.d.sync += full.eq(0)
        return m
