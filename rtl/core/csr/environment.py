"""Environment configuration, counter enables, and the guest's clock."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.core.csr.registers import CsrWrite, csr_layout, on_write, plain_register
from rtl.isa.csr_state import csr_states

__all__ = ["Environment"]

Envcfg = csr_layout("menvcfg")


class Environment(wiring.Component):
    """menvcfg, senvcfg, henvcfg, counter enables, htimedelta (Privileged spec 3.1.18, 12.1.10; H chapter).

    Members
    -------
    write: CSR writes
    time: mtime
    guest_time: mtime + htimedelta, the clock of V = 1
    menvcfg ... htimedelta: the registers as read
    """

    write: In(CsrWrite)
    time: In(64)
    guest_time: Out(64)
    menvcfg: Out(Envcfg)
    henvcfg: Out(Envcfg)
    senvcfg: Out(64)
    mcounteren: Out(32)
    hcounteren: Out(32)
    scounteren: Out(32)
    htimedelta: Out(64)

    def __init__(self, hypervisor: bool = True):
        self.hypervisor = hypervisor
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        states = csr_states(self.hypervisor)
        plain = ["menvcfg", "senvcfg", "mcounteren", "scounteren"]
        if self.hypervisor:
            plain += ["hcounteren", "htimedelta"]
            henvcfg = plain_register(m, self.write, states["henvcfg"])
            # The H chapter and Sstc: a feature that menvcfg withholds is read-only zero here.
            granted = self.menvcfg.as_value() | Envcfg.const({"fiom": 1}).as_value()
            m.d.comb += self.henvcfg.eq(henvcfg & granted)
            with on_write(m, self.write, "henvcfg"):
                m.d.sync += henvcfg.eq(self.write.value & states["henvcfg"].writable & granted)
        for name in plain:
            m.d.comb += getattr(self, name).eq(plain_register(m, self.write, states[name]))
        m.d.comb += self.guest_time.eq(self.time + self.htimedelta)
        return m
