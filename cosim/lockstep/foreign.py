"""Writes to memory by others than the hart: DMA masters and the host interface.

The hart sees such a write at some moment between its beginning and its answer. Until it has ended, a load may
show the old byte or the new one; from then on, only the new one.
"""

from collections import deque

from cosim.lockstep.records import ForeignWrite, Retired
from cosim.model.memory import Bus

__all__ = ["ForeignWrites"]

_PAGE = 4096


class ForeignWrites:
    """Brings others' writes into the model's memory (``bus``) when the hardware's hart sees them.

    False if there is nothing to look at, so that most records cost nothing.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._open: deque[ForeignWrite] = deque()
        self._pending: dict[int, int] = {}
        """Byte by address, of the writes that have not ended."""
        self._stored: set[int] = set()
        """Addresses among them that the hart has stored to meanwhile."""
        self._either: dict[int, int] = {}
        """Bytes of ended writes that raced with a store of the hart: nobody knows yet who was the last."""

    def __bool__(self) -> bool:
        return bool(self._pending or self._either)

    def begin(self, write: ForeignWrite) -> None:
        """A write is on its way."""
        self._open.append(write)
        self._pending |= {write.address + n: byte for n, byte in enumerate(write.data)}

    def end(self) -> None:
        """The oldest write on its way is done."""
        write = self._open.popleft()
        for n, byte in enumerate(write.data):
            address = write.address + n
            self._pending.pop(address, None)
            if address in self._stored:
                self._stored.discard(address)
                self._either[address] = byte
            else:
                self._put(address, byte)

    def look(self, retired: Retired) -> None:
        """The hart is about to read or write memory: what a load shows has been written."""
        places = _bytes_of(retired)
        if retired.mem_read:
            self._show(places, retired.rd_data if retired.mem_write else retired.mem_data)
        if retired.mem_write:
            for address in places:
                if address in self._pending:
                    self._stored.add(address)
                self._either.pop(address, None)

    def _show(self, places: list[int], value: int) -> None:
        """The hart has read ``value``."""
        for address in places:
            shown, value = value & 0xFF, value >> 8
            new = self._pending.get(address, self._either.get(address))
            if new is None or not self._bus.is_main_memory(address):
                continue
            if shown == new:
                self._put(address, new)
            self._either.pop(address, None)

    def _put(self, address: int, byte: int) -> None:
        if self._bus.is_main_memory(address):
            self._bus.write_bytes(address, bytes([byte]))


def _bytes_of(retired: Retired) -> list[int]:
    """Physical address of each byte of an access, which may cross into another page."""
    first, page = retired.mem_paddr, retired.mem_paddr_last & ~(_PAGE - 1)
    room = _PAGE - (first & (_PAGE - 1))
    return [first + n if n < room else page + n - room for n in range(1 << retired.mem_size)]
