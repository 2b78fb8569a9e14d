"""Decoding held against Capstone, which nobody here wrote."""

import capstone
import pytest

from cosim.model.decode import decode, expand
from rtl.isa.instructions import INSTRUCTIONS

_NOT_MEMORY = ("c.li", "c.lui", "c.sub", "c.subw", "c.slli", "c.srli", "c.srai")


def _disassembler() -> capstone.Cs:
    return capstone.Cs(capstone.CS_ARCH_RISCV, capstone.CS_MODE_RISCV64 | capstone.CS_MODE_RISCVC)


def test_compressed_loads_and_stores_expand_as_capstone_reads_them() -> None:
    reader = _disassembler()
    compared = 0
    for half in range(0x10000):
        if half & 3 == 3:
            continue
        text = next(reader.disasm_lite(half.to_bytes(2, "little"), 0), None)
        if text is None or not text[2].startswith(("c.l", "c.s")) or text[2] in _NOT_MEMORY:
            continue
        word = expand(half)
        if not word:
            continue
        long = next(iter(reader.disasm_lite(word.to_bytes(4, "little"), 0)))
        name = text[2][2:].removesuffix("sp")
        assert long[2] == name, f"{half:#06x}: {text} against {long}"
        assert _numbers(long[3]) == _numbers(text[3]), f"{half:#06x}: {text} against {long}"
        compared += 1
    assert compared > 10_000


def _numbers(operands: str) -> list[str]:
    """Operands, with a missing offset read as 0."""
    return operands.replace(" ", "").replace(",(", ",0(").split(",")


def test_compressed_arithmetic_and_jumps_expand_as_capstone_reads_them() -> None:
    reader = _disassembler()
    renamed = {"c.addi": "addi", "c.addiw": "addiw", "c.slli": "slli", "c.srli": "srli", "c.srai": "srai"}
    renamed |= {"c.andi": "andi", "c.addi16sp": "addi", "c.sub": "sub", "c.xor": "xor", "c.or": "or"}
    renamed |= {"c.and": "and", "c.subw": "subw", "c.addw": "addw", "c.add": "add"}
    compared = 0
    for half in range(0x10000):
        text = None if half & 3 == 3 else next(reader.disasm_lite(half.to_bytes(2, "little"), 0x1000), None)
        word = expand(half) if text else 0
        if text is None or not word or text[2] not in renamed:
            continue
        decoded = decode(half)
        operands = [operand.strip() for operand in text[3].split(",")]
        assert decoded.name == renamed[text[2]], f"{half:#06x}: {text}"
        assert decoded.rd == decoded.rs1
        last = operands[-1]
        if last.lstrip("-").startswith(tuple("0123456789")):
            value = decoded.immediate - (1 << 64) if decoded.immediate >> 63 else decoded.immediate
            assert value == int(last, 0), f"{half:#06x}: {text}"
        compared += 1
    assert compared > 5_000


@pytest.mark.parametrize(
    ("half", "name", "immediate"),
    [
        (0xA001, "jal", 0),
        (0xBFFD, "jal", -2),
        (0xC119, "beq", 6),
        (0xFDFD, "bne", -2),
        (0x1FE8, "addi", 1020),
        (0x7139, "addi", -64),
        (0x6505, "lui", 0x1000),
        (0x757D, "lui", -0x1000),
    ],
)
def test_compressed_immediates(half: int, name: str, immediate: int) -> None:
    decoded = decode(half)
    assert (decoded.name, decoded.immediate) == (name, immediate % (1 << 64))


@pytest.mark.parametrize(
    "half", [0x0000, 0x2000, 0x8000, 0xA000, 0x2001, 0x6101, 0x6001, 0x4002, 0x8002, 0x9C41]
)
def test_reserved_and_floating_point_halves_are_illegal(half: int) -> None:
    assert decode(half).name == "illegal"


def test_every_instruction_decodes_to_itself() -> None:
    for instruction in INSTRUCTIONS.values():
        if instruction.extension != "Xvmx":
            assert decode(instruction.match).name == instruction.name
            assert decode(instruction.match).bits == instruction.match


def test_unknown_words_are_illegal() -> None:
    for word in (0xFFFFFFFF, 0x0000007F, 0x00007063 & ~0x63 | 0x57, 0x0000000B, 0x02000033 | 7 << 26):
        assert decode(word).name == "illegal"
