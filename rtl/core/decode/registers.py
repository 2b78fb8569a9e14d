"""The integer register file."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["RegisterFile", "RegisterWrite"]

_READS = 4


class RegisterWrite(data.Struct):
    """A write at the end of the cycle. x0 is never written."""

    valid: 1
    rd: 5
    data: 64


class RegisterFile(wiring.Component):
    """x0..x31, 64 bits: asynchronous reads, up to two writes a cycle; of two to the same register the first
    writer's stays. x0 reads zero.

    A read in the cycle of a write to the same register returns the old value; the pipeline forwards.
    Memories of FPGAs have one write port, so there is one for each writer, and a bit for each register that
    says which of them wrote it last.

    Members
    -------
    rs, rs_data: register numbers, and what they hold
    write: the writers
    """

    def __init__(self, writers: int = 2) -> None:
        self.writers = writers
        super().__init__(
            {
                "rs": In(5).array(_READS),
                "rs_data": Out(64).array(_READS),
                "write": In(RegisterWrite).array(writers),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        in_second = Signal(32)
        banks = []
        enables = []
        for n, write in enumerate(self.write):
            m.submodules[f"x{n}"] = x = Memory(shape=64, depth=32, init=[])
            port = x.write_port()
            enable = write.valid & (write.rd != 0)
            m.d.comb += [port.addr.eq(write.rd), port.data.eq(write.data), port.en.eq(enable)]
            banks.append(x)
            enables.append(enable)
        if self.writers > 1:
            for n in (1, 0):
                with m.If(enables[n]):
                    m.d.sync += in_second.bit_select(self.write[n].rd, 1).eq(n)
        for register, value in zip(self.rs, self.rs_data, strict=True):
            found = []
            for x in banks:
                port = x.read_port(domain="comb")
                m.d.comb += port.addr.eq(register)
                found.append(port.data)
            newest = found[0] if self.writers == 1 else Mux(in_second.bit_select(register, 1), *found[::-1])
            # x0 is never written: it holds its initial value.
            m.d.comb += value.eq(newest)
        return m
