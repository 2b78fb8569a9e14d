"""Counters (Zicntr, Zihpm; privileged spec, "Hardware Performance Monitor").

The model's cycle is one retired instruction (plus the time slept in wfi). It does not count
microarchitectural events: hpmcounter3 to 10 keep what was written; lockstep takes them from the RTL.
"""

from typing import TYPE_CHECKING

from cosim.model.bits import MASK
from rtl.isa.csr_state import COUNTERS

if TYPE_CHECKING:
    from cosim.model.hart import Hart

__all__ = ["CYCLE", "INSTRET", "Counters"]

CYCLE = 0
INSTRET = 2


class Counters:
    """The machine counters of ``hart``, by number: 0 cycle, 2 instret, 3 to 10 events.

    A running counter is kept as the difference to what it counts, so that counting costs nothing.
    """

    def __init__(self, hart: "Hart"):
        self._hart = hart
        self._base = dict.fromkeys((CYCLE, INSTRET, *COUNTERS), 0)
        self._stopped = 0

    def _source(self, n: int) -> int:
        if n == CYCLE:
            return self._hart.cycles()
        return self._hart.retired if n == INSTRET else 0

    def read(self, n: int) -> int:
        """Present value of counter ``n``."""
        running = 0 if self._stopped >> n & 1 else self._source(n)
        return (self._base[n] + running) & MASK

    def write(self, n: int, value: int) -> None:
        """Set counter ``n``: the next instruction reads ``value`` (the writing one does not count)."""
        running = 0 if self._stopped >> n & 1 or n in COUNTERS else self._source(n) + 1
        self._base[n] = (value - running) & MASK

    def inhibit(self, mask: int) -> None:
        """Stop the counters whose bits are set in ``mask`` (mcountinhibit), run the others."""
        for n in (CYCLE, INSTRET):
            was, now = self._stopped >> n & 1, mask >> n & 1
            if was != now:
                step = self._source(n) + 1
                self._base[n] += step if now else -step
        self._stopped = mask
