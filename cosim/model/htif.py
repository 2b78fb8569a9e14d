"""tohost and fromhost: how a bare-metal program ends, prints and calls the host (as Spike does)."""

from collections.abc import Callable

from cosim.model.exceptions import Stop
from cosim.model.memory import Bus

__all__ = ["Htif"]

_SETTLE = 64
"""Instructions after which a lone 32-bit store to the low half counts as the whole value."""
_SYS_WRITE = 64
_SYS_EXIT = 93


class Htif:
    """Watches the 8 bytes at ``tohost``.

    A 64-bit store acts at once. Of two 32-bit stores the second acts, whichever half it is: after
    the low half alone the value waits until the high half follows or ``_SETTLE`` instructions passed.
    """

    def __init__(
        self,
        bus: Bus,
        tohost: int,
        fromhost: int | None,
        output: Callable[[bytes], None],
        wait: Callable[[int], None],
    ):
        self._bus = bus
        self._tohost = tohost
        self._fromhost = fromhost
        self._output = output
        self._wait = wait
        self._high_written = False
        bus.watchers[tohost >> 12] = self._stored

    def _stored(self, address: int, size: int) -> None:
        start, end = address - self._tohost, address - self._tohost + size
        if end <= 0 or start >= 8:
            return
        if start <= 0 and end >= 8:
            self.act()
        elif start >= 4:
            low = self._bus.read_u64(self._tohost) & 0xFFFF_FFFF
            self._high_written = not low
            if low:
                self.act()
        elif self._high_written:
            self.act()
        else:
            self._wait(_SETTLE)

    def act(self) -> None:
        """Do what the value in tohost asks for, if it asks for anything."""
        value = self._bus.read_u64(self._tohost)
        self._high_written = False
        if not value:
            return
        device, command, payload = value >> 56, value >> 48 & 0xFF, value & (1 << 48) - 1
        if device == 1 and command == 1:
            self._output(bytes([payload & 0xFF]))
            self._respond(1 << 56 | 1 << 48 | 0x100 | payload & 0xFF)
        elif device == 0 and payload & 1:
            raise Stop(payload >> 1)
        elif device == 0 and self._bus.is_main_memory(payload):
            self._system_call(payload)
        else:
            self._respond(0)

    def _respond(self, value: int) -> None:
        self._bus.write_u64(self._tohost, 0)
        if self._fromhost is not None:
            self._bus.write_u64(self._fromhost, value)

    def _system_call(self, block: int) -> None:
        """The call's number and arguments stand in 8 words of memory, the result replaces the first."""
        number, a0, a1, a2 = (self._bus.read_u64(block + 8 * n) for n in range(4))
        result = -38 & (1 << 64) - 1  # ENOSYS
        if number == _SYS_EXIT:
            raise Stop(a0 & 0xFF)
        if number == _SYS_WRITE and a0 in (1, 2) and self._bus.is_main_memory(a1):
            self._output(self._bus.read_bytes(a1, a2))
            result = a2
        self._bus.write_u64(block, result)
        self._respond(1)
