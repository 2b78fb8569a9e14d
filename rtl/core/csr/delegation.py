"""medeleg, mideleg, hedeleg, hideleg: which level handles a trap."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.core.csr.registers import CsrWrite, Level, plain_register
from rtl.core.interface import Mode
from rtl.isa.causes import GUEST_PAGE_FAULTS, VS_INTERRUPTS
from rtl.isa.csr_state import csr_states
from rtl.isa.privilege import Privilege

__all__ = ["Delegation"]


class Delegation(wiring.Component):
    """Delegation registers (Privileged spec 3.1.8, H chapter "Hypervisor Trap Delegation"; docs/xvmx.md 5).

    Members
    -------
    write: CSR writes
    mode, interrupt, cause: a trap that happens in ``mode``; an interrupt's cause is its bit of ``mip``
    exit: it is a VM exit of Xvmx in any case
    enter: it is an event that a VM entry delivers to the guest
    xvmx, exception_bitmap: Xvmx is visible; the exceptions that exit then from V = 1
    level: who handles it; NONE for a VM exit of Xvmx
    code: cause as the level's xcause shows it: in VS a VS-level interrupt has the S-level number
    medeleg, mideleg, hedeleg, hideleg: the registers
    """

    write: In(CsrWrite)
    mode: In(Mode)
    interrupt: In(1)
    cause: In(6)
    exit: In(1)
    enter: In(1)
    xvmx: In(1)
    exception_bitmap: In(64)
    level: Out(Level)
    code: Out(6)
    medeleg: Out(64)
    mideleg: Out(64)
    hedeleg: Out(64)
    hideleg: Out(64)

    def __init__(self, hypervisor: bool = True):
        self.hypervisor = hypervisor
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        states = csr_states(self.hypervisor)
        for name in ("medeleg", "mideleg", "hedeleg", "hideleg"):
            if name in states:
                m.d.comb += getattr(self, name).eq(
                    plain_register(m, self.write, states[name]) | states[name].fixed
                )
        if self.hypervisor:
            # With Xvmx the VS-level interrupts are the guest's own, always.
            with m.If(self.xvmx):
                m.d.comb += self.hideleg.eq(VS_INTERRUPTS)

        to_hs, to_vs = Signal(), Signal()
        m.d.comb += [
            to_hs.eq(
                (self.mode.privilege != Privilege.M)
                & Mux(self.interrupt, self.mideleg, self.medeleg).bit_select(self.cause, 1)
            ),
            to_vs.eq(
                self.mode.virt & Mux(self.interrupt, self.hideleg, self.hedeleg).bit_select(self.cause, 1)
            ),
            self.level.eq(Mux(to_hs, Mux(to_vs, Level.VS, Level.HS), Level.MACHINE)),
            self.code.eq(self.cause),
        ]
        if self.hypervisor:
            vs_codes = [n for n in range(64) if VS_INTERRUPTS >> n & 1]
            with m.If(self.interrupt & to_vs & self.cause.matches(*vs_codes)):
                m.d.comb += self.code.eq(self.cause - 1)
            self._exits(m, to_hs)
        return m

    def _exits(self, m: Module, to_hs: Value) -> None:
        """docs/xvmx.md, sections 5 and 6: what leaves the guest, and what an entry delivers."""
        second_stage = ~self.interrupt & self.cause.matches(*GUEST_PAGE_FAULTS)
        chosen = ~self.interrupt & self.exception_bitmap.bit_select(self.cause, 1)
        with m.If(self.exit):
            m.d.comb += self.level.eq(Level.NONE)
        with m.Elif(self.xvmx & self.mode.virt):
            with m.If(second_stage | (to_hs & chosen)):
                m.d.comb += self.level.eq(Level.NONE)
            with m.Elif(to_hs):
                m.d.comb += self.level.eq(Level.VS)
        with m.Elif(self.enter):
            m.d.comb += self.level.eq(Level.VS)
