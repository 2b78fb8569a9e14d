"""Physical memory protection: the checkers' verdict, and the registers' locks."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import In

from cosim.formal.proof import Proof, assume, assume_stable, claim, past
from cosim.model.pmp import Pmp as ModelPmp
from rtl.core.csr.pmp import PmpRegisters
from rtl.isa.csrs import CSRS
from rtl.isa.memory_map import MAPPED_BITS
from rtl.isa.paging import LEVEL_BITS, PAGE_SHIFT, PMP_ENTRIES, PPN_BITS, PmpMatch
from rtl.mmu.interface import PmpEntry
from rtl.mmu.pmp import Pmp
from tests.formal.proofs.table import tabulated

__all__ = ["PmpRegistersProof", "PmpUniformProof", "PmpVerdictProof"]

_STATE = data.ArrayLayout(PmpEntry, PMP_ENTRIES)
_ADDR_BITS = 54
_LOW = PAGE_SHIFT - 2
"""Bits of pmpaddr below the page number."""


def _in_napot(page: Value, addr: Value) -> Value:
    """Privileged spec, table "NAPOT range encoding": the lowest zero of pmpaddr tells the size; one case
    for each size from a page on."""
    cases = [addr[_LOW - 1 :].all()]  # all ones: all of memory
    for zero in range(_LOW - 1, _ADDR_BITS):
        ones = addr[_LOW - 1 : zero].all() if zero > _LOW - 1 else Const(1, 1)
        page_bits = zero + 1 - _LOW
        same = page[page_bits:] == addr[zero + 1 :] if page_bits < PPN_BITS else Const(1, 1)
        cases.append(ones & ~addr[zero] & same)
    return reduce(or_, cases)


def _in_tor(page: Value, below: Value, addr: Value) -> Value:
    """At least the address register below, and less than this one, as addresses of words."""
    address = Cat(Const(0, _LOW), page)
    mask = ((1 << _ADDR_BITS) - 1) ^ ((1 << _LOW) - 1)
    return (address >= (below & mask)) & (address < (addr & mask))


class _Checkers(Proof):
    """A ``Pmp`` with two checkers on arbitrary entries, which take effect in the second cycle."""

    depth = 2

    def __init__(self) -> None:
        super().__init__(
            {
                "state": In(_STATE),
                "page": In(PPN_BITS).array(2),
                "machine": In(1),
                "active": In(range(PMP_ENTRIES)),
            }
        )
        self.pmp = Pmp(2)
        self.started = Signal()

    def checkers(self, m: Module) -> None:
        """Put the device in."""
        m.submodules.pmp = self.pmp
        m.d.comb += self.pmp.update.eq(1)
        for n, entry in enumerate(self.pmp.state):
            m.d.comb += entry.eq(self.state[n])
        for check, page in zip(self.pmp.checks, self.page, strict=True):
            m.d.comb += [check.valid.eq(1), check.page.eq(page), check.machine.eq(self.machine)]
        m.d.sync += self.started.eq(1)


class PmpVerdictProof(_Checkers):
    """Eight entries, 2 cycles. Claim: the verdict on an arbitrary page is that of the lowest entry that
    matches, by ranges stated from the specification's tables; for M only if locked; without any, M alone
    passes. Nobody passes where the memory map ends."""

    def elaborate(self, platform) -> Module:
        m = Module()
        self.checkers(m)
        entries = Signal(_STATE)
        m.d.sync += entries.eq(self.state)

        page, check = self.page[0], self.pmp.checks[0]
        allowed = self.machine.replicate(3)
        for n in reversed(range(PMP_ENTRIES)):
            entry = entries[n]
            below = entries[n - 1].addr if n else Const(0, _ADDR_BITS)
            matches = Mux(
                entry.match == PmpMatch.NAPOT,
                _in_napot(page, entry.addr),
                (entry.match == PmpMatch.TOR) & _in_tor(page, below, entry.addr),
            )
            verdict = Mux(self.machine & ~entry.locked, 0b111, Cat(entry.r, entry.w, entry.x))
            allowed = Mux(matches, verdict, allowed)
        allowed = Mux(page >= 1 << (MAPPED_BITS - PAGE_SHIFT), 0, allowed)
        claim(m, "verdict", ~self.started | (Cat(check.r, check.w, check.x) == allowed[:3]))
        return m


class PmpUniformProof(_Checkers):
    """Eight entries, 2 cycles. Claim: where ``mega`` or ``giga`` says that the verdict is the same all
    around a page, it is the same for an arbitrary second page there.

    Assumption: all entries but one are OFF, whichever one. That is enough: the verdict is a function of which
    entries match (``PmpVerdictProof``), and each of them is shown to match in all of the area or nowhere."""

    def elaborate(self, platform) -> Module:
        m = Module()
        self.checkers(m)
        for n in range(PMP_ENTRIES):
            assume(m, (self.active == n) | (self.state[n].match == PmpMatch.OFF))
        check, second = self.pmp.checks
        same = Cat(check.r, check.w, check.x) == Cat(second.r, second.w, second.x)
        for name, uniform, bits in (("mega", check.mega, LEVEL_BITS), ("giga", check.giga, 2 * LEVEL_BITS)):
            near = self.page[0][bits:] == self.page[1][bits:]
            claim(m, f"uniform_{name}", ~(self.started & uniform & near) | same)
        return m


class PmpRegistersProof(Proof):
    """The CSR file's part of the PMP; any sequence of writes in 5 cycles; one arbitrary entry is watched.

    Claims: a locked entry never changes, nor does the address below a locked TOR entry; a written
    configuration becomes what the model's ``write_cfg`` makes of it.
    """

    depth = 5

    def __init__(self) -> None:
        super().__init__(
            {
                "enable": In(1),
                "number": In(12),
                "value": In(64),
                "entry": In(range(PMP_ENTRIES)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.registers = registers = PmpRegisters()
        m.d.comb += [
            registers.write.enable.eq(self.enable),
            registers.write.number.eq(self.number),
            registers.write.value.eq(self.value),
        ]
        assume_stable(m, self.entry)
        started = Signal()
        m.d.sync += started.eq(1)
        config = registers.pmpcfg0.word_select(self.entry, 8)
        above = Mux(self.entry == PMP_ENTRIES - 1, 0, registers.pmpcfg0.word_select(self.entry + 1, 8))
        stored = Signal(64)
        with m.Switch(self.entry):
            for n in range(PMP_ENTRIES):
                with m.Case(n):
                    m.d.comb += stored.eq(registers.pmp[n].addr)
        locked = config[7]
        bound = above[7] & (above[3:5] == PmpMatch.TOR)
        was_locked, was_bound = past(m, locked), past(m, bound)
        same_address = past(m, stored[_LOW:]) == stored[_LOW:]
        claim(m, "locked_configuration_stays", ~(started & was_locked) | (past(m, config) == config))
        claim(m, "locked_address_stays", ~(started & (was_locked | was_bound)) | same_address)

        written = past(m, self.enable & (self.number == CSRS["pmpcfg0"].number))
        byte = past(m, self.value.word_select(self.entry, 8))
        legal = Cat(tabulated([*byte[::-1]], lambda *bits, n=n: _written(bits) >> n & 1) for n in range(8))
        claim(m, "written_configuration", ~(started & written & ~was_locked) | (config == legal))
        return m


def _written(bits: tuple[int, ...]) -> int:
    """What the model keeps of a byte written to an unlocked entry (bits from the highest down)."""
    model = ModelPmp()
    model.write_cfg(int("".join(map(str, bits)), 2))
    return model.cfg[0]
