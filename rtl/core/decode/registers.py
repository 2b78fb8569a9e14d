"""The integer register file."""

from amaranth import Module, Mux
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["RegisterFile"]


class RegisterFile(wiring.Component):
    """x0..x31, 64 bits: two asynchronous reads, one write at the end of the cycle. x0 reads zero.

    A read in the cycle of a write to the same register returns the old value; the pipeline forwards.
    """

    rs1: In(5)
    rs2: In(5)
    rs1_data: Out(64)
    rs2_data: Out(64)
    write: In(1)
    rd: In(5)
    rd_data: In(64)

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.x = x = Memory(shape=64, depth=32, init=[])
        write = x.write_port()
        m.d.comb += [write.addr.eq(self.rd), write.data.eq(self.rd_data)]
        m.d.comb += write.en.eq(self.write & (self.rd != 0))
        for address, value in ((self.rs1, self.rs1_data), (self.rs2, self.rs2_data)):
            port = x.read_port(domain="comb")
            m.d.comb += [port.addr.eq(address), value.eq(Mux(address == 0, 0, port.data))]
        return m
