"""satp, vsatp, hgatp."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.core.csr.registers import CsrWrite, on_write
from rtl.isa.csr_state import csr_states
from rtl.isa.paging import AtpMode
from rtl.mmu.interface import Atp, Hgatp

__all__ = ["TranslationRegisters"]


class TranslationRegisters(wiring.Component):
    """Privileged spec 12.1.11 (satp), H chapter (hgatp, vsatp): the roots of the page tables.

    Members
    -------
    write: CSR writes
    satp, vsatp, hgatp: the registers
    """

    write: In(CsrWrite)
    satp: Out(Atp)
    vsatp: Out(Atp)
    hgatp: Out(Hgatp)

    def __init__(self, hypervisor: bool = True):
        self.hypervisor = hypervisor
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        states = csr_states(self.hypervisor)
        supported = Signal()
        m.d.comb += supported.eq(Atp(self.write.value).mode.matches(*(int(mode) for mode in AtpMode)))
        for name in ("satp", "vsatp"):
            if name in states:
                register = Signal(Atp, name=f"{name}_reg")
                m.d.comb += getattr(self, name).eq(register)
                with on_write(m, self.write, name), m.If(supported):
                    m.d.sync += register.eq(self.write.value)
        if self.hypervisor:
            hgatp = Signal(Hgatp, name="hgatp_reg")
            value = Hgatp(self.write.value & states["hgatp"].writable)
            m.d.comb += self.hgatp.eq(hgatp)
            with on_write(m, self.write, "hgatp"):
                m.d.sync += [hgatp.eq(value), hgatp.mode.eq(Mux(supported, value.mode, hgatp.mode))]
        return m
