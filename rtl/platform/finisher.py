"""Test finisher: how a program ends the simulation, or the machine's power switch."""

from amaranth import Cat, Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.bus.peripheral import PeripheralSignature
from rtl.isa.memory_map import FINISHER_FAIL, FINISHER_PASS, FINISHER_RESET

__all__ = ["Finisher"]


class Finisher(wiring.Component):
    """The SiFive test device, with QEMU's ``virt`` machine's values.

    One register at offset 0, written with 16 or 32 bits; bits 15:0 are the command, 31:16 a code:

    =======  ==========================================================
    0x5555   pass, or power off
    0x3333   fail; the code is the exit status, 1 if it is 0
    0x7777   reset the machine
    =======  ==========================================================

    Other commands are ignored; reads give 0; other sizes than 16 and 32 bits are refused. Answers in the
    cycle of the request.

    Attributes
    ----------
    valid: Out(1)
        A command came. It and ``code`` stand from the next cycle until the design is reset; the first
        command counts.
    code: Out(32)
        The command, and in the upper half the code of a failure (never 0) or 0.
    """

    bus: In(PeripheralSignature())
    valid: Out(1)
    code: Out(32)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bus = self.bus
        refused = (bus.size == 0) | (bus.size == 3)
        m.d.comb += [bus.ready.eq(bus.valid), bus.error.eq(refused)]

        command = bus.wdata[0:16]
        code = Mux(bus.size == 2, bus.wdata[16:32], 0)
        with m.If(bus.valid & bus.write & ~refused & (bus.addr == 0) & ~self.valid):
            with m.Switch(command):
                with m.Case(FINISHER_PASS, FINISHER_RESET):
                    m.d.sync += [self.valid.eq(1), self.code.eq(command)]
                with m.Case(FINISHER_FAIL):
                    m.d.sync += [self.valid.eq(1), self.code.eq(Cat(command, Mux(code == 0, 1, code)))]
        return m
