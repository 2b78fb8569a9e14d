"""Test finisher: how a program ends the simulation, or the machine's power switch."""

from amaranth import Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.bus.peripheral import PeripheralSignature
from rtl.isa.memory_map import FINISHER_FAIL, FINISHER_PASS, FINISHER_RESET

__all__ = ["Finisher"]


class Finisher(wiring.Component):
    """The SiFive test device, with QEMU's ``virt`` machine's values.

    One register at offset 0, written with 16 or 32 bits; bits 15:0 are the command, 31:16 a code:

    =======  ==========================================================
    0x5555   pass or power off: ``code`` 0
    0x3333   fail: ``code`` is the code, or 1 if that is 0
    0x7777   reset the machine: ``reset`` beside ``valid``
    =======  ==========================================================

    Other commands are ignored; reads give 0; other sizes than 16 and 32 bits are refused. The first command
    counts: ``valid``, ``code`` and ``reset`` stand from the cycle after it until the design is reset. Answers
    in the cycle of the request.
    """

    bus: In(PeripheralSignature())
    valid: Out(1)
    code: Out(32)
    reset: Out(1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bus = self.bus
        refused = (bus.size == 0) | (bus.size == 3)
        m.d.comb += [bus.ready.eq(bus.valid), bus.error.eq(refused)]

        command = bus.wdata[0:16]
        code = Mux(bus.size == 2, bus.wdata[16:32], 0)
        with m.If(bus.valid & bus.write & ~refused & (bus.addr == 0) & ~self.valid):
            with m.Switch(command):
                with m.Case(FINISHER_PASS):
                    m.d.sync += self.valid.eq(1)
                with m.Case(FINISHER_FAIL):
                    m.d.sync += [self.valid.eq(1), self.code.eq(Mux(code == 0, 1, code))]
                with m.Case(FINISHER_RESET):
                    m.d.sync += [self.valid.eq(1), self.reset.eq(1)]
        return m
