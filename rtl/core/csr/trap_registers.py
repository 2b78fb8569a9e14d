"""The registers of each trap level: xtvec, xscratch, xepc, xcause, xtval, and xtval2, xtinst of M and HS."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from rtl.core.csr.bank import Bank
from rtl.core.csr.registers import CsrWrite, Level, on_write
from rtl.core.interface import Trap
from rtl.isa.csr_state import csr_states
from rtl.isa.csrs import CSRS

__all__ = ["LEVEL_REGISTERS", "TrapRegisters"]

LEVEL_REGISTERS: dict[str, tuple[str, ...]] = {
    "tvec": ("stvec", "vstvec", "mtvec"),
    "scratch": ("sscratch", "vsscratch", "mscratch"),
    "epc": ("sepc", "vsepc", "mepc"),
    "cause": ("scause", "vscause", "mcause"),
    "tval": ("stval", "vstval", "mtval"),
    "tval2": ("htval", "mtval2"),
    "tinst": ("htinst", "mtinst"),
}
"""Kind -> registers of HS, VS and M (of HS and M for the last two)."""

_WRITTEN_BY_TRAPS = ("epc", "tval", "tval2", "tinst")
_WIDTHS = {"tinst": 32}


class Tvec(data.Struct):
    """xtvec: vectored or direct; bit 1 of MODE is read-only zero."""

    vectored: 1
    reserved: 1
    base: 62


class Xcause(data.Struct):
    """The implemented bits of xcause."""

    code: 6
    interrupt: 1

    def shown(self) -> Value:
        """The 64-bit value."""
        return Cat(self.code, Const(0, 57), self.interrupt)


def _is_any(number: Value, names: tuple[str, ...], existing: dict) -> Value:
    return number.matches(*(CSRS[name].number for name in names if name in existing))


class TrapRegisters(wiring.Component):
    """Privileged spec 3.1.7, 3.1.13-3.1.16, 12.1.2-12.1.9; H chapter "Trap Entry".

    Parameters
    ----------
    hypervisor, observe: what is built
    late: an interrupt's ``vector`` comes in the second cycle of ``trap`` and ``trap_level``

    Members
    -------
    number: CSR that ``tvec`` ... ``tinst`` show, if it is of that kind
    write: CSR writes
    trap_valid, trap: trap to take; ``trap_level``, ``trap_code``: where it goes, cause as shown there
    vector: address of its handler
    return_level, return_address: xepc of a level
    tvec ... tinst: values for a read of ``number``
    """

    def __init__(self, hypervisor: bool = True, observe: bool = False, late: bool = False):
        self.hypervisor = hypervisor
        self.late = late
        self.observe = observe
        self._states = csr_states(hypervisor)
        copies = [name for names in LEVEL_REGISTERS.values() for name in names if name in self._states]
        super().__init__(
            {
                "number": In(12),
                "write": In(CsrWrite),
                "trap_valid": In(1),
                "trap": In(Trap),
                "trap_level": In(Level),
                "trap_code": In(6),
                "vector": Out(64),
                "return_level": In(Level),
                "return_address": Out(64),
                **{kind: Out(64) for kind in LEVEL_REGISTERS},
                **({name: Out(64) for name in copies} if observe else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        kinds = [kind for kind, names in LEVEL_REGISTERS.items() if names[-1] in self._states]
        banks = {kind: self._bank(m, kind) for kind in kinds if kind != "cause"}
        m.d.comb += [
            banks["epc"].address2.eq(self.return_level),
            self.return_address.eq(banks["epc"].value2),
            banks["tvec"].address2.eq(self.trap_level),
        ]
        tvec = Tvec(banks["tvec"].value2)
        offset = Mux(tvec.vectored & self.trap.interrupt, self.trap_code, 0)
        if self.late:
            late_base, late_offset = Signal(62), Signal(6)
            m.d.sync += [late_base.eq(tvec.base), late_offset.eq(offset)]
            m.d.comb += self.vector.eq(Mux(self.trap.interrupt, late_base + late_offset, tvec.base)[:62] << 2)
        else:
            m.d.comb += self.vector.eq((tvec.base + offset) << 2)
        self._causes(m)
        return m

    def _address(self, kind: str, level: Value) -> Value:
        """Registers that VS lacks: bit 0 tells HS (htval 0x643, level bits 2) from M (3)."""
        return level if len(LEVEL_REGISTERS[kind]) == 3 else level[0]

    def _bank(self, m: Module, kind: str) -> Bank:
        names = LEVEL_REGISTERS[kind]
        three = len(names) == 3
        bank = Bank(
            _WIDTHS.get(kind, 64),
            4 if three else 2,
            second_port=kind in ("tvec", "epc"),
            observe=self.observe,
        )
        m.submodules[kind] = bank
        state = self._states[names[-1]]
        csr_write = self.write.enable & _is_any(self.write.number, names, self._states)
        m.d.comb += [
            bank.address.eq(self._address(kind, self.number[8:10])),
            getattr(self, kind).eq(bank.value),
            bank.write_enable.eq(csr_write),
            bank.write_address.eq(self._address(kind, self.write.number[8:10])),
            bank.write_value.eq(self.write.value & state.writable),
        ]
        if kind in _WRITTEN_BY_TRAPS:
            level = self.trap_level
            new = {
                "epc": Cat(Const(0, 1), self.trap.pc[1:]),
                "tval": self.trap.tval,
                "tval2": self.trap.gpa >> 2,
                "tinst": self.trap.tinst,
            }[kind]
            with m.If(self.trap_valid):
                m.d.comb += [
                    bank.write_enable.eq(1 if three else level != Level.VS),
                    bank.write_address.eq(level if three else level == Level.MACHINE),
                    bank.write_value.eq(new),
                ]
        if self.observe:
            for name in names:
                if name in self._states:
                    level = CSRS[name].number >> 8 & 3
                    entry = getattr(bank, f"entry{level if three else level & 1}")
                    m.d.comb += getattr(self, name).eq(entry)
        return bank

    def _causes(self, m: Module) -> None:
        """xcause in registers: mcause is 0 after every reset."""
        names = [name for name in LEVEL_REGISTERS["cause"] if name in self._states]
        for name in names:
            number = CSRS[name].number
            register = Signal(Xcause, name=f"{name}_reg")
            with on_write(m, self.write, name):
                m.d.sync += [
                    register.code.eq(self.write.value),
                    register.interrupt.eq(self.write.value[63]),
                ]
            with m.If(self.trap_valid & (self.trap_level == Level((number >> 8) & 3))):
                m.d.sync += [register.code.eq(self.trap_code), register.interrupt.eq(self.trap.interrupt)]
            with m.If(self.number[8:10] == (number >> 8) & 3):
                m.d.comb += self.cause.eq(register.shown())
            if self.observe:
                m.d.comb += getattr(self, name).eq(register.shown())
