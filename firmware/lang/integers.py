"""Fixed-width integers of the firmware language, as values under CPython and as types everywhere.

They are not subclasses of int, so a forgotten operator is a TypeError and not a bignum.
"""

from typing import Any, ClassVar, Self

__all__ = ["INT_TYPES", "FixedInt", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"]


def _operator(compute: Any, reflected: bool = False, bitwise: bool = False, shift: bool = False) -> Any:
    """A binary method: both operands of one type, or the other a plain int that fits."""

    def method(self: "FixedInt", other: object) -> Any:
        value = self._operand(other, bitwise)
        if value is None:
            return NotImplemented
        left, right = (value, self.value) if reflected else (self.value, value)
        if shift:
            right &= self.WIDTH - 1
        return type(self)(compute(left, right))

    return method


def _comparison(compute: Any) -> Any:
    def method(self: "FixedInt", other: object) -> bool:
        value = self._operand(other, False)
        if value is None:
            raise TypeError(f"comparison of {type(self).__name__} with {type(other).__name__}")
        return bool(compute(self.value, value))

    return method


class FixedInt:
    """An integer of ``WIDTH`` bits; arithmetic wraps. Calling a subclass converts, and wraps."""

    __slots__ = ("value",)
    value: int
    WIDTH: ClassVar[int]
    SIGNED: ClassVar[bool]

    def __init__(self, value: object = 0) -> None:
        number = int(value)  # type: ignore[call-overload]
        if self.SIGNED:
            half = 1 << (self.WIDTH - 1)
            self.value = ((number + half) & ((1 << self.WIDTH) - 1)) - half
        else:
            self.value = number & ((1 << self.WIDTH) - 1)

    @classmethod
    def smallest(cls) -> int:
        """The least value of the type."""
        return -(1 << (cls.WIDTH - 1)) if cls.SIGNED else 0

    @classmethod
    def largest(cls) -> int:
        """The greatest value of the type."""
        return (1 << (cls.WIDTH - cls.SIGNED)) - 1

    @classmethod
    def fits(cls, number: int, bitwise: bool = False) -> bool:
        """Whether a literal may stand for a value; a mask may also be the negative two's complement."""
        low = -(1 << (cls.WIDTH - 1)) if bitwise else cls.smallest()
        high = (1 << cls.WIDTH) - 1 if bitwise else cls.largest()
        return low <= number <= high

    @classmethod
    def literal(cls, number: int, bitwise: bool = False) -> Self:
        """The value of a literal; OverflowError if it does not fit."""
        if not cls.fits(number, bitwise):
            raise OverflowError(f"{number:#x} does not fit {cls.__name__}")
        return cls(number)

    def _operand(self, other: object, bitwise: bool) -> int | None:
        if type(other) is type(self):
            return other.value  # type: ignore[attr-defined, no-any-return]
        if isinstance(other, int) and not isinstance(other, bool):
            return type(self).literal(other, bitwise).value
        return None

    __add__ = _operator(lambda a, b: a + b)
    __radd__ = _operator(lambda a, b: a + b, reflected=True)
    __sub__ = _operator(lambda a, b: a - b)
    __rsub__ = _operator(lambda a, b: a - b, reflected=True)
    __mul__ = _operator(lambda a, b: a * b)
    __rmul__ = _operator(lambda a, b: a * b, reflected=True)
    __and__ = _operator(lambda a, b: a & b, bitwise=True)
    __rand__ = _operator(lambda a, b: a & b, reflected=True, bitwise=True)
    __or__ = _operator(lambda a, b: a | b, bitwise=True)
    __ror__ = _operator(lambda a, b: a | b, reflected=True, bitwise=True)
    __xor__ = _operator(lambda a, b: a ^ b, bitwise=True)
    __rxor__ = _operator(lambda a, b: a ^ b, reflected=True, bitwise=True)
    __lshift__ = _operator(lambda a, b: a << b, shift=True)
    __rlshift__ = _operator(lambda a, b: a << b, reflected=True, shift=True)
    __rshift__ = _operator(lambda a, b: a >> b, shift=True)
    __rrshift__ = _operator(lambda a, b: a >> b, reflected=True, shift=True)
    __lt__ = _comparison(lambda a, b: a < b)
    __le__ = _comparison(lambda a, b: a <= b)
    __gt__ = _comparison(lambda a, b: a > b)
    __ge__ = _comparison(lambda a, b: a >= b)
    __eq__ = _comparison(lambda a, b: a == b)  # type: ignore[assignment]
    __ne__ = _comparison(lambda a, b: a != b)  # type: ignore[assignment]

    def __neg__(self) -> Self:
        return type(self)(-self.value)

    def __invert__(self) -> Self:
        return type(self)(~self.value)

    def __hash__(self) -> int:
        return hash((type(self), self.value))

    def __int__(self) -> int:
        return self.value

    def __index__(self) -> int:
        return self.value

    def __bool__(self) -> bool:
        raise TypeError(f"a condition must be bool: compare the {type(self).__name__} with 0")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value:#x})"


class u8(FixedInt):
    """Unsigned, 8 bits."""

    __slots__ = ()
    WIDTH, SIGNED = 8, False


class u16(FixedInt):
    """Unsigned, 16 bits."""

    __slots__ = ()
    WIDTH, SIGNED = 16, False


class u32(FixedInt):
    """Unsigned, 32 bits."""

    __slots__ = ()
    WIDTH, SIGNED = 32, False


class u64(FixedInt):
    """Unsigned, 64 bits."""

    __slots__ = ()
    WIDTH, SIGNED = 64, False


class i8(FixedInt):
    """Signed, 8 bits."""

    __slots__ = ()
    WIDTH, SIGNED = 8, True


class i16(FixedInt):
    """Signed, 16 bits."""

    __slots__ = ()
    WIDTH, SIGNED = 16, True


class i32(FixedInt):
    """Signed, 32 bits."""

    __slots__ = ()
    WIDTH, SIGNED = 32, True


class i64(FixedInt):
    """Signed, 64 bits."""

    __slots__ = ()
    WIDTH, SIGNED = 64, True


INT_TYPES: tuple[type[FixedInt], ...] = (u8, u16, u32, u64, i8, i16, i32, i64)
