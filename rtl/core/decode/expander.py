"""Compressed instructions (unprivileged spec, "C" chapter) expanded to their 32-bit form."""

from amaranth import C, Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.isa.instructions import COMPRESSED, INSTRUCTIONS, Compressed

__all__ = ["Expander"]


class _Fields:
    """Operand fields of a 16-bit instruction word."""

    def __init__(self, word) -> None:
        def bits(*positions):
            return Cat(word[p] for p in reversed(positions))

        self.rd = word[7:12]
        self.rs2 = word[2:7]
        self.rd_short = Cat(word[2:5], C(1, 2))
        self.rs1_short = Cat(word[7:10], C(1, 2))
        self.imm6 = Cat(bits(6, 5, 4, 3, 2), word[12].replicate(7))
        self.shamt = Cat(word[2:7], word[12])
        self.upper = Cat(word[2:7], word[12].replicate(15))
        self.addi4spn = Cat(C(0, 2), bits(10, 9, 8, 7, 12, 11, 5, 6), C(0, 2))
        self.addi16sp = Cat(C(0, 4), bits(4, 3, 5, 2, 6), word[12].replicate(3))
        self.word = Cat(C(0, 2), bits(5, 12, 11, 10, 6), C(0, 5))
        self.double = Cat(C(0, 3), bits(6, 5, 12, 11, 10), C(0, 4))
        self.lwsp = Cat(C(0, 2), bits(3, 2, 12, 6, 5, 4), C(0, 4))
        self.ldsp = Cat(C(0, 3), bits(4, 3, 2, 12, 6, 5), C(0, 3))
        self.swsp = Cat(C(0, 2), bits(8, 7, 12, 11, 10, 9), C(0, 4))
        self.sdsp = Cat(C(0, 3), bits(9, 8, 7, 12, 11, 10), C(0, 3))
        self.jump = Cat(bits(8, 10, 9, 6, 7, 2, 11, 5, 4, 3), word[12].replicate(10))
        self.branch = Cat(bits(6, 5, 2, 11, 10, 4, 3), word[12].replicate(5))


def _i(name: str, rd, rs1, imm):
    """I-type and loads; ``imm`` has 12 bits."""
    base = INSTRUCTIONS[name].match
    return Cat(C(base & 0x7F, 7), rd, C(base >> 12 & 7, 3), rs1, imm)


def _shift(name: str, rd, rs1, shamt):
    base = INSTRUCTIONS[name].match
    return Cat(C(base & 0x7F, 7), rd, C(base >> 12 & 7, 3), rs1, shamt, C(base >> 26, 6))


def _r(name: str, rd, rs1, rs2):
    base = INSTRUCTIONS[name].match
    return Cat(C(base & 0x7F, 7), rd, C(base >> 12 & 7, 3), rs1, rs2, C(base >> 25, 7))


def _s(name: str, rs1, rs2, imm):
    base = INSTRUCTIONS[name].match
    return Cat(C(base & 0x7F, 7), imm[:5], C(base >> 12 & 7, 3), rs1, rs2, imm[5:12])


def _b(name: str, rs1, offset):
    """Branch against x0; ``offset`` is bits 12:1."""
    base = INSTRUCTIONS[name].match
    return Cat(
        C(base & 0x7F, 7),
        offset[10],
        offset[:4],
        C(base >> 12 & 7, 3),
        rs1,
        C(0, 5),
        offset[4:10],
        offset[11],
    )


def _expansion(name: str, f: _Fields):
    """The 32-bit word that the compressed instruction ``name`` stands for."""
    x0, ra, sp = C(0, 5), C(1, 5), C(2, 5)
    short, op = f.rs1_short, name[2:]
    match op:
        case "addi4spn":
            return _i("addi", f.rd_short, sp, f.addi4spn)
        case "lw" | "ld":
            return _i(op, f.rd_short, short, f.word if op == "lw" else f.double)
        case "sw" | "sd":
            return _s(op, short, f.rd_short, f.word if op == "sw" else f.double)
        case "addi" | "addiw":
            return _i(op, f.rd, f.rd, f.imm6)
        case "li":
            return _i("addi", f.rd, x0, f.imm6)
        case "addi16sp":
            return _i("addi", sp, sp, f.addi16sp)
        case "lui":
            return Cat(C(INSTRUCTIONS["lui"].match, 7), f.rd, f.upper)
        case "srli" | "srai":
            return _shift(op, short, short, f.shamt)
        case "slli":
            return _shift(op, f.rd, f.rd, f.shamt)
        case "andi":
            return _i("andi", short, short, f.imm6)
        case "sub" | "xor" | "or" | "and" | "subw" | "addw":
            return _r(op, short, short, f.rd_short)
        case "j":
            offset = f.jump  # bits 20:1
            return Cat(
                C(INSTRUCTIONS["jal"].match, 7), x0, offset[11:19], offset[10], offset[:10], offset[19]
            )
        case "beqz" | "bnez":
            return _b(op[:3], short, f.branch)
        case "lwsp" | "ldsp":
            return _i(op[:2], f.rd, sp, f.lwsp if op == "lwsp" else f.ldsp)
        case "swsp" | "sdsp":
            return _s(op[:2], sp, f.rs2, f.swsp if op == "swsp" else f.sdsp)
        case "jr" | "jalr":
            return _i("jalr", x0 if op == "jr" else ra, f.rd, C(0, 12))
        case "mv" | "add":
            return _r("add", f.rd, x0 if op == "mv" else f.rd, f.rs2)
        case "ebreak":
            return C(INSTRUCTIONS["ebreak"].match, 32)
    raise AssertionError(f"no expansion for {name}")


def _quadrant(entry: Compressed) -> int:
    """Index of an entry's group: funct3 and quadrant."""
    return (entry.match >> 13 << 2) | entry.match & 3


class Expander(wiring.Component):
    """Combinational: ``instruction`` (16 bits) to ``expanded`` (32 bits), or ``illegal``."""

    instruction: In(16)
    expanded: Out(32)
    illegal: Out(1)

    def elaborate(self, platform) -> Module:
        m = Module()
        word = self.instruction
        fields = _Fields(word)
        m.d.comb += self.illegal.eq(1)
        with m.Switch(Cat(word[:2], word[13:16])):
            for group in sorted({_quadrant(entry) for entry in COMPRESSED}):
                with m.Case(group):
                    self._select(m, word, fields, [e for e in COMPRESSED if _quadrant(e) == group])
        return m

    def _select(self, m: Module, word: Signal, fields: _Fields, entries: list[Compressed]) -> None:
        """The entries of one group are disjoint; match each on its remaining bits."""
        for entry in entries:
            chosen = word & entry.mask == entry.match
            for mask, value in entry.avoid:
                chosen &= word & mask != value
            with m.If(chosen):
                m.d.comb += [self.expanded.eq(_expansion(entry.name, fields)), self.illegal.eq(0)]
