"""A function of bits, given by its values, as logic."""

from collections.abc import Callable, Sequence
from itertools import product

from amaranth.hdl import Const, Mux, Value

__all__ = ["tabulated"]


def tabulated(inputs: Sequence[Value], function: Callable[..., bool]) -> Value:
    """``function`` of the one-bit ``inputs``, called for each combination of them; equal subtables are
    shared, so that the logic is no larger than need be."""
    rows = bytes(bool(function(*bits)) for bits in product((0, 1), repeat=len(inputs)))
    shared: dict[bytes, Value] = {}

    def build(level: int, part: bytes) -> Value:
        if not any(part):
            return Const(0, 1)
        if all(part):
            return Const(1, 1)
        if part not in shared:
            half = len(part) // 2
            low, high = part[:half], part[half:]
            zero, one = build(level + 1, low), build(level + 1, high)
            shared[part] = zero if low == high else Mux(inputs[level], one, zero)
        return shared[part]

    return build(0, rows)
