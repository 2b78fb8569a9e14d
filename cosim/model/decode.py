"""Instruction words to operations and operands (unprivileged spec, "Base Instruction Formats" and "C")."""

from dataclasses import dataclass

from cosim.model.bits import sext
from rtl.isa.instructions import COMPRESSED, INSTRUCTIONS, Format, Instruction

__all__ = ["Decoded", "decode", "expand"]

_EXTENSIONS = {"I", "Zifencei", "Zicsr", "M", "A", "S", "Svinval", "H", "Xvmx"}


@dataclass(frozen=True, slots=True)
class Decoded:
    """An instruction with its operands.

    Attributes
    ----------
    name: the specification's name, or ``illegal``
    bits: as it stands in memory, 16 or 32 bits
    word: the 32-bit form (of a compressed instruction, its expansion)
    size: bytes in memory
    rd, rs1, rs2: register numbers (or what stands in their fields)
    immediate: sign-extended immediate, shift amount, or CSR number
    """

    name: str
    bits: int
    word: int
    size: int
    rd: int
    rs1: int
    rs2: int
    immediate: int


def _immediate(instruction: Instruction, w: int) -> int:
    match instruction.format:
        case Format.I | Format.LOAD:
            return sext(w >> 20, 12)
        case Format.SHIFT6:
            return w >> 20 & 63
        case Format.SHIFT5:
            return w >> 20 & 31
        case Format.S:
            return sext(w >> 25 << 5 | w >> 7 & 31, 12)
        case Format.B:
            return sext((w >> 31) << 12 | (w >> 7 & 1) << 11 | (w >> 25 & 63) << 5 | (w >> 8 & 15) << 1, 13)
        case Format.U:
            return sext(w & 0xFFFF_F000, 32)
        case Format.J:
            return sext(
                (w >> 31) << 20 | (w >> 12 & 255) << 12 | (w >> 20 & 1) << 11 | (w >> 21 & 1023) << 1, 21
            )
        case Format.CSR | Format.CSRI:
            return w >> 20
    return 0


_BY_OPCODE: dict[int, list[Instruction]] = {}
for _instruction in INSTRUCTIONS.values():
    if _instruction.extension in _EXTENSIONS:
        _BY_OPCODE.setdefault(_instruction.match & 0x7F, []).append(_instruction)


def decode(bits: int) -> Decoded:
    """The instruction whose first 32 bits are ``bits`` (16 are looked at if they are a compressed one)."""
    if bits & 3 != 3:
        bits &= 0xFFFF
        word = expand(bits)
        size = 2
    else:
        word = bits
        size = 4
    rd, rs1, rs2 = word >> 7 & 31, word >> 15 & 31, word >> 20 & 31
    for instruction in _BY_OPCODE.get(word & 0x7F, ()) if word else ():
        if instruction.matches(word):
            return Decoded(instruction.name, bits, word, size, rd, rs1, rs2, _immediate(instruction, word))
    return Decoded("illegal", bits, word, size, 0, 0, 0, 0)


# ---- The C extension: each instruction as the 32-bit one it stands for ----


def _field(h: int, *spans: tuple[int, int, int]) -> int:
    """Immediate made of (first bit in h, width, place) pieces."""
    return sum((h >> lo & (1 << width) - 1) << place for lo, width, place in spans)


def _encode_i(name: str, rd: int, rs1: int, immediate: int) -> int:
    return INSTRUCTIONS[name].match | rd << 7 | rs1 << 15 | (immediate & 0xFFF) << 20


def _encode_r(name: str, rd: int, rs1: int, rs2: int) -> int:
    return INSTRUCTIONS[name].match | rd << 7 | rs1 << 15 | rs2 << 20


def _encode_s(name: str, rs1: int, rs2: int, immediate: int) -> int:
    return (
        INSTRUCTIONS[name].match
        | rs1 << 15
        | rs2 << 20
        | (immediate & 31) << 7
        | (immediate >> 5 & 127) << 25
    )


def _encode_b(name: str, rs1: int, offset: int) -> int:
    o = offset & 0x1FFF
    scattered = (o >> 12) << 31 | (o >> 5 & 63) << 25 | (o >> 1 & 15) << 8 | (o >> 11 & 1) << 7
    return INSTRUCTIONS[name].match | rs1 << 15 | scattered


