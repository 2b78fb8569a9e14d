"""Goes through what a hypervisor must get right for a guest, check by check, and powers off.

Each check prints its name with `ok` or `FAIL`; one failure makes the VM report a system failure.
"""

from firmware.guests.report import finish_report, report
from firmware.guests.runtime import code, guest_image
from firmware.guests.stress_checks import (
    check_fetch_nowhere,
    check_hypervisor_register,
    check_load_nowhere,
    check_page_tables,
    check_store_nowhere,
    check_touch,
    check_uart_interrupt,
    check_uart_registers,
    check_unknown_register,
    check_wfi_timer,
)
from firmware.guests.stress_probes import probes, trap
from firmware.lang import fw, module_asm

__all__ = ["image"]


@fw(export=True)
def main() -> None:
    """The guest."""
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
    finish_report()


module_asm(code(main, trap))
module_asm(probes())

image = guest_image("stress", main, trap)
