"""Counts primes with a sieve, several times over, and powers off: a guest that only computes."""

from firmware.guests.runtime import code, guest_image, power_off, print_line
from firmware.lang import array, csr, fw, memset, module_asm, static, u8, u64

__all__ = ["image"]

LIMIT = 20_000
PRIMES = 2262
"""How many there are below LIMIT."""
ROUNDS = 4

composite = static(array[u8, LIMIT])


@fw(noinline=True)
def count_primes(limit: u64) -> u64:
    """Sieve of Eratosthenes."""
    memset(composite, 0, limit)
    count = u64(0)
    for n in range(u64(2), limit):
        if composite[n] == 0:
            count += 1
            multiple = n * n
            while multiple < limit:
                composite[multiple] = 1
                multiple += n
    return count


@fw(export=True)
def trap() -> None:
    """This guest expects no trap."""
    print_line(b"primes: unexpected trap ", csr.scause)
    power_off(True)


@fw(export=True)
def main() -> None:
    """The guest."""
    for _ in range(ROUNDS):
        count = count_primes(LIMIT)
        print_line(b"primes: below 20000: ", count)
        if count != PRIMES:
            power_off(True)
    print_line(b"primes: done after rounds: ", ROUNDS)
    power_off(False)


module_asm(code(main, trap))

image = guest_image("primes", main, trap)
