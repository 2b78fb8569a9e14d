"""Register map of the PLIC (RISC-V PLIC specification 1.0.0, "Memory Map"); every register has 32 bits."""

__all__ = [
    "CLAIM",
    "CONTEXT",
    "CONTEXT_STRIDE",
    "ENABLE",
    "ENABLE_STRIDE",
    "PENDING",
    "PRIORITY",
    "PRIORITY_BITS",
    "PRIORITY_MAX",
    "THRESHOLD",
]

PRIORITY = 0x0
"""Priority of source n at ``PRIORITY + 4 * n``."""
PENDING = 0x1000
"""Pending bits, 32 sources per word."""
ENABLE = 0x2000
"""Enable bits of context c, 32 sources per word, at ``ENABLE + ENABLE_STRIDE * c``."""
ENABLE_STRIDE = 0x80
CONTEXT = 0x20_0000
"""Registers of context c at ``CONTEXT + CONTEXT_STRIDE * c``."""
CONTEXT_STRIDE = 0x1000
THRESHOLD = 0x0
"""Offset in a context's registers."""
CLAIM = 0x4
"""Offset in a context's registers: read to claim, write to complete."""

PRIORITY_BITS = 3
PRIORITY_MAX = (1 << PRIORITY_BITS) - 1
