"""What the instruction or interrupt in execute asks of the VMX unit."""

from typing import Any

from amaranth.hdl import Module, Signal

from rtl.core.vmx.fields import INDEX
from rtl.core.vmx.guest_states import GuestStates
from rtl.isa.causes import Interrupt
from rtl.isa.csrs import CSRS
from rtl.isa.xvmx import PinControl

__all__ = ["Requests"]


class Requests(GuestStates):
    """The part of ``VmxUnit`` that finds out what it has to do (docs/xvmx.md, sections 5 and 9)."""

    def _pin(self, bit: PinControl) -> Any:
        raise NotImplementedError

    def _requests(self, m: Module) -> None:
        """What the instruction or interrupt in execute wants of this unit."""
        execute, csr, verdict = self.execute, self.csr, self.verdict
        stopei = CSRS["stopei"].number
        m.d.comb += verdict.bitmap_says.eq(self.checked & self.bitmap_says)
        self.wants_bitmap, self.wants_identity, self.wants_post = Signal(), Signal(), Signal()
        with m.If(self.guest):
            m.d.comb += [
                self.wants_bitmap.eq(verdict.asks_bitmap & ~self.checked),
                self.wants_identity.eq(
                    execute.valid
                    & execute.csr_valid
                    & (execute.csr_number == stopei)
                    & ~self.identified
                    & ~self.wants_bitmap
                    & ~verdict.exit
                ),
                self.wants_post.eq(
                    execute.interrupted
                    & csr.physical
                    & (csr.code == Interrupt.SSI)
                    & self._pin(PinControl.POSTED)
                ),
                execute.wait.eq(self.wants_bitmap | self.wants_identity | self.wants_post | self.halted),
            ]
            with m.If(execute.leaves):
                m.d.sync += [self.checked.eq(0), self.identified.eq(0)]
            claims = execute.completes & self.identified & execute.csr_writes
            with m.If(claims):
                m.d.comb += self.vmcs.drained.eq(self.settle.claim_value == 0)
                m.d.comb += self.settle.claims.eq(self.vmcs.pending.any())
        m.d.comb += [
            csr.identity.eq(self.identity),
            self.settle.claim_value.eq(self.word),
            self.settle.claim_index.eq(INDEX["G_EIP0"] + self.identity[6:]),
        ]
        if self.cut:  # It begins behind a register.
            asks = execute.instruction & ~execute.illegal & ~execute.exit
            asks = (asks | self.wants_bitmap | self.wants_identity) & execute.valid & ~execute.leaves
            m.d.sync += self.due.eq(asks & ~self.settle.busy & ~self.vmcs.writing)
