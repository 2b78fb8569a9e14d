"""The fake machine on which firmware runs under CPython.

Memory is strictly mapped, CSRs know their WARL fields, devices are hooks, and what the firmware does
to the outside (CSR and device writes, fences, wfi) is kept in order in ``trace``.
"""

from bisect import bisect_right, insort
from collections.abc import Callable
from typing import Any

from rtl.isa.csrs import CSRS

from .csr_file import CsrFile

__all__ = ["CsrFile", "Machine", "MachineError", "current"]


class MachineError(RuntimeError):
    """The firmware did what the real machine would trap on: an unmapped or misaligned access…"""


class _Region:
    def __init__(self, base: int, size: int) -> None:
        self.base, self.end = base, base + size
        self.data: bytearray | None = bytearray(size)
        self.on_read: Callable[[int, int], int] | None = None
        self.on_write: Callable[[int, int, int], None] | None = None

    def __lt__(self, other: "_Region") -> bool:
        return self.base < other.base


class _Places:
    """Addresses of statics and byte strings; the same in every machine."""

    def __init__(self) -> None:
        self.next = 0x40_0000_0000
        self.contents: dict[int, bytes] = {}
        self.texts: dict[bytes, int] = {}

    def place(self, content: bytes, align: int) -> int:
        address = self.next + -self.next % max(align, 16)
        self.next = address + len(content) + 16
        self.contents[address] = content
        return address


_PLACES = _Places()
_STACK = 0x60_0000_0000


class Machine:
    """Memory, CSRs, devices and a trace; ``with Machine() as m:`` makes it the current one.

    Attributes
    ----------
    csrs : the registers by name; setting one here is not traced
    trace : tuples ``("csr", name, value)``, ``("mmio", address, size, value)``, ``("wfi",)``, …
    externs : name -> Python function, for functions defined in assembly
    ecall : called with (extension, function, arguments...), returns (error, value)
    guest : called with (guest address, is_store), returns the physical address for hlv and hsv
    wfi : called at each wfi
    """

    def __init__(self) -> None:
        self.csrs = CsrFile()
        self.trace: list[tuple[Any, ...]] = []
        self.externs: dict[str, Callable[..., Any]] = {}
        self.ecall: Callable[..., tuple[int, int]] | None = None
        self.guest: Callable[[int, bool], int] = lambda address, is_store: address
        self.wfi: Callable[[], None] = lambda: None
        self.symbols: dict[str, int] = {}
        self.reservation: int | None = None
        self._regions: list[_Region] = []
        self._stack = _STACK

    def __enter__(self) -> "Machine":
        _CURRENT.append(self)
        return self

    def __exit__(self, *error: object) -> None:
        _CURRENT.pop()

    def map(self, base: int, size: int) -> None:
        """Map zeroed RAM."""
        self._add(_Region(base, size))

    def mmio(
        self,
        base: int,
        size: int,
        read: Callable[[int, int], int] | None = None,
        write: Callable[[int, int, int], None] | None = None,
    ) -> None:
        """Map a device: ``read(address, bytes)`` and ``write(address, bytes, value)``."""
        region = _Region(base, size)
        region.data = None
        region.on_read = read or (lambda address, size: 0)
        region.on_write = write or (lambda address, size, value: None)
        self._add(region)

    def _add(self, region: _Region) -> None:
        if any(region.base < other.end and other.base < region.end for other in self._regions):
            raise MachineError(f"{region.base:#x} is mapped already")
        insort(self._regions, region)

    def read(self, address: int, size: int) -> int:
        """Load ``size`` bytes, little-endian, unsigned."""
        region = self._find(address, size)
        if region.data is None:
            assert region.on_read is not None
            return int(region.on_read(address, size)) & ((1 << 8 * size) - 1)
        start = address - region.base
        return int.from_bytes(region.data[start : start + size], "little")

    def write(self, address: int, size: int, value: int) -> None:
        """Store ``size`` bytes, little-endian; to a device it is traced."""
        region = self._find(address, size)
        if region.data is None:
            assert region.on_write is not None
            self.trace.append(("mmio", address, size, value))
            region.on_write(address, size, value)
            return
        start = address - region.base
        region.data[start : start + size] = value.to_bytes(size, "little")

    def read_bytes(self, address: int, size: int) -> bytes:
        """A block of RAM."""
        return bytes(self.read(address + offset, 1) for offset in range(size))

    def write_bytes(self, address: int, content: bytes) -> None:
        """Fill a block of RAM."""
        for offset, byte in enumerate(content):
            self.write(address + offset, 1, byte)

    def _find(self, address: int, size: int) -> _Region:
        if address % size:
            raise MachineError(f"misaligned access of {size} bytes at {address:#x}")
        position = bisect_right(self._regions, address, key=lambda region: region.base) - 1
        if position >= 0 and address + size <= self._regions[position].end:
            return self._regions[position]
        if self._map_static(address):
            return self._find(address, size)
        raise MachineError(f"nothing is mapped at {address:#x}")

    def _map_static(self, address: int) -> bool:
        for base, content in _PLACES.contents.items():
            if base <= address < base + len(content):
                if any(region.base == base for region in self._regions):
                    return False
                self.map(base, len(content))
                region = next(region for region in self._regions if region.base == base)
                region.data = bytearray(content)
                return True
        return False

    def text(self, content: bytes) -> int:
        """Address of a byte string constant, a zero byte after it."""
        if content not in _PLACES.texts:
            _PLACES.texts[content] = _PLACES.place(content + b"\0", 1)
        return _PLACES.texts[content]

    @staticmethod
    def place(content: bytes, align: int) -> int:
        """Give a static object an address."""
        return _PLACES.place(content, align)

    def push(self, size: int) -> int:
        """Zeroed memory for a local aggregate."""
        address = self._stack
        self._stack += size + -size % 16 + 16
        self.map(address, max(size, 1))
        return address

    def mark(self) -> int:
        """The stack's height, for ``release``."""
        return self._stack

    def release(self, mark: int) -> None:
        """Unmap what was pushed since ``mark``."""
        if mark != self._stack:
            self._regions = [r for r in self._regions if not mark <= r.base < self._stack]
            self._stack = mark

    def write_csr(self, name: str, value: int) -> None:
        """A CSR write by the firmware: traced."""
        if CSRS[name].read_only:
            raise MachineError(f"{name} is read-only")
        self.trace.append(("csr", name, value))
        self.csrs[name] = value


_CURRENT: list[Machine] = []
_DEFAULT = Machine()


def current() -> Machine:
    """The machine of the innermost ``with``; a default one with no RAM outside of any."""
    return _CURRENT[-1] if _CURRENT else _DEFAULT
