"""The PMP's verdict on the last physical access, for those behind it."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from rtl.isa.paging import LEVEL_BITS, PPN_BITS
from rtl.mmu.pmp import PmpCheck

__all__ = ["KeptVerdict"]


class _Page(data.Struct):
    valid: 1
    number: PPN_BITS
    machine: 1


class KeptVerdict(wiring.Component):
    """One verdict of the PMP and the pages that it holds for, up to the 1 GiB around the one asked for.

    Another page's verdict stands here three cycles after it has been asked for: the page goes into a
    register, from there to the PMP, which answers a cycle later, and its verdict into another register.

    Ports
    -----
    valid, page, machine: what is asked; held by the caller until ``known``
    known, r, w, x: the verdict is here; it is
    drop: the PMP changes at the end of the cycle
    pmp: to the PMP
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "valid": In(1),
                "page": In(PPN_BITS),
                "machine": In(1),
                "known": Out(1),
                "r": Out(1),
                "w": Out(1),
                "x": Out(1),
                "drop": In(1),
                "pmp": Out(PmpCheck),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        asked, compared, kept = Signal(_Page), Signal(_Page), Signal(_Page)
        mega, giga = Signal(), Signal()
        m.d.sync += [
            asked.valid.eq(self.valid),
            asked.number.eq(self.page),
            asked.machine.eq(self.machine),
            compared.eq(asked),
        ]
        m.d.comb += [
            self.pmp.valid.eq(asked.valid),
            self.pmp.page.eq(asked.number),
            self.pmp.machine.eq(asked.machine),
            self.known.eq(
                kept.valid & (kept.machine == self.machine) & _together(kept.number, self.page, mega, giga)
            ),
        ]
        with m.If(compared.valid):
            m.d.sync += [
                kept.eq(compared),
                *(getattr(self, name).eq(getattr(self.pmp, name)) for name in ("r", "w", "x")),
                mega.eq(self.pmp.mega),
                giga.eq(self.pmp.giga),
            ]
        with m.If(self.drop):
            m.d.sync += [compared.valid.eq(0), kept.valid.eq(0)]
        return m


def _together(a: Value, b: Value, mega: Value, giga: Value) -> Value:
    """The pages are the same, or in one 2 MiB (``mega``) or 1 GiB (``giga``)."""
    differs = a ^ b
    low, middle = differs[:LEVEL_BITS].any(), differs[LEVEL_BITS : 2 * LEVEL_BITS].any()
    return ~differs[2 * LEVEL_BITS :].any() & Mux(giga, 1, ~middle & (mega | ~low))
