"""Runs until a time, and does nothing else: two of them show what it costs to change the VM."""

from firmware.guests.runtime import code, guest_image, power_off, print_line
from firmware.lang import csr, fw, module_asm

__all__ = ["image"]

END = 10_000
"""Ticks of the VM's own `time`."""


@fw(export=True)
def trap() -> None:
    """This guest expects no trap."""
    print_line(b"spin: unexpected trap ", csr.scause)
    power_off(True)


@fw(export=True)
def main() -> None:
    """The guest."""
    while csr.time < END:
        pass
    power_off(False)


module_asm(code(main, trap))

image = guest_image("spin", main, trap)
