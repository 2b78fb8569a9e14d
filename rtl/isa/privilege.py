"""Privilege modes and the virtualization mode (Privileged spec 1.2 and "H" chapter, 21.1)."""

from enum import IntEnum

__all__ = ["Privilege", "mode_name"]


class Privilege(IntEnum):
    """Nominal privilege; the encoding of ``mstatus.MPP``. HS is S with V = 0, VS is S with V = 1."""

    U = 0
    S = 1
    M = 3


def mode_name(privilege: int, virt: int) -> str:
    """The specification's name of a mode: ``M``, ``HS``, ``U``, ``VS`` or ``VU``."""
    if privilege == Privilege.M:
        return "M"
    if virt:
        return "VS" if privilege == Privilege.S else "VU"
    return "HS" if privilege == Privilege.S else "U"
