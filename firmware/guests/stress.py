"""Goes through what a hypervisor must get right for a guest, check by check, and powers off.

Each check prints its name with `ok` or `FAIL`; one failure makes the VM report a system failure.
"""

from firmware.guests.runtime import code, guest_image, power_off, print_text
from firmware.guests.stress_checks import (
    check_fetch_nowhere,
    check_hypervisor_register,
    check_ipi,
    check_load_nowhere,
    check_page_tables,
    check_sbi,
    check_store_nowhere,
    check_touch,
    check_uart_interrupt,
    check_uart_registers,
    check_unknown_register,
    check_wfi_timer,
)
from firmware.guests.stress_probes import probes, trap
from firmware.lang import fw, module_asm, ptr, static, u8, u64

__all__ = ["image"]

failures = static(u64)


@fw(noinline=True)
def report(name: ptr[u8], good: bool) -> None:
    """One line of the report."""
    print_text(b"stress: ")
    print_text(name)
    if good:
        print_text(b" ok\n")
    else:
        print_text(b" FAIL\n")
        failures.value += 1


@fw(export=True)
def main() -> None:
    """The guest."""
    report(b"sbi answers", check_sbi())
    report(b"ipi to itself", check_ipi())
    report(b"unknown register is illegal", check_unknown_register())
    report(b"hypervisor register is illegal", check_hypervisor_register())
    report(b"load from nowhere", check_load_nowhere())
    report(b"store to nowhere", check_store_nowhere())
    report(b"fetch from nowhere", check_fetch_nowhere())
    report(b"memory on demand", check_touch())
    report(b"page tables", check_page_tables())
    report(b"wfi and timer", check_wfi_timer())
    report(b"uart registers", check_uart_registers())
    report(b"uart interrupt through plic", check_uart_interrupt())
    print_text(b"stress: done\n")
    power_off(failures.value != 0)


module_asm(code(main, trap))
module_asm(probes())

image = guest_image("stress", main, trap)
