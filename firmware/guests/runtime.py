"""What every small guest needs: start and trap code, printing through SBI, and an end."""

from collections.abc import Callable

from firmware.bootinfo import NATIVE_ENTRY
from firmware.lang import Image, array, divu, ecall, fw, ptr, remu, u8, u64, wfi
from firmware.sbi import Dbcn, Extension, ResetReason, ResetType, Srst

__all__ = ["CALLER_SAVED", "code", "guest_image", "power_off", "print_line", "print_number", "print_text"]

CALLER_SAVED = (1, 5, 6, 7, *range(10, 18), *range(28, 32))
_FRAME = 32 * 8


def _each(instruction: str) -> str:
    return "\n".join(f"    {instruction} x{n}, {8 * n}(sp)" for n in CALLER_SAVED)


def code(main: Callable[..., object], trap: Callable[..., object]) -> str:
    """Start code around ``main(device_tree)``, and a trap entry around ``trap()``, which may change sepc."""
    return f"""
    .section .text.entry, "ax"
    .globl guest_start
guest_start:                    # a0 = hart, a1 = device tree
    la sp, __stack_top
    la t0, __bss_start
    la t1, __bss_end
1:  bgeu t0, t1, 2f
    sd zero, 0(t0)
    addi t0, t0, 8
    j 1b
2:  la t0, guest_trap
    csrw stvec, t0
    mv a0, a1
    jal {main}
3:  wfi
    j 3b

    .balign 4
guest_trap:
    addi sp, sp, -{_FRAME}
{_each("sd")}
    jal {trap}
{_each("ld")}
    addi sp, sp, {_FRAME}
    sret
"""


def guest_image(name: str, *functions: Callable[..., object]) -> Image:
    """The image of a guest whose module has `code`, linked where it runs as a guest and natively alike."""
    return Image(
        entry="guest_start", base=NATIVE_ENTRY, stack=8192, functions=list(functions), name=f"guest-{name}"
    )


@fw(noinline=True, no_builtins=True)
def print_text(text: ptr[u8]) -> None:
    """Print a zero-terminated text."""
    size = u64(0)
    while text[size] != 0:
        size += 1
    ecall(Extension.DBCN, Dbcn.WRITE, size, u64(text), 0)


@fw(noinline=True)
def print_number(number: u64) -> None:
    """Print a number in decimal."""
    digits: array[u8, 24]
    at = u64(24)
    while True:
        at -= 1
        digits[at] = b"0"[0] + u8(remu(number, u64(10)))  # noqa: F821 -- declared above
        number = divu(number, u64(10))
        if number == 0:
            break
    ecall(Extension.DBCN, Dbcn.WRITE, 24 - at, u64(digits + at), 0)  # noqa: F821


@fw
def print_line(text: ptr[u8], number: u64) -> None:
    """Print a text, a number and a newline."""
    print_text(text)
    print_number(number)
    print_text(b"\n")


@fw(noinline=True, noreturn=True)
def power_off(failed: bool) -> None:
    """End the VM."""
    reason = u64(ResetReason.NONE)
    if failed:
        reason = ResetReason.SYSTEM_FAILURE
    ecall(Extension.SRST, Srst.SYSTEM_RESET, ResetType.SHUTDOWN, reason)
    while True:
        wfi()
