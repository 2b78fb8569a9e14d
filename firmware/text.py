"""Text on the machine's UART: messages and hexadecimal numbers."""

from firmware.lang import fw, ptr, u8, u64
from firmware.uart import uart_put

__all__ = ["print_hex", "print_text"]


@fw(noinline=True)
def print_text(text: ptr[u8]) -> None:
    """Send a zero-terminated text."""
    i = u64(0)
    while text[i] != 0:
        uart_put(text[i])
        i += 1


@fw(noinline=True)
def print_hex(number: u64) -> None:
    """Send ``0x`` and the number without leading zeros."""
    print_text(b"0x")
    shift = u64(60)
    while shift > 0 and (number >> shift) == 0:
        shift -= 4
    while True:
        digit = u8((number >> shift) & 15)
        if digit < 10:
            uart_put(digit + b"0"[0])
        else:
            uart_put(digit + (b"a"[0] - 10))
        if shift == 0:
            break
        shift -= 4
