"""Goes through what a guest may do with page tables, which shadow paging must keep true.

Natively the hart itself does it, so every answer is the machine's own.
"""

from firmware.guests.paging_checks import (
    check_accessed_dirty,
    check_alias,
    check_bare_user,
    check_fences,
    check_large_pages,
    check_malformed,
    check_permissions,
    check_satp,
    check_self_map,
    check_spaces,
    check_table_reuse,
    check_user,
    prepare,
)
from firmware.guests.paging_probes import probes, trap
from firmware.guests.report import finish_report, report
from firmware.guests.runtime import code, guest_image
from firmware.lang import fw, module_asm

__all__ = ["image"]


@fw(export=True)
def main() -> None:
    """The guest."""
    report(b"user mode without paging", check_bare_user())
    prepare()
    report(b"satp", check_satp())
    report(b"fences", check_fences())
    report(b"two addresses of a page", check_alias())
    report(b"permissions", check_permissions())
    report(b"accessed and dirty", check_accessed_dirty())
    report(b"malformed entries", check_malformed())
    report(b"large pages", check_large_pages())
    report(b"address spaces", check_spaces())
    report(b"tables that map themselves", check_self_map())
    report(b"tables become data", check_table_reuse())
    report(b"user mode", check_user())
    finish_report()


module_asm(code(main, trap))
module_asm(probes())

image = guest_image("paging", main, trap)
