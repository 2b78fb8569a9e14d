"""Whether a store-conditional may succeed though others write to memory.

A write of a device to the bytes that lr has read ends the reservation, if it can be seen to come between lr
and sc (unprivileged spec, A chapter, "Load-Reserved/Store-Conditional Instructions"). Before its record sc
takes a few cycles, in which it may be either way.
"""

from collections import deque

from cosim.lockstep.records import ForeignWrite, ForeignWriteEnd, Retired

__all__ = ["MARGIN", "ReservationJudge"]

MARGIN = 16
"""Cycles before the record of sc in which the write must have ended."""


class ReservationJudge:
    """Looks at the writes of others, at lr and at sc, in the order of the records."""

    def __init__(self) -> None:
        self._read = range(0)
        """Addresses of the bytes that the last lr has read; empty after sc."""
        self._open: deque[bool] = deque()
        """Of the writes that have not ended: whether they began after lr and change those bytes."""
        self._lost: int | None = None
        """Cycle when the first such write has ended."""

    def begin(self, write: ForeignWrite) -> None:
        """A write is on its way."""
        last = write.address + len(write.data)
        self._open.append(write.address < self._read.stop and self._read.start < last)

    def end(self, end: ForeignWriteEnd) -> None:
        """The oldest write on its way is done."""
        if self._open.popleft() and self._lost is None:
            self._lost = end.cycle

    def reserve(self, retired: Retired) -> None:
        """lr has retired."""
        self._read = range(retired.mem_paddr, retired.mem_paddr + (1 << retired.mem_size))
        self._forget()

    def store(self, retired: Retired) -> str | None:
        """sc has retired; what is wrong with its success, or None."""
        lost, first = self._lost, self._read.start
        self._read = range(0)
        self._forget()
        if not retired.mem_write or lost is None or retired.cycle - lost <= MARGIN:
            return None
        return f"sc: success, though {retired.cycle - lost} cycles ago another has written to {first:#x}"

    def _forget(self) -> None:
        self._lost = None
        self._open = deque([False] * len(self._open))
