"""Which seeded fault is on. A faulty tree has this file as ``rtl/seeded.py``; see ``cosim.mutation.tree``.

In a simulator the choice is made when it starts, so one build has all faults. Where a component is built by
itself (unit tests, proofs), the environment variable decides while it is elaborated.
"""

import os

from amaranth.hdl import Const, Signal, Value

from cosim.mutation.faults import FAULTS

__all__ = ["VARIABLE", "number", "seeded"]

VARIABLE = "BIVISOR_FAULT"
"""Number of the fault, from 1; 0 or unset: none."""

number = Signal(range(len(FAULTS) + 1))
"""In the simulator an input of the top level."""
_NUMBERS = {fault.name: n for n, fault in enumerate(FAULTS, 1)}


def seeded(name: str) -> Value:
    """Whether the fault ``name`` is on."""
    if VARIABLE in os.environ:
        return Const(int(os.environ[VARIABLE]) == _NUMBERS[name], 1)
    return number == _NUMBERS[name]
