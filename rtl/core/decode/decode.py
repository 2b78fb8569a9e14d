"""The decode stage: expansion, control signals, pairing, operands with forwarding, interlocks."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.config import CoreConfig
from rtl.core.decode.buffer import Expanded, InstructionBuffer
from rtl.core.decode.decoder import Decoder
from rtl.core.decode.expander import Expander
from rtl.core.decode.registers import RegisterFile, RegisterWrite
from rtl.core.decode.table import decode_table, opcodes_with
from rtl.core.stages import AluOp, ASelect, BSelect, Control, ExecuteOp, Fetched, Forward, MemoryKind
from rtl.isa.instructions import PAUSE

__all__ = ["Decode"]


class _Slot:
    """One of the two instructions that stand before decode: ``Fetched`` or ``Expanded``."""

    def __init__(self, m: Module, name: str, offered, decoder: Decoder) -> None:
        if offered.shape() is Expanded:
            fetched, word, illegal = offered.fetched, offered.word, offered.illegal
        else:
            m.submodules[f"{name}_expander"] = expander = Expander()
            fetched = offered
            m.d.comb += expander.instruction.eq(fetched.instruction[:16])
            word = Mux(fetched.compressed, expander.expanded, fetched.instruction)
            illegal = fetched.compressed & expander.illegal
        m.submodules[f"{name}_decoder"] = decoder
        self.fetched = fetched
        self.word = Signal(32, name=f"{name}_word")
        self.control = Signal(Control, name=f"{name}_control")
        self.immediate = decoder.immediate
        self.a = Signal(64, name=f"{name}_a")
        self.b = Signal(64, name=f"{name}_b")
        m.d.comb += [
            self.word.eq(word),
            decoder.instruction.eq(self.word),
            self.control.eq(decoder.control),
        ]
        with m.If(illegal):
            m.d.comb += [self.control.eq(0), self.control.illegal.eq(1)]
        self.rd, self.rs1, self.rs2 = self.word[7:12], self.word[15:20], self.word[20:25]


class Decode(wiring.Component):
    """Combinational stage between the fetch queue and the execute register; with the cut ``decode`` an
    :class:`InstructionBuffer` comes first.

    Operands come from the register file or from the results that execute and memory are finishing in this
    cycle; if such a result is not ready, the instruction waits.

    Two instructions leave together if one of them is *simple* (nothing but an ALU result), the other one
    *leads* (see Control), and the second does not need the first's result, unless that is known here already
    (*early*) or is what a store writes. The leading one becomes the operation, the simple one its companion;
    if both are simple, the younger one leads. So a companion never traps. Both may write the same register
    if the companion is the older one.

    Members
    -------
    instruction, follower, follower_valid, pair: from the fetch queue; ``pair``: both are taken
    single: instructions leave one at a time
    flush: with the cut ``decode``: what stands in the buffer is thrown away
    operation: out
    execute, memory: results in flight, youngest first; of the operation and of its companion
    write: results that leave the pipeline (written at the end of this cycle)
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        self.width = 2 if config.dual_issue else 1
        super().__init__(
            {
                "instruction": In(stream.Signature(Fetched)),
                "follower": In(Fetched),
                "follower_valid": In(1),
                "pair": Out(1),
                "single": In(1),
                **({"flush": In(1)} if config.cuts.decode else {}),
                "operation": Out(stream.Signature(ExecuteOp)),
                "execute": In(Forward).array(2),
                "memory": In(Forward).array(2),
                "write": In(RegisterWrite).array(2),
                "load_use": Out(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        extensions = {
            "hypervisor": self.config.hypervisor,
            "xvmx": self.config.xvmx,
            "early": self.config.cuts.decode,
        }
        m.submodules.registers = registers = RegisterFile(writers=self.width)
        before = self._buffer(m) if self.config.cuts.decode else self
        self._follower_valid = before.follower_valid
        first = _Slot(m, "first", before.instruction.p, Decoder(**extensions))
        m.d.comb += [registers.write[n].eq(self.write[n]) for n in range(self.width)]
        hazard = self._operands(m, first, registers, 0).any()
        m.d.comb += [
            self.load_use.eq(before.instruction.valid & hazard),
            self.operation.valid.eq(before.instruction.valid & ~hazard),
            before.instruction.ready.eq(self.operation.ready & ~hazard),
        ]
        op = self.operation.p
        m.d.comb += self._leading(op, first)
        if self.config.xvmx:
            m.d.comb += op.control.pause.eq(first.word == PAUSE)
        if self.config.dual_issue:
            second = _Slot(m, "second", before.follower, Decoder(**extensions, paired=True))
            self._stores_first = Signal()
            """The second stores what the first computes."""
            m.d.comb += before.pair.eq(self._may_pair(m, first, second, registers) & ~self.single)
            with m.If(before.pair):
                with m.If(first.control.simple):
                    m.d.comb += [*self._leading(op, second), *self._companion(op.companion, first)]
                    m.d.comb += [op.companion.older.eq(1), op.stores_companion.eq(self._stores_first)]
                with m.Else():
                    m.d.comb += self._companion(op.companion, second)
        return m

    def _buffer(self, m: Module) -> InstructionBuffer:
        """What stands in registers before decode."""
        m.submodules.buffer = buffer = InstructionBuffer(pairs=self.config.dual_issue)
        connect(m, flipped(self.instruction), buffer.source)
        m.d.comb += [
            buffer.source_follower.eq(self.follower),
            buffer.source_follower_valid.eq(self.follower_valid),
            self.pair.eq(buffer.source_pair),
            buffer.flush.eq(self.flush),
        ]
        return buffer

    def _leading(self, op, slot: _Slot) -> list:
        """``slot`` becomes the operation."""
        return [
            op.fetched.eq(slot.fetched),
            op.expanded.eq(slot.word),
            op.control.eq(slot.control),
            op.immediate.eq(slot.immediate),
            op.rd.eq(slot.rd),
            op.rs1.eq(slot.rs1),
            op.a.eq(slot.a),
            op.b.eq(slot.b),
        ]

    def _companion(self, companion, slot: _Slot) -> list:
        """``slot``, which is simple, goes along."""
        control = slot.control
        base = Mux(control.a == ASelect.PC, slot.fetched.pc, Mux(control.a == ASelect.ZERO, 0, slot.a))
        return [
            companion.valid.eq(1),
            companion.pc.eq(slot.fetched.pc),
            companion.instruction.eq(slot.fetched.instruction),
            companion.alu.eq(control.alu),
            companion.word.eq(control.word),
            companion.rd.eq(slot.rd),
            companion.a.eq(base),
            companion.b.eq(Mux(control.b == BSelect.IMMEDIATE, slot.immediate, slot.b)),
        ]

    def _may_pair(self, m: Module, first: _Slot, second: _Slot, registers: RegisterFile):
        """Kinds fit, and the second's operands are there. (A simple instruction that was predicted to jump
        must lead, so that execute notices.)"""
        fit = Signal()
        needs = Signal(2)
        """Operands of the second that the first writes."""
        known = Signal()
        writes = Signal()
        a, b = first.control, second.control
        m.d.comb += writes.eq(a.rd_write & first.rd.any())
        early, value = self._early(m, first)
        waits = self._operands(m, second, registers, 2)
        sources = ((second.rs1, b.use_rs1, second.a), (second.rs2, b.use_rs2, second.b))
        for n, (register, used, operand) in enumerate(sources):
            m.d.comb += needs[n].eq(writes & used & (register == first.rd))
            with m.If(needs[n] & early):
                m.d.comb += operand.eq(value)
        same = writes & b.rd_write & (second.rd == first.rd)
        m.d.comb += [
            fit.eq((a.simple & b.leads) | (a.leads & b.simple & ~second.fetched.predicted_taken)),
            self._stores_first.eq(a.simple & (b.memory == MemoryKind.STORE) & (needs == 0b10)),
            known.eq(early | self._stores_first | ~(needs.any() | same)),
        ]
        # What older instructions leave in a register that the first one writes does not matter.
        return self._follower_valid & fit & known & ~(waits & ~needs).any()

    def _early(self, m: Module, slot: _Slot):
        """Whether the result of ``slot`` is known without an ALU, and that: a copy (mv, li, lui), or one
        shifted up by 32 or 48, the beginning of zero- and sign-extensions."""
        control = slot.control
        early, copy, shift = Signal(), Signal(), Signal()
        value = Signal(64)
        b = Mux(control.b == BSelect.IMMEDIATE, slot.immediate, slot.b)
        plain = control.simple & ~control.word
        nothing = (control.a == ASelect.ZERO) | ((control.a == ASelect.RS1) & (slot.rs1 == 0))
        shamt = slot.immediate[:6]
        m.d.comb += [
            copy.eq((control.alu == AluOp.ADD) & nothing),
            shift.eq(
                (control.alu == AluOp.SLL) & (control.b == BSelect.IMMEDIATE) & (shamt & 0b101111 == 0b100000)
            ),
            early.eq(plain & (copy | shift)),
            value.eq(b),
        ]
        with m.If(shift):
            m.d.comb += value.eq(Cat(Const(0, 32), slot.a[:32]))
            with m.If(shamt[4]):
                m.d.comb += value.eq(Cat(Const(0, 48), slot.a[:16]))
        return early, value

    def _operands(self, m: Module, slot: _Slot, registers: RegisterFile, port: int):
        """Read or forward both operands; returns for each whether it is not known yet."""
        wait = Signal(2, name=f"wait{port // 2}")
        uses = self._uses(slot)
        for n, (register, used, value) in enumerate(
            ((slot.rs1, uses[0], slot.a), (slot.rs2, uses[1], slot.b))
        ):
            m.d.comb += registers.rs[port + n].eq(register)
            self._operand(m, register, used, registers.rs_data[port + n], value, wait[n])
        return wait

    def _uses(self, slot: _Slot) -> list:
        """Which operands the instruction waits for. The cut ``decode`` judges by the opcode: what is not used
        may be waited for, too."""
        fields = ("use_rs1", "use_rs2")
        if not self.config.cuts.decode:
            return [getattr(slot.control, field) for field in fields]
        table = decode_table(hypervisor=self.config.hypervisor, xvmx=self.config.xvmx)
        return [
            slot.word[2:7].matches(*(f"{opcode:05b}" for opcode in opcodes_with(table, field)))
            for field in fields
        ]

    def _operand(self, m: Module, register, used, stored, value, wait) -> None:
        """The youngest value of ``register``; ``wait`` if it is not known yet."""
        sources = [source for stage in (self.execute, self.memory) for source in list(stage)[: self.width]]
        matches = Signal(len(sources))
        m.d.comb += [
            value.eq(stored),
            matches.eq(Cat(source.valid & (source.rd == register) for source in sources)),
        ]
        for n, source in enumerate(sources):
            with m.If(matches[n]) if n == 0 else m.Elif(matches[n]):
                m.d.comb += [value.eq(source.data), wait.eq(used & ~source.ready)]
