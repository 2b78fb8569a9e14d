"""What a program that tries every CSR number does so in: the modes, and the settings of the enables."""

from dataclasses import dataclass

from rtl.isa.privilege import Privilege

__all__ = ["MODES", "SETTINGS", "Enables"]

MODES = ((Privilege.M, 0), (Privilege.S, 0), (Privilege.U, 0), (Privilege.S, 1), (Privilege.U, 1))
"""(privilege, V)"""


@dataclass(frozen=True)
class Enables:
    """Of counters and timers in M, H and S; and whether TVM and VTVM trap."""

    machine: bool
    hypervisor: bool
    supervisor: bool
    traps: bool


SETTINGS = (
    Enables(True, True, True, False),
    Enables(False, True, True, True),
    Enables(True, False, True, True),
    Enables(True, True, False, False),
)
"""All on, and each of three levels off."""
