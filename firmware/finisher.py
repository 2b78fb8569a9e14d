"""Ending the simulation or the machine through the test finisher."""

from firmware.lang import fw, store32, u32, u64, wfi
from firmware.uart import uart_flush
from rtl.isa.memory_map import FINISHER, FINISHER_FAIL, FINISHER_PASS, FINISHER_RESET

__all__ = ["finish", "reset"]


@fw(noinline=True, noreturn=True)
def finish(status: u64) -> None:
    """Power off: 0 passes, any other status (16 bits) becomes the simulator's exit code."""
    uart_flush()
    if status == 0:
        store32(FINISHER.base, FINISHER_PASS)
    else:
        store32(FINISHER.base, u32(status << 16) | FINISHER_FAIL)
    while True:
        wfi()


@fw(noinline=True, noreturn=True)
def reset() -> None:
    """Reset the machine."""
    uart_flush()
    store32(FINISHER.base, FINISHER_RESET)
    while True:
        wfi()
