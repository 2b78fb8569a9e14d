"""The fields that a VM exit writes about itself (docs/xvmx.md, section 7)."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.core.interface import Trap
from rtl.core.vmx.fields import INDEX, INDEX_BITS
from rtl.isa.causes import GUEST_PAGE_FAULTS, Cause
from rtl.isa.xvmx import EptQualification, ExitReason

__all__ = ["ExitRecord", "exit_reason"]

_FETCHES = (
    Cause.FETCH_MISALIGNED,
    Cause.FETCH_ACCESS,
    Cause.FETCH_PAGE_FAULT,
    Cause.FETCH_GUEST_PAGE_FAULT,
)


def exit_reason(trap) -> Value:
    """Reason of the exit that ``trap`` (a ``Trap``) makes."""
    second_stage = Mux(trap.misconfigured, ExitReason.EPT_MISCONFIG, ExitReason.EPT_VIOLATION)
    fault = Mux(trap.cause.matches(*GUEST_PAGE_FAULTS), second_stage, ExitReason.EXCEPTION)
    return Mux(trap.exit, trap.cause, fault)


class ExitRecord(wiring.Component):
    """Members
    -------
    take, trap: a VM exit begins in this cycle with this trap
    acknowledged, code: it is that of interrupt ``code``, acknowledged
    reason, failed: of the last exit; it was an entry that failed
    interrupt: ... and one at a boundary
    index: field asked for
    value: its value, if this is a field of the record but INSTR_ERROR
    """

    take: In(1)
    trap: In(Trap)
    acknowledged: In(1)
    code: In(6)
    reason: Out(6)
    failed: Out(1)
    interrupt: Out(1)
    index: In(INDEX_BITS)
    value: Out(64)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        trap = self.trap
        reason, interrupt = Signal(6), Signal()
        acknowledged = Signal()
        qualification = Signal(21)
        tval, physical = Signal(64), Signal(64)
        instruction, length = Signal(32), Signal(3)
        second_stage = ~trap.exit & trap.cause.matches(*GUEST_PAGE_FAULTS)
        of_instruction = ~trap.interrupt & ~(~trap.exit & trap.cause.matches(*_FETCHES))
        of_instruction = of_instruction & ~(trap.exit & (trap.cause == ExitReason.ENTRY_FAIL))
        with m.If(self.take):
            m.d.sync += [
                acknowledged.eq(self.acknowledged),
                interrupt.eq(trap.interrupt),
                reason.eq(exit_reason(trap)),
                qualification.eq(trap.cause),
                tval.eq(trap.tval),
                physical.eq(trap.gpa),
                instruction.eq(Mux(of_instruction, trap.instruction, 0)),
                length.eq(Mux(of_instruction, Mux(trap.compressed, 2, 4), 0)),
            ]
            with m.If(trap.exit):
                m.d.sync += [
                    qualification.eq(Mux(self.acknowledged, self.code, trap.tval)),
                    tval.eq(0),
                    physical.eq(0),
                ]
            with m.Elif(second_stage & trap.misconfigured):
                m.d.sync += qualification.eq(0)
            with m.Elif(second_stage):
                m.d.sync += qualification.eq(self._violation())

        def only(kind: ExitReason, value: Signal) -> Mux:
            return Mux(reason == kind, value, 0)

        shown = {
            "EXIT_REASON": Cat(reason, Const(0, 25), self.failed),
            "EXIT_QUAL": Cat(qualification, Const(0, 42), acknowledged),
            "EXIT_TVAL": only(ExitReason.EXCEPTION, tval),
            "GUEST_LINEAR": only(ExitReason.EPT_VIOLATION, tval),
            "GUEST_PHYS": physical,
            "EXIT_INSTR": instruction,
            "EXIT_INSTR_LEN": length,
        }
        m.d.comb += [
            self.reason.eq(reason),
            self.interrupt.eq(interrupt),
            self.failed.eq(reason == ExitReason.ENTRY_FAIL),
        ]
        with m.Switch(self.index):
            for name, value in shown.items():
                with m.Case(INDEX[name]):
                    m.d.comb += self.value.eq(value)
        return m

    def _violation(self) -> Cat:
        trap = self.trap
        bits = {
            EptQualification.READ: Mux(
                trap.implicit, ~trap.implicit_write, trap.cause == Cause.LOAD_GUEST_PAGE_FAULT
            ),
            EptQualification.WRITE: Mux(
                trap.implicit, trap.implicit_write, trap.cause == Cause.STORE_GUEST_PAGE_FAULT
            ),
            EptQualification.FETCH: ~trap.implicit & (trap.cause == Cause.FETCH_GUEST_PAGE_FAULT),
            EptQualification.ENTRY_R: trap.rights[0],
            EptQualification.ENTRY_W: trap.rights[1],
            EptQualification.ENTRY_X: trap.rights[2],
            EptQualification.LINEAR_VALID: Const(1, 1),
            EptQualification.FINAL_PAGE: ~trap.implicit,
        }
        width = max(bits).bit_length()
        return Cat(bits.get(EptQualification(1 << n), Const(0, 1))[0] for n in range(width))
