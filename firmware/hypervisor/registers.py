"""The general registers by how compiled code treats them, for the hand-written stubs."""

__all__ = ["CALLEE_SAVED", "CALLER_SAVED", "each"]

CALLER_SAVED = (1, 5, 6, 7, *range(10, 18), *range(28, 32))
"""ra, t0-t6, a0-a7: what compiled code may change."""
CALLEE_SAVED = (3, 4, 8, 9, *range(18, 28))
"""gp, tp, s0-s11: left in the registers unless the exit goes the complete way."""


def each(instruction: str, registers: tuple[int, ...]) -> str:
    """The load or store of each register at its place in the state that sp points to."""
    return "\n".join(f"    {instruction} x{n}, {8 * n}(sp)" for n in registers)
