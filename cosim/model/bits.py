"""Arithmetic on registers: values are Python integers in 0 .. 2**64 - 1."""

__all__ = ["MASK", "sext", "signed", "word"]

MASK = (1 << 64) - 1


def signed(value: int) -> int:
    """The 64-bit ``value`` read as two's complement."""
    return value - (1 << 64) if value >> 63 else value


def sext(value: int, bits: int) -> int:
    """The low ``bits`` of ``value``, sign-extended to a register value."""
    value &= (1 << bits) - 1
    return (value | (MASK << bits)) & MASK if value >> (bits - 1) else value


def word(value: int) -> int:
    """The low 32 bits, sign-extended: what every ``...w`` instruction writes."""
    value &= 0xFFFF_FFFF
    return value | 0xFFFF_FFFF_0000_0000 if value & 0x8000_0000 else value
