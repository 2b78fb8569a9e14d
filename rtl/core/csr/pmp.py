"""pmpcfg and pmpaddr registers."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.core.csr.registers import ALL_BITS, CsrWrite, on_write
from rtl.isa.csr_state import PMPADDR_NAPOT_ONES, PMPADDR_OFF_ZEROS, csr_states
from rtl.isa.csrs import CSRS
from rtl.isa.paging import PMP_ENTRIES, PmpMatch
from rtl.mmu.interface import PmpEntry

__all__ = ["PmpRegisters", "is_pmp"]

_MATCH = slice(3, 5)
_LOCK = 7


def is_pmp(number: Value) -> Value:
    """Whether the register belongs to one of the entries: pmpcfg0 or pmpaddr0 to pmpaddr7."""
    first = CSRS["pmpaddr0"].number
    return (number == CSRS["pmpcfg0"].number) | (number[3:] == first // PMP_ENTRIES)


class PmpRegisters(wiring.Component):
    """Privileged spec 3.7.1, with a granularity of a page.

    Members
    -------
    write: CSR writes
    pmp: the entries
    changed: an entry may change at the end of this cycle
    pmpcfg0, pmpaddr0 ...: the registers as read
    """

    def __init__(self):
        names = ["pmpcfg0", *(f"pmpaddr{n}" for n in range(PMP_ENTRIES))]
        super().__init__(
            {
                "write": In(CsrWrite),
                "pmp": Out(PmpEntry).array(PMP_ENTRIES),
                "changed": Out(1),
                **{name: Out(64) for name in names},
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        configs = [Signal(8, name=f"config{n}") for n in range(PMP_ENTRIES)]
        m.d.comb += [
            self.pmpcfg0.eq(Cat(configs)),
            self.changed.eq(self.write.enable & is_pmp(self.write.number)),
        ]
        with on_write(m, self.write, "pmpcfg0"):
            for n, config in enumerate(configs):
                with m.If(~config[_LOCK]):
                    m.d.sync += config.eq(self._legal(self.write.value.word_select(n, 8)))
        for n, config in enumerate(configs):
            locked = config[_LOCK]
            if n + 1 < PMP_ENTRIES:
                above = configs[n + 1]
                locked |= above[_LOCK] & (above[_MATCH] == PmpMatch.TOR)
            self._address(m, n, config, locked)
        return m

    @staticmethod
    def _legal(config: Value) -> Value:
        """W needs R; NA4 does not exist with this granularity, it becomes OFF; bits 6:5 are zero."""
        read, write, execute = config[0], config[1], config[2]
        match = Mux(config[_MATCH] == PmpMatch.NA4, PmpMatch.OFF, config[_MATCH])
        return Cat(read, write & read, execute, match[:2], config[5:7] & 0, config[_LOCK])

    def _address(self, m: Module, n: int, config: Value, locked: Value) -> None:
        name = f"pmpaddr{n}"
        state = csr_states()[name]
        stored = Signal(54, name=name, reset_less=True)
        shown = Signal(54, name=f"{name}_shown")
        with on_write(m, self.write, name), m.If(~locked):
            m.d.sync += stored.eq(self.write.value & state.writable)
        napot = config[4]  # OFF and TOR have this bit clear
        entry: PmpEntry = self.pmp[n]
        m.d.comb += [
            # Bits G-2:0 are not stored; bit G-1 is, and shows only in NAPOT.
            shown.eq(Mux(napot, stored | PMPADDR_NAPOT_ONES, stored & (ALL_BITS ^ PMPADDR_OFF_ZEROS))),
            getattr(self, name).eq(shown),
            entry.addr.eq(shown),
            entry.r.eq(config[0]),
            entry.w.eq(config[1]),
            entry.x.eq(config[2]),
            entry.match.eq(config[_MATCH]),
            entry.locked.eq(config[_LOCK]),
        ]
