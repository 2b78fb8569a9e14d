"""A small memory for the registers that exist once per trap level."""

from amaranth.hdl import Module, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

__all__ = ["Bank"]


class Bank(wiring.Component):
    """Registers of one kind at each level (M, HS, VS), of which only one is looked at or written per cycle.

    A memory instead of registers: one write enable and one look-up per cycle instead of one per register, in
    the simulation as in an FPGA. Contents are 0 at power-on and keep their values in a reset.

    Parameters
    ----------
    width: bits of a register
    depth: number of registers
    second_port: build the second read port
    observe: bring out all registers as ``entry0`` ... (costs one more copy)

    Members
    -------
    address, value: read port, combinational
    address2, value2: second read port
    write_enable, write_address, write_value: written at the end of the cycle
    """

    def __init__(self, width: int, depth: int, *, second_port: bool = False, observe: bool = False):
        self.width = width
        self.depth = depth
        self.second_port = second_port
        self.observe = observe
        index = exact_log2(depth)
        ports = {
            "address": In(index),
            "value": Out(width),
            "write_enable": In(1),
            "write_address": In(index),
            "write_value": In(width),
        }
        if second_port:
            ports |= {"address2": In(index), "value2": Out(width)}
        if observe:
            ports |= {f"entry{n}": Out(width) for n in range(depth)}
        super().__init__(ports)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = storage = memory.Memory(shape=self.width, depth=self.depth, init=[])
        write = storage.write_port()
        read = storage.read_port(domain="comb")
        m.d.comb += [
            write.en.eq(self.write_enable),
            write.addr.eq(self.write_address),
            write.data.eq(self.write_value),
            read.addr.eq(self.address),
            self.value.eq(read.data),
        ]
        if self.second_port:
            read2 = storage.read_port(domain="comb")
            m.d.comb += [read2.addr.eq(self.address2), self.value2.eq(read2.data)]
        if self.observe:
            for n in range(self.depth):
                copy = Signal(self.width, name=f"copy{n}", reset_less=True)
                with m.If(self.write_enable & (self.write_address == n)):
                    m.d.sync += copy.eq(self.write_value)
                m.d.comb += getattr(self, f"entry{n}").eq(copy)
        return m
