"""Jumps outside its memory with no trap handler to catch it: the hypervisor must end this VM alone."""

from firmware.guests.runtime import code, guest_image, power_off, print_text
from firmware.lang import csr, fw, module_asm

__all__ = ["image"]

NOWHERE = 0x4000_0000
"""A guest physical address where no VM has anything."""


@fw(extern=True)
def leap() -> None:
    """Jump to NOWHERE."""
    ...


@fw(export=True)
def trap() -> None:
    """Never reached: stvec points elsewhere."""
    power_off(True)


@fw(export=True)
def main() -> None:
    """The guest."""
    print_text(b"stray: leaving\n")
    csr.stvec = NOWHERE
    leap()


module_asm(code(main, trap))
module_asm(f"""
    .text
    .globl leap
leap:
    li t0, {NOWHERE}
    jr t0
""")

image = guest_image("stray", main, trap)
