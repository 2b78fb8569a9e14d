"""The guests' clocks."""

from firmware.lang import fw, u64

__all__ = ["NEVER", "due_time"]

NEVER = (1 << 64) - 1


@fw
def due_time(now: u64, offset: u64, deadline: u64) -> u64:
    """Host time at which a timer of the guest's clock (host time + ``offset``) is due: ``now`` if it is,
    `NEVER` if that lies beyond the end of the host's clock."""
    guest_now = now + offset
    if guest_now >= deadline:
        return now
    due = now + (deadline - guest_now)
    if due < now:
        return u64(NEVER)
    return due
