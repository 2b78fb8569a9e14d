"""The PLIC as S mode of hart 0 sees it: the registers of context 1."""

from enum import IntEnum

from rtl.isa import plic

__all__ = ["S_CONTEXT", "PlicRegister"]

S_CONTEXT = 1
"""Context 0 is M mode's."""


class PlicRegister(IntEnum):
    """Offsets of 32-bit registers; the HIGH ones are for sources 32 and up."""

    PENDING = plic.PENDING
    PENDING_HIGH = plic.PENDING + 4
    ENABLE = plic.ENABLE + plic.ENABLE_STRIDE * S_CONTEXT
    ENABLE_HIGH = plic.ENABLE + plic.ENABLE_STRIDE * S_CONTEXT + 4
    THRESHOLD = plic.CONTEXT + plic.CONTEXT_STRIDE * S_CONTEXT + plic.THRESHOLD
    CLAIM = plic.CONTEXT + plic.CONTEXT_STRIDE * S_CONTEXT + plic.CLAIM
