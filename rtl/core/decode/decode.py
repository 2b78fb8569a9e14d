"""The decode stage: expansion, control signals, operands with forwarding, interlocks."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.config import CoreConfig
from rtl.core.decode.decoder import Decoder
from rtl.core.decode.expander import Expander
from rtl.core.decode.registers import RegisterFile
from rtl.core.stages import ExecuteOp, Fetched, Forward
from rtl.isa.instructions import PAUSE

__all__ = ["Decode"]


class Decode(wiring.Component):
    """Combinational stage between the fetch queue and the execute register.

    Operands come from the register file or from the results that execute and memory are finishing in this
    cycle; if such a result is not ready, the instruction waits.

    Members
    -------
    instruction, operation: in and out
    execute, memory: results in flight, youngest first
    write: result that leaves the pipeline (written at the end of this cycle)
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(
            {
                "instruction": In(stream.Signature(Fetched)),
                "operation": Out(stream.Signature(ExecuteOp)),
                "execute": In(Forward),
                "memory": In(Forward),
                "write": In(Forward),
                "load_use": Out(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.expander = expander = Expander()
        m.submodules.decoder = decoder = Decoder(hypervisor=self.config.hypervisor, xvmx=self.config.xvmx)
        m.submodules.registers = registers = RegisterFile()

        fetched = self.instruction.p
        op = self.operation.p
        expanded = Mux(fetched.compressed, expander.expanded, fetched.instruction)
        m.d.comb += [
            expander.instruction.eq(fetched.instruction[:16]),
            decoder.instruction.eq(expanded),
            op.fetched.eq(fetched),
            op.expanded.eq(decoder.instruction),
            op.control.eq(decoder.control),
            op.immediate.eq(decoder.immediate),
            op.rd.eq(decoder.instruction[7:12]),
            op.rs1.eq(decoder.instruction[15:20]),
        ]
        if self.config.xvmx:
            m.d.comb += op.control.pause.eq(decoder.instruction == PAUSE)
        with m.If(fetched.compressed & expander.illegal):
            m.d.comb += [op.control.eq(0), op.control.illegal.eq(1)]

        rs1, rs2 = decoder.instruction[15:20], decoder.instruction[20:25]
        m.d.comb += [
            registers.rs1.eq(rs1),
            registers.rs2.eq(rs2),
            registers.write.eq(self.write.valid),
            registers.rd.eq(self.write.rd),
            registers.rd_data.eq(self.write.data),
        ]
        wait = Signal(2)
        self._operand(m, rs1, decoder.control.use_rs1, registers.rs1_data, op.a, wait[0])
        self._operand(m, rs2, decoder.control.use_rs2, registers.rs2_data, op.b, wait[1])
        hazard = Signal()
        m.d.comb += [
            hazard.eq(wait.any()),
            self.load_use.eq(self.instruction.valid & hazard),
            self.operation.valid.eq(self.instruction.valid & ~hazard),
            self.instruction.ready.eq(self.operation.ready & ~hazard),
        ]
        return m

    def _operand(self, m: Module, register, used, stored, value, wait) -> None:
        """The youngest value of ``register``; ``wait`` if it is not known yet."""
        m.d.comb += value.eq(stored)
        matches = Cat(
            source.valid & (source.rd == register) & (register != 0) for source in (self.execute, self.memory)
        )
        with m.If(matches[0]):
            m.d.comb += [value.eq(self.execute.data), wait.eq(used & ~self.execute.ready)]
        with m.Elif(matches[1]):
            m.d.comb += [value.eq(self.memory.data), wait.eq(used & ~self.memory.ready)]
