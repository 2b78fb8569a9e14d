"""The channels of an AXI port as lists of member names, for components that pass them on."""

from collections.abc import Iterable

__all__ = ["ADDRESS", "READ_DATA", "RESPONSE", "WRITE_DATA", "forward"]

ADDRESS = ("addr", "len", "size", "burst")
"""Payload of AR and AW except the id (without the channel's prefix)."""
WRITE_DATA = ("wdata", "wstrb", "wlast")
READ_DATA = ("rdata", "rresp", "rlast")
"""Payload of R except the id."""
RESPONSE = ("bresp",)
"""Payload of B except the id."""


def forward(target, source, names: Iterable[str], prefix: str = "") -> list:
    """Assignments of ``source``'s members to the like-named members of ``target``."""
    return [getattr(target, prefix + name).eq(getattr(source, prefix + name)) for name in names]
