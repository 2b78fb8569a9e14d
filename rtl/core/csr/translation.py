"""satp, vsatp, hgatp."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.core.csr.registers import CsrWrite, on_write
from rtl.isa.csr_state import csr_states
from rtl.isa.csrs import CSRS
from rtl.isa.paging import AtpMode
from rtl.mmu.interface import Atp, Hgatp

__all__ = ["TranslationRegisters"]

_NOS2 = CSRS["mvirt"].field("NOS2").lo


class TranslationRegisters(wiring.Component):
    """Privileged spec 12.1.11 (satp), H chapter (hgatp, vsatp): the roots of the page tables.

    With Xvmx, vsatp and hgatp hold the current VMCS's G_SATP and EPTP (docs/xvmx.md, section 4).

    Members
    -------
    write: CSR writes
    raw: this write of vsatp or hgatp is of a field: every value is taken
    nos2: hgatp is zero
    satp, vsatp, hgatp: the registers
    """

    write: In(CsrWrite)
    raw: In(1)
    nos2: In(1)
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
                takes = supported | (self.raw if name == "vsatp" else 0)
                with on_write(m, self.write, name), m.If(takes):
                    m.d.sync += register.eq(self.write.value)
        if self.hypervisor:
            hgatp = Signal(Hgatp, name="hgatp_reg")
            value = Hgatp(self.write.value & states["hgatp"].writable)
            m.d.comb += self.hgatp.eq(hgatp)
            with on_write(m, self.write, "hgatp"):
                m.d.sync += [hgatp.eq(value), hgatp.mode.eq(Mux(supported, value.mode, hgatp.mode))]
                with m.If(self.raw):
                    m.d.sync += hgatp.eq(self.write.value)
            with m.If(self.nos2):
                m.d.sync += hgatp.eq(0)
            with on_write(m, self.write, "mvirt"), m.If(self.write.value[_NOS2]):
                m.d.sync += hgatp.eq(0)
        return m
