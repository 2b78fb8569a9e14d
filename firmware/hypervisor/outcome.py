"""What is to be done when an exit's first handler returns: the `fast` and `slow` functions' code."""

__all__ = ["EMULATE", "RESCHEDULE", "RESUME", "TRANSLATE"]

RESUME = 0
"""Back into the guest."""
EMULATE = 1
"""A device access: needs all of the guest's registers."""
RESCHEDULE = 2
"""The vCPU waits, has ended, or has used its slice."""
TRANSLATE = 3
"""An instruction that concerns the guest's translation: needs all of its registers."""
