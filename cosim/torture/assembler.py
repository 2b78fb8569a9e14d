"""Machine code from the instruction table, without a compiler: encodings, constants, labels."""

from cosim.model.bits import sext
from rtl.isa.csrs import CSRS
from rtl.isa.instructions import INSTRUCTIONS, Format

__all__ = ["Assembler", "encode", "load_constant"]

_MASK = (1 << 64) - 1


def _bits(value: int, hi: int, lo: int) -> int:
    return value >> lo & ((1 << (hi - lo + 1)) - 1)


def encode(name: str, rd: int = 0, rs1: int = 0, rs2: int = 0, imm: int = 0) -> int:
    """The 32-bit word of instruction ``name``.

    ``imm`` is the immediate, branch offset, shift amount, CSR number, or for fences bits 31:20; ``rs1`` is
    the immediate of the CSR instructions that have one.
    """
    instruction = INSTRUCTIONS[name]
    operands = rd << 7 | rs1 << 15
    match instruction.format:
        case Format.I | Format.LOAD | Format.CSR | Format.CSRI | Format.FENCE:
            operands |= _bits(imm, 11, 0) << 20
        case Format.SHIFT6 | Format.SHIFT5:
            operands |= imm << 20
        case Format.S:
            operands = rs1 << 15 | rs2 << 20 | _bits(imm, 4, 0) << 7 | _bits(imm, 11, 5) << 25
        case Format.B:
            operands = rs1 << 15 | rs2 << 20 | _bits(imm, 4, 1) << 8 | _bits(imm, 10, 5) << 25
            operands |= _bits(imm, 11, 11) << 7 | _bits(imm, 12, 12) << 31
        case Format.U:
            operands = rd << 7 | _bits(imm, 31, 12) << 12
        case Format.J:
            operands = rd << 7 | _bits(imm, 10, 1) << 21 | _bits(imm, 11, 11) << 20
            operands |= _bits(imm, 19, 12) << 12 | _bits(imm, 20, 20) << 31
        case _:
            operands |= rs2 << 20
    return instruction.match | operands & ~instruction.mask & 0xFFFF_FFFF


def load_constant(rd: int, value: int) -> list[int]:
    """Words that set ``rd`` to the 64-bit ``value``."""
    value = sext(value & _MASK, 64)
    value = value - (1 << 64) if value >> 63 else value
    if -2048 <= value < 2048:
        return [encode("addi", rd, 0, imm=value)]
    low = (value & 0xFFF) - (value & 0x800) * 2
    if -(1 << 31) <= value < (1 << 31):
        words = [encode("lui", rd, imm=(value - low) & 0xFFFF_FFFF)]
        return words + ([encode("addiw", rd, rd, imm=low)] if low else [])
    rest, shift = (value - low) >> 12, 12
    while not rest & 1:
        rest, shift = rest >> 1, shift + 1
    words = [*load_constant(rd, rest), encode("slli", rd, rd, imm=shift)]
    return words + ([encode("addi", rd, rd, imm=low)] if low else [])


class Assembler:
    """Collects code that stands at ``base``; branches name labels, which may come later."""

    def __init__(self, base: int) -> None:
        self.base = base
        self.code = bytearray()
        self.labels: dict[str, int] = {}
        self._fixups: list[tuple[int, str, str, int, int, int]] = []

    @property
    def here(self) -> int:
        """Address of what comes next."""
        return self.base + len(self.code)

    def label(self, name: str) -> None:
        """``name`` stands for this address."""
        self.labels[name] = self.here

    def word(self, *words: int) -> None:
        """Instruction words."""
        for word in words:
            self.code += word.to_bytes(4, "little")

    def op(self, name: str, rd: int = 0, rs1: int = 0, rs2: int = 0, imm: int = 0) -> None:
        """One instruction."""
        self.word(encode(name, rd, rs1, rs2, imm))

    def csr(self, name: str, rd: int, csr: str, rs1: int = 0) -> None:
        """One CSR instruction."""
        self.op(name, rd, rs1, imm=CSRS[csr].number)

    def constant(self, rd: int, value: int) -> None:
        """Set a register."""
        self.word(*load_constant(rd, value))

    def jump(self, name: str, label: str, rs1: int = 0, rs2: int = 0, rd: int = 0) -> None:
        """A branch or jal to ``label``."""
        self._fixups.append((len(self.code), label, name, rs1, rs2, rd))
        self.code += bytes(4)

    def finish(self) -> bytes:
        """The code, all labels filled in."""
        for at, label, name, rs1, rs2, rd in self._fixups:
            word = encode(name, rd, rs1, rs2, self.labels[label] - self.base - at)
            self.code[at : at + 4] = word.to_bytes(4, "little")
        return bytes(self.code)
