"""Physical memory protection (privileged spec, section "Physical Memory Protection").

Regions are whole 4 KiB pages (granularity G = 10), so one check holds for every byte of a page.
"""

from cosim.model.exceptions import Access
from rtl.isa.csr_state import PMPADDR_NAPOT_ONES, PMPADDR_OFF_ZEROS
from rtl.isa.paging import PAGE_SHIFT, PMP_ENTRIES, PmpMatch
from rtl.isa.privilege import Privilege

__all__ = ["Pmp"]

_R, _W, _X, _LOCK = 1, 2, 4, 0x80
_NEEDS = {Access.FETCH: _X, Access.LOAD: _R, Access.STORE: _W}


class Pmp:
    """Entries as the CSRs hold them: ``cfg`` bytes and ``addr`` values (stored bits)."""

    def __init__(self) -> None:
        self.cfg = [0] * PMP_ENTRIES
        self.addr = [0] * PMP_ENTRIES

    def locked(self, n: int) -> bool:
        """Whether writes to ``pmpaddr<n>`` are ignored: its own lock, or that of a TOR entry above it."""
        if self.cfg[n] & _LOCK:
            return True
        above = self.cfg[n + 1] if n + 1 < PMP_ENTRIES else 0
        return bool(above & _LOCK) and above >> 3 & 3 == PmpMatch.TOR

    def write_cfg(self, value: int) -> None:
        """Write ``pmpcfg0``: locked bytes stay; NA4 becomes OFF; W without R loses its W."""
        for n in range(PMP_ENTRIES):
            byte = value >> 8 * n & 0x9F
            if self.cfg[n] & _LOCK:
                continue
            if byte >> 3 & 3 == PmpMatch.NA4:
                byte &= ~0x18
            if byte & (_R | _W) == _W:
                byte &= ~_W
            self.cfg[n] = byte

    def read_cfg(self) -> int:
        """Value of ``pmpcfg0``."""
        return int.from_bytes(bytes(self.cfg), "little")

    def read_addr(self, n: int) -> int:
        """Value of ``pmpaddr<n>`` as the granularity shows it (bits below G depend on the mode)."""
        if self.cfg[n] >> 3 & 3 == PmpMatch.NAPOT:
            return self.addr[n] | PMPADDR_NAPOT_ONES
        return self.addr[n] & ~PMPADDR_OFF_ZEROS

    def region(self, n: int) -> tuple[int, int]:
        """First and first-after byte address of entry ``n``; (0, 0) if it matches nothing."""
        match self.cfg[n] >> 3 & 3:
            case PmpMatch.TOR:
                bottom = self.addr[n - 1] & ~PMPADDR_OFF_ZEROS if n else 0
                top = self.addr[n] & ~PMPADDR_OFF_ZEROS
                return bottom << 2, top << 2
            case PmpMatch.NAPOT:
                addr = self.read_addr(n)
                ones = addr ^ (addr + 1)
                base = (addr & ~ones) << 2
                return base, base + ((ones + 1) << 2)
        return 0, 0

    def allows(self, address: int, access: int, privilege: int) -> bool:
        """Whether ``privilege`` may do ``access`` in the page of physical ``address``.

        The lowest-numbered matching entry decides. M mode passes unlocked entries and unmatched
        pages; S and U fail on unmatched ones.
        """
        page = address >> PAGE_SHIFT << PAGE_SHIFT
        for n in range(PMP_ENTRIES):
            start, end = self.region(n)
            if start <= page < end:
                if privilege == Privilege.M and not self.cfg[n] & _LOCK:
                    return True
                return bool(self.cfg[n] & _NEEDS[access])
        return privilege == Privilege.M
