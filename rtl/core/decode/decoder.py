"""The instruction decoder, generated from the decode table."""

from collections import defaultdict

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.core.decode.table import decode_table
from rtl.core.stages import Control, ImmediateFormat
from rtl.isa.instructions import Instruction

__all__ = ["Decoder"]


class Decoder(wiring.Component):
    """Combinational: a 32-bit instruction to its ``control`` signals and sign-extended ``immediate``.

    ``paired``: knows only what can leave decode together with another instruction; all else is illegal.

    ``early``: the immediate's format comes from opcode and funct3 alone, and the immediate of what is illegal
    means nothing.

    Switches on the major opcode first, then within it: short chains, for hardware and simulator alike.
    """

    def __init__(
        self, *, hypervisor: bool = True, xvmx: bool = True, paired: bool = False, early: bool = False
    ) -> None:
        self.hypervisor = hypervisor
        self.xvmx = xvmx
        self.paired = paired
        self.early = early
        super().__init__({"instruction": In(32), "control": Out(Control), "immediate": Out(64)})

    def elaborate(self, platform) -> Module:
        m = Module()
        by_opcode: dict[int, list[tuple[Instruction, dict]]] = defaultdict(list)
        table = decode_table(hypervisor=self.hypervisor, xvmx=self.xvmx, paired=self.paired)
        for instruction, control in table:
            by_opcode[instruction.match & 0x7F].append((instruction, control))
        word = self.instruction
        if self.early:
            self._sum_of_products(m, by_opcode)
        else:
            m.d.comb += self.control.illegal.eq(1)
            with m.Switch(word[:7]):
                for opcode, entries in sorted(by_opcode.items()):
                    with m.Case(opcode), m.Switch(word):
                        for instruction, control in entries:
                            with m.Case(instruction.pattern):
                                m.d.comb += self.control.eq(Control.const(control))
        m.d.comb += self.immediate.eq(0)
        if self.early:
            with m.Switch(Cat(word[2:7], word[12:15])):
                for patterns, value in self._early_immediates(table):
                    with m.Case(*patterns):
                        m.d.comb += self.immediate.eq(value)
            return m
        with m.Switch(self.control.immediate):
            for kind, value in self._immediates().items():
                with m.Case(kind):
                    m.d.comb += self.immediate.eq(value)
        return m

    def _sum_of_products(self, m: Module, by_opcode: dict) -> None:
        """What each instruction contributes to ``control``, all at once: none waits for another one."""
        word, found, control = self.instruction, [], 0
        for opcode, entries in sorted(by_opcode.items()):
            ours = Signal(name=f"opcode_{opcode:02x}")
            m.d.comb += ours.eq(word[:7] == opcode)
            before: list[tuple[Instruction, Signal]] = []
            for instruction, values in entries:
                is_it = Signal(name=f"is_{instruction.name.replace('.', '_')}")
                others = [other for each, other in before if _overlap(each, instruction)]
                m.d.comb += is_it.eq(ours & word.matches(instruction.pattern) & ~Cat(others).any())
                before.append((instruction, is_it))
                found.append(is_it)
                control = control | Mux(is_it, Control.const(values).as_value(), 0)
        m.d.comb += [self.control.eq(control), self.control.illegal.eq(~Cat(found).any())]

    def _early_immediates(self, table) -> list:
        """For each format the patterns of funct3 and opcode that have it, and its value."""
        formats: dict[int, dict[int, ImmediateFormat]] = defaultdict(dict)
        for instruction, control in table:
            opcode, funct3 = instruction.match >> 2 & 0x1F, instruction.match >> 12 & 7
            kind = control.get("immediate", ImmediateFormat.NONE)
            if formats[opcode].setdefault(funct3, kind) is not kind:
                raise AssertionError(f"opcode {opcode:05b}, funct3 {funct3} has two formats of immediates")
        patterns: dict[ImmediateFormat, list[str]] = defaultdict(list)
        for opcode, by_funct3 in formats.items():
            if len(set(by_funct3.values())) == 1:
                patterns[by_funct3.popitem()[1]].append(f"---{opcode:05b}")
            else:
                for funct3, kind in by_funct3.items():
                    patterns[kind].append(f"{funct3:03b}{opcode:05b}")
        return [(patterns[kind], value) for kind, value in self._immediates().items() if patterns[kind]]

    def _immediates(self) -> dict:
        """Sign-extended immediates by format (unprivileged spec 2.3)."""
        w = self.instruction
        return {
            ImmediateFormat.I: w[20:32].as_signed(),
            ImmediateFormat.S: Cat(w[7:12], w[25:32]).as_signed(),
            ImmediateFormat.B: Cat(Const(0, 1), w[8:12], w[25:31], w[7], w[31]).as_signed(),
            ImmediateFormat.U: w[12:32].shift_left(12).as_signed(),
            ImmediateFormat.J: Cat(Const(0, 1), w[21:31], w[20], w[12:20], w[31]).as_signed(),
            ImmediateFormat.Z: w[20:32],
        }


def _overlap(a: Instruction, b: Instruction) -> bool:
    """There are words that are both."""
    return not (a.match ^ b.match) & a.mask & b.mask
