"""Environment configuration, counter enables, and the guest's clock."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.core.csr.registers import CsrWrite, csr_layout, on_write, plain_register
from rtl.isa.csr_state import csr_states
from rtl.isa.csrs import CSRS, CSRS_BY_NUMBER

__all__ = ["GUEST_SCOUNTEREN", "GUEST_SENVCFG", "Environment"]

GUEST_SCOUNTEREN = CSRS["scounteren"].number + 0x100
GUEST_SENVCFG = CSRS["senvcfg"].number + 0x100
"""As vs* numbers are to s*."""
assert not {GUEST_SCOUNTEREN, GUEST_SENVCFG} & CSRS_BY_NUMBER.keys()

Envcfg = csr_layout("menvcfg")


class Environment(wiring.Component):
    """menvcfg, senvcfg, henvcfg, counter enables, htimedelta (Privileged spec 3.1.18, 12.1.10; H chapter).

    With Xvmx, htimedelta holds TIME_OFFSET, and the guest has its own scounteren and senvcfg, the fields
    G_SCOUNTEREN and G_SENVCFG of the current VMCS; those are written as ``GUEST_SCOUNTEREN`` and
    ``GUEST_SENVCFG``, numbers that no instruction reaches.

    Members
    -------
    write: CSR writes
    time: mtime
    offset: htimedelta counts
    guest_time: mtime + htimedelta, the clock of V = 1
    guest_scounteren, guest_senvcfg: with Xvmx
    menvcfg ... htimedelta: the registers as read
    """

    write: In(CsrWrite)
    time: In(64)
    offset: In(1)
    guest_time: Out(64)
    guest_scounteren: Out(32)
    guest_senvcfg: Out(64)
    menvcfg: Out(Envcfg)
    henvcfg: Out(Envcfg)
    senvcfg: Out(64)
    mcounteren: Out(32)
    hcounteren: Out(32)
    scounteren: Out(32)
    htimedelta: Out(64)

    def __init__(self, hypervisor: bool = True, xvmx: bool = True):
        self.hypervisor = hypervisor
        self.xvmx = xvmx
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
        if self.xvmx:
            for name, number in (("scounteren", GUEST_SCOUNTEREN), ("senvcfg", GUEST_SENVCFG)):
                mask = states[name].writable
                register = Signal(mask.bit_length(), name=f"guest_{name}_reg")
                m.d.comb += getattr(self, f"guest_{name}").eq(register)
                with m.If(self.write.enable), m.If(self.write.number == number):
                    m.d.sync += register.eq(self.write.value & mask)
        m.d.comb += self.guest_time.eq(self.time + Mux(self.offset, self.htimedelta, 0))
        return m
