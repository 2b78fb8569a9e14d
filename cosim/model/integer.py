"""What the integer instructions compute (unprivileged spec, chapters "RV32I", "RV64I" and "M").

Every function takes the operands' register values (0 .. 2**64 - 1) and returns the result's.
"""

from collections.abc import Callable

from cosim.model.bits import MASK, sext, signed, word

__all__ = ["BRANCHES", "IMMEDIATE_OPS", "REGISTER_OPS"]

Operation = Callable[[int, int], int]


def _signed32(value: int) -> int:
    return signed(word(value))


def _divide(a: int, b: int) -> int:
    """Quotient of signed integers rounded towards zero; -1 for division by zero (M chapter, table 1)."""
    if b == 0:
        return -1
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def _remainder(a: int, b: int) -> int:
    """Remainder with the dividend's sign; the dividend itself for division by zero."""
    return a if b == 0 else a - b * _divide(a, b)


def _divide_unsigned(a: int, b: int) -> int:
    return MASK if b == 0 else a // b


REGISTER_OPS: dict[str, Operation] = {
    "add": lambda a, b: (a + b) & MASK,
    "sub": lambda a, b: (a - b) & MASK,
    "sll": lambda a, b: a << (b & 63) & MASK,
    "slt": lambda a, b: 1 if a ^ 1 << 63 < b ^ 1 << 63 else 0,
    "sltu": lambda a, b: 1 if a < b else 0,
    "xor": lambda a, b: a ^ b,
    "srl": lambda a, b: a >> (b & 63),
    "sra": lambda a, b: (signed(a) >> (b & 63)) & MASK,
    "or": lambda a, b: a | b,
    "and": lambda a, b: a & b,
    "addw": lambda a, b: word(a + b),
    "subw": lambda a, b: word(a - b),
    "sllw": lambda a, b: word(a << (b & 31)),
    "srlw": lambda a, b: word((a & 0xFFFF_FFFF) >> (b & 31)),
    "sraw": lambda a, b: (_signed32(a) >> (b & 31)) & MASK,
    "mul": lambda a, b: a * b & MASK,
    "mulh": lambda a, b: (signed(a) * signed(b) >> 64) & MASK,
    "mulhsu": lambda a, b: (signed(a) * b >> 64) & MASK,
    "mulhu": lambda a, b: a * b >> 64,
    "mulw": lambda a, b: word(a * b),
    "div": lambda a, b: _divide(signed(a), signed(b)) & MASK,
    "divu": _divide_unsigned,
    "rem": lambda a, b: _remainder(signed(a), signed(b)) & MASK,
    "remu": lambda a, b: a if b == 0 else a % b,
    "divw": lambda a, b: word(_divide(_signed32(a), _signed32(b))),
    "divuw": lambda a, b: word(_divide_unsigned(a & 0xFFFF_FFFF, b & 0xFFFF_FFFF)),
    "remw": lambda a, b: word(_remainder(_signed32(a), _signed32(b))),
    "remuw": lambda a, b: sext(a if b & 0xFFFF_FFFF == 0 else (a & 0xFFFF_FFFF) % (b & 0xFFFF_FFFF), 32),
}

IMMEDIATE_OPS: dict[str, Operation] = {
    "addi": REGISTER_OPS["add"],
    "slti": REGISTER_OPS["slt"],
    "sltiu": REGISTER_OPS["sltu"],
    "xori": REGISTER_OPS["xor"],
    "ori": REGISTER_OPS["or"],
    "andi": REGISTER_OPS["and"],
    "slli": REGISTER_OPS["sll"],
    "srli": REGISTER_OPS["srl"],
    "srai": REGISTER_OPS["sra"],
    "addiw": REGISTER_OPS["addw"],
    "slliw": REGISTER_OPS["sllw"],
    "srliw": REGISTER_OPS["srlw"],
    "sraiw": REGISTER_OPS["sraw"],
}

BRANCHES: dict[str, Callable[[int, int], bool]] = {
    "beq": lambda a, b: a == b,
    "bne": lambda a, b: a != b,
    "blt": lambda a, b: a ^ 1 << 63 < b ^ 1 << 63,
    "bge": lambda a, b: a ^ 1 << 63 >= b ^ 1 << 63,
    "bltu": lambda a, b: a < b,
    "bgeu": lambda a, b: a >= b,
}
