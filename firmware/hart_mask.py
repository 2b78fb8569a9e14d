"""SBI's hart masks on a machine or VM with one hart, number 0 (SBI specification 3.1)."""

from firmware.lang import fw, u64

__all__ = ["INVALID_MASK", "NO_HART", "SELECTS_HART", "hart_mask"]

NO_HART = 0
SELECTS_HART = 1
INVALID_MASK = 2


@fw
def hart_mask(mask: u64, base: u64) -> u64:
    """`SELECTS_HART`, `NO_HART`, or `INVALID_MASK` if a hart other than 0 is named."""
    if base == u64(-1):
        return SELECTS_HART
    if mask == 0:
        return NO_HART
    if base != 0 or mask != 1:
        return INVALID_MASK
    return SELECTS_HART
