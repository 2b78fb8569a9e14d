"""Faults of physical memory protection."""

from cosim.mutation.fault import Fault

__all__ = ["PMP_FAULTS"]

_CHECK, _REGISTERS = "rtl/mmu/pmp.py", "rtl/core/csr/pmp.py"

PMP_FAULTS = (
    Fault(
        "pmp_lock_m",
        "a locked PMP entry does not bind M mode",
        _CHECK,
        old="(check.machine & ~region.locked)",
        new="(check.machine & (~region.locked | FAULT))",
        programs=("pmp",),
    ),
    Fault(
        "pmp_tor_bottom",
        "a TOR entry begins at address zero",
        _CHECK,
        old="not_before = ~below[i - 1] if i else 1",
        new="not_before = (~below[i - 1] | FAULT) if i else 1",
        programs=("pmp",),
    ),
    Fault(
        "pmp_uniform",
        "a superpage's TLB entry reaches across a small PMP region",
        _CHECK,
        old="(inside & ~ignore[LEVEL_BITS - 1])",
        new="(inside & ~ignore[LEVEL_BITS - 1] & ~FAULT)",
        programs=("h_kept_translations",),
    ),
    Fault(
        "pmp_lock_write",
        "a locked PMP entry's configuration can be written",
        _REGISTERS,
        old="with m.If(~config[_LOCK]):",
        new="with m.If(~config[_LOCK] | FAULT):",
        programs=("pmp",),
    ),
    Fault(
        "pmp_lock_below",
        "the address below a locked TOR entry can be written",
        _REGISTERS,
        old="locked |= above[_LOCK] &",
        new="locked |= ~FAULT & above[_LOCK] &",
        programs=("pmp",),
    ),
    Fault(
        "pmp_w_without_r",
        "pmpcfg keeps W without R",
        _REGISTERS,
        old="return Cat(read, write & read,",
        new="return Cat(read, write & (read | FAULT),",
        programs=("pmp_write_only",),
    ),
)
