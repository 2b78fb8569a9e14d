"""Lines of a checking guest's report."""

from firmware.guests.runtime import power_off, print_text
from firmware.lang import fw, ptr, static, u8, u64

__all__ = ["finish_report", "report"]

failures = static(u64)


@fw(noinline=True)
def report(name: ptr[u8], good: bool) -> None:
    """One line: the check's name, and how it went."""
    print_text(b"check: ")
    print_text(name)
    if good:
        print_text(b" ok\n")
    else:
        print_text(b" FAIL\n")
        failures.value += 1


@fw(noreturn=True)
def finish_report() -> None:
    """Power off; one failure makes it a system failure."""
    print_text(b"check: done\n")
    power_off(failures.value != 0)
