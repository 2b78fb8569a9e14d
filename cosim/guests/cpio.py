"""Writes cpio archives as Linux unpacks them into its root at boot: the "newc" format.

The format is in Linux's Documentation/driver-api/early-userspace/buffer-format.rst: a header of 13 numbers in
eight hexadecimal digits each behind the magic, name and data padded to four bytes, a trailer entry. Device
nodes are numbers in a header, so no root is needed.
"""

import stat
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Entry", "archive", "device", "file", "folder"]

_MAGIC = b"070701"
_TRAILER = "TRAILER!!!"
_BLOCK = 512


@dataclass(frozen=True)
class Entry:
    """One name in the archive: ``mode`` with its type bits, ``data``, and the numbers of a device node."""

    name: str
    mode: int
    data: bytes = b""
    major: int = 0
    minor: int = 0


def folder(name: str, permissions: int = 0o755) -> Entry:
    """A directory."""
    return Entry(name, stat.S_IFDIR | permissions)


def file(name: str, data: bytes, permissions: int = 0o755) -> Entry:
    """A regular file."""
    return Entry(name, stat.S_IFREG | permissions, data)


def device(name: str, major: int, minor: int, permissions: int = 0o600) -> Entry:
    """A character device node."""
    return Entry(name, stat.S_IFCHR | permissions, b"", major, minor)


def archive(entries: Iterable[Entry]) -> bytes:
    """The archive. Owner root, time 0: the same entries give the same bytes."""
    out = bytearray()
    for number, entry in enumerate(entries, 1):
        out += _record(entry, number)
    out += _record(Entry(_TRAILER, 0), 0)
    return bytes(out) + bytes(-len(out) % _BLOCK)


def _record(entry: Entry, number: int) -> bytes:
    name = entry.name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    owner = group = time = checksum = 0
    place = (0, 0)
    fields = (
        number,
        entry.mode,
        owner,
        group,
        links,
        time,
        len(entry.data),
        *place,
        entry.major,
        entry.minor,
        len(name),
        checksum,
    )
    header = _MAGIC + b"".join(b"%08X" % field for field in fields) + name
    return _padded(header) + _padded(entry.data)


def _padded(raw: bytes) -> bytes:
    return raw + bytes(-len(raw) % 4)