def _encode_j(rd: int, offset: int) -> int:
    o = offset & 0x1F_FFFF
    scattered = (o >> 20) << 31 | (o >> 1 & 1023) << 21 | (o >> 11 & 1) << 20 | (o >> 12 & 255) << 12
    return INSTRUCTIONS["jal"].match | rd << 7 | scattered


def _quadrant_0(name: str, h: int, target: str) -> int:
    rs1, other = 8 + (h >> 7 & 7), 8 + (h >> 2 & 7)
    if name == "c.addi4spn":
        return _encode_i("addi", other, 2, _field(h, (5, 1, 3), (6, 1, 2), (7, 4, 6), (11, 2, 4)))
    if name in ("c.lw", "c.sw"):
        offset = _field(h, (5, 1, 6), (6, 1, 2), (10, 3, 3))
    else:
        offset = _field(h, (5, 2, 6), (10, 3, 3))
    if name in ("c.lw", "c.ld"):
        return _encode_i(target, other, rs1, offset)
    return _encode_s(target, rs1, other, offset)


def _quadrant_1(name: str, h: int, target: str) -> int:
    rd, short = h >> 7 & 31, 8 + (h >> 7 & 7)
    imm6 = sext(_field(h, (2, 5, 0), (12, 1, 5)), 6)
    match name:
        case "c.addi" | "c.addiw":
            return _encode_i(target, rd, rd, imm6)
        case "c.li":
            return _encode_i(target, rd, 0, imm6)
        case "c.addi16sp":
            offset = _field(h, (2, 1, 5), (3, 2, 7), (5, 1, 6), (6, 1, 4), (12, 1, 9))
            return _encode_i(target, 2, 2, sext(offset, 10))
        case "c.lui":
            return INSTRUCTIONS["lui"].match | rd << 7 | (imm6 << 12 & 0xFFFF_F000)
        case "c.srli" | "c.srai":
            return _encode_i(target, short, short, _field(h, (2, 5, 0), (12, 1, 5)))
        case "c.andi":
            return _encode_i(target, short, short, imm6)
        case "c.j":
            pieces = (
                (2, 1, 5),
                (3, 3, 1),
                (6, 1, 7),
                (7, 1, 6),
                (8, 1, 10),
                (9, 2, 8),
                (11, 1, 4),
                (12, 1, 11),
            )
            return _encode_j(0, sext(_field(h, *pieces), 12))
        case "c.beqz" | "c.bnez":
            near = ((2, 1, 5), (3, 2, 1), (5, 2, 6), (10, 2, 3), (12, 1, 8))
            return _encode_b(target, short, sext(_field(h, *near), 9))
    return _encode_r(target, short, short, 8 + (h >> 2 & 7))


def _quadrant_2(name: str, h: int, target: str) -> int:
    rd, rs2 = h >> 7 & 31, h >> 2 & 31
    match name:
        case "c.slli":
            return _encode_i(target, rd, rd, _field(h, (2, 5, 0), (12, 1, 5)))
        case "c.lwsp":
            return _encode_i(target, rd, 2, _field(h, (2, 2, 6), (4, 3, 2), (12, 1, 5)))
        case "c.ldsp":
            return _encode_i(target, rd, 2, _field(h, (2, 3, 6), (5, 2, 3), (12, 1, 5)))
        case "c.jr":
            return _encode_i(target, 0, rd, 0)
        case "c.jalr":
            return _encode_i(target, 1, rd, 0)
        case "c.mv":
            return _encode_r(target, rd, 0, rs2)
        case "c.add":
            return _encode_r(target, rd, rd, rs2)
        case "c.swsp":
            return _encode_s(target, 2, rs2, _field(h, (7, 2, 6), (9, 4, 2)))
        case "c.sdsp":
            return _encode_s(target, 2, rs2, _field(h, (7, 3, 6), (10, 3, 3)))
    return INSTRUCTIONS["ebreak"].match


_QUADRANTS = (_quadrant_0, _quadrant_1, _quadrant_2)


def expand(half: int) -> int:
    """The 32-bit instruction that the compressed ``half`` stands for; 0 if it is reserved or needs F or D."""
    for compressed in COMPRESSED:
        if compressed.matches(half):
            return _QUADRANTS[half & 3](compressed.name, half, compressed.expands_to)
    return 0
