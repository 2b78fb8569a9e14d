"""Traps into M mode: SBI calls of the next stage, interrupts to pass on, and faults to report."""

from firmware.finisher import finish
from firmware.lang import csr, fw, ptr, store32, u64
from firmware.monitor.calls import call
from firmware.text import print_hex, print_text
from rtl.isa.causes import INTERRUPT_BIT, Cause, Interrupt
from rtl.isa.memory_map import CLINT, CLINT_MSIP

__all__ = ["SAVED", "STATUS_FAULT", "monitor_trap"]

SAVED = (1, 5, 6, 7, *range(10, 18), *range(28, 32))
"""Registers that compiled code may change: ra, t0-t6, a0-a7."""

STATUS_FAULT = 254
"""Exit status of the machine when the next stage did what it must not."""


class Trap:
    """mcause values handled here, as `match` wants them (dotted)."""

    CALL = Cause.ECALL_HS
    TIMER = INTERRUPT_BIT | Interrupt.MTI
    SOFTWARE = INTERRUPT_BIT | Interrupt.MSI


@fw(noinline=True, noreturn=True)
def fault() -> None:
    """Report a trap that nobody handles, and stop the machine."""
    print_text(b"[monitor] unexpected trap: mcause=")
    print_hex(csr.mcause)
    print_text(b" mepc=")
    print_hex(csr.mepc)
    print_text(b" mtval=")
    print_hex(csr.mtval)
    print_text(b" mstatus=")
    print_hex(csr.mstatus)
    print_text(b"\n")
    finish(STATUS_FAULT)


@fw(export=True)
def monitor_trap(x: ptr[u64]) -> None:
    """Handle the trap that mcause tells; ``x`` are the interrupted registers by number."""
    match csr.mcause:
        case Trap.CALL:
            csr.mepc = csr.mepc + 4
            call(x)
        case Trap.TIMER:
            csr.mie &= ~(1 << Interrupt.MTI)
            csr.mip |= 1 << Interrupt.STI
        case Trap.SOFTWARE:
            store32(CLINT.base + CLINT_MSIP, 0)
            csr.mip |= 1 << Interrupt.SSI
        case _:
            fault()
