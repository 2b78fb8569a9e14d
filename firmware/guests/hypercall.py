"""Measures null hypercalls (SBI BASE get_spec_version): instructions and cycles from ecall to resume."""

from firmware.guests.runtime import code, guest_image, power_off, print_line
from firmware.lang import array, csr, fw, module_asm, ptr, static, u64
from firmware.sbi import Base, Extension

__all__ = ["SAMPLES", "image"]

SAMPLES = 101
WARM_UP = 10

cycles = static(array[u64, SAMPLES])
instructions = static(array[u64, SAMPLES])


@fw(extern=True)
def sample_cycle(ecalls: u64) -> u64:
    """Cycles from a read of `cycle` to the next, with an ecall between them unless ``ecalls`` is 0."""
    ...


@fw(extern=True)
def sample_instret(ecalls: u64) -> u64:
    """The same in instructions retired."""
    ...


def _sample(counter: str) -> str:
    """A function that reads a counter around an ecall, or around nothing (a0 = 0)."""
    return f"""
    .text
    .balign 64
    .globl sample_{counter}
sample_{counter}:
    mv t2, a0
    li a7, {int(Extension.BASE)}
    li a6, {int(Base.GET_SPEC_VERSION)}
    beqz t2, 1f
    .balign 64
    csrr t0, {counter}
    ecall
    csrr t1, {counter}
    sub a0, t1, t0
    ret
    .balign 64
1:  csrr t0, {counter}
    csrr t1, {counter}
    sub a0, t1, t0
    ret
"""


@fw(noinline=True)
def median(values: ptr[u64]) -> u64:
    """The middle one of SAMPLES values, which are left sorted."""
    for i in range(u64(1), SAMPLES):
        value = values[i]
        j = i
        while j > 0 and values[j - 1] > value:
            values[j] = values[j - 1]
            j -= 1
        values[j] = value
    return values[SAMPLES // 2]


@fw(export=True)
def trap() -> None:
    """This guest expects no trap."""
    print_line(b"hypercall: unexpected trap ", csr.scause)
    power_off(True)


@fw(export=True)
def main() -> None:
    """The guest: medians, less what two back-to-back reads cost."""
    for _ in range(WARM_UP):
        sample_cycle(1)
        sample_instret(1)
    for i in range(SAMPLES):
        cycles[i] = sample_cycle(1) - sample_cycle(0)
        instructions[i] = sample_instret(1) - sample_instret(0)
    print_line(b"hypercall: instructions ", median(instructions))
    print_line(b"hypercall: cycles ", median(cycles))
    power_off(False)


module_asm(code(main, trap))
module_asm(_sample("cycle") + _sample("instret"))

image = guest_image("hypercall", main, trap)
