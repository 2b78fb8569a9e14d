"""What is to be done when an exit's first handler returns: the `fast` and `slow` functions' code."""

__all__ = ["EMULATE", "RESCHEDULE", "RESUME"]

RESUME = 0
"""Back into the guest."""
EMULATE = 1
"""A device access: needs all of the guest's registers."""
RESCHEDULE = 2
"""The vCPU waits, has ended, or has used its slice."""
