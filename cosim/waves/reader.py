"""Reads FST files: names, and values over time."""

from pathlib import Path

import pylibfst

from cosim.errors import UserError

__all__ = ["Wave"]


class Wave:
    """An FST file, open for reading.

    Attributes
    ----------
    names: signal name without its range -> width in bits
    """

    def __init__(self, path: Path) -> None:
        self._reader = pylibfst.lib.fstReaderOpen(str(path).encode())
        if self._reader == pylibfst.ffi.NULL:
            raise UserError(f"{path}: not an FST file that can be read; write it again with --wave")
        _, signals = pylibfst.get_scopes_signals2(self._reader)
        self._handles: dict[str, int] = {}
        self._ranges: dict[str, str] = {}
        self.names: dict[str, int] = {}
        for full, signal in signals.by_name.items():
            name, _, span = full.partition(" ")
            self.names[name] = signal.length
            self._handles[name] = signal.handle
            self._ranges[name] = span

    def __enter__(self) -> "Wave":
        return self

    def __exit__(self, *_: object) -> None:
        pylibfst.lib.fstReaderClose(self._reader)

    def with_range(self, name: str) -> str:
        """The name as GTKWave wants it: ``a.b[7:0]``."""
        return name + self._ranges[name]

    def changes(self, *names: str) -> list[tuple[int, str, int]]:
        """All value changes of the named signals: (time, name, value), in order of time; x counts as 0."""
        lib = pylibfst.lib
        by_handle: dict[int, list[str]] = {}
        lib.fstReaderClrFacProcessMaskAll(self._reader)
        for name in names:
            by_handle.setdefault(self._handles[name], []).append(name)
            lib.fstReaderSetFacProcessMask(self._reader, self._handles[name])
        found: list[tuple[int, str, int]] = []

        def take(_data: object, time: int, handle: int, value: object) -> None:
            bits = pylibfst.string(value).replace("x", "0").replace("z", "0")
            found.extend((time, name, int(bits, 2)) for name in by_handle[handle])

        pylibfst.fstReaderIterBlocks(self._reader, take)
        return found

    def value(self, name: str, time: int) -> int:
        """A signal's value at a time (its last change at or before it)."""
        values = [value for at, _, value in self.changes(name) if at <= time]
        if not values:
            raise ValueError(f"{name} has no value at {time}")
        return values[-1]
