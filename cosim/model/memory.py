"""Physical memory: DRAM and the devices (the map of ``rtl.isa.memory_map``)."""

from collections.abc import Callable
from mmap import mmap
from struct import Struct
from typing import Protocol

from cosim.model.exceptions import Access
from rtl.isa.memory_map import DRAM_BASE, Region

__all__ = ["Bus", "Device"]

_U64 = Struct("<Q")


class Device(Protocol):
    """Registers at addresses that no cache holds."""

    def read(self, offset: int, size: int) -> int:
        """Value of the ``size`` bytes at ``offset``."""

    def write(self, offset: int, size: int, value: int) -> None:
        """Store ``value`` in the ``size`` bytes at ``offset``."""


class Bus:
    """DRAM of ``size`` bytes, devices at their regions, and watched DRAM pages.

    ``watchers`` maps the number of a physical page to a function called after a store to it with
    (address, size).
    """

    def __init__(self, size: int):
        self.dram = mmap(-1, size)  # zeros that cost nothing until they are touched
        self.end = DRAM_BASE + size
        self.devices: list[tuple[Region, Device]] = []
        self.read_only: set[str] = set()
        self._accepts: dict[str, Callable[[int, int], bool]] = {}
        self.watchers: dict[int, Callable[[int, int], None]] = {}

    def attach(
        self,
        region: Region,
        device: Device,
        *,
        read_only: bool = False,
        accepts: Callable[[int, int], bool] | None = None,
    ) -> None:
        """Let ``device`` answer at ``region``; a ``read_only`` one refuses stores and may hold code.

        ``accepts`` tells whether it takes an access of a size at an offset; without it, all.
        """
        if accepts:
            self._accepts[region.name] = accepts
        self.devices.append((region, device))
        if read_only:
            self.read_only.add(region.name)

    def is_main_memory(self, address: int) -> bool:
        """Whether DRAM holds the byte at ``address``: cacheable, with atomics and misaligned access."""
        return DRAM_BASE <= address < self.end

    def find(self, address: int, size: int, access: int) -> tuple[Device, int] | None:
        """The device that takes an aligned access of this kind, and the offset in it; else None."""
        if address % size:
            return None
        for region, device in self.devices:
            if address in region:
                refused = Access.STORE if region.name in self.read_only else Access.FETCH
                accepts = self._accepts.get(region.name)
                if access == refused or (accepts and not accepts(address - region.base, size)):
                    return None
                return device, address - region.base
        return None

    def read_u64(self, address: int) -> int:
        """Aligned 8 bytes of DRAM."""
        return _U64.unpack_from(self.dram, address - DRAM_BASE)[0]

    def write_u64(self, address: int, value: int) -> None:
        """Write aligned 8 bytes of DRAM."""
        _U64.pack_into(self.dram, address - DRAM_BASE, value)

    def read_bytes(self, address: int, size: int) -> bytes:
        """DRAM contents."""
        offset = address - DRAM_BASE
        return self.dram[offset : offset + size]

    def write_bytes(self, address: int, data: bytes) -> None:
        """Change DRAM contents, and tell the page's watcher."""
        offset = address - DRAM_BASE
        self.dram[offset : offset + len(data)] = data
        watcher = self.watchers.get(address >> 12)
        if watcher:
            watcher(address, len(data))
