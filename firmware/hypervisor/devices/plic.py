"""A VM's interrupt controller: the PLIC's programming model with one working context, S mode of hart 0.

Context 1, as on the machine; context 0 (M mode) reads zero. Sources are levels (RISC-V PLIC
specification 1.0: priorities, pending and enable bits, threshold, claim and complete).
"""

from firmware.lang import array, fw, ptr, struct, u8, u64
from firmware.plic import PlicRegister
from rtl.isa.memory_map import PLIC_SOURCES
from rtl.isa.plic import PRIORITY_MAX

__all__ = ["Plic", "highest", "plic_level", "plic_read", "plic_write"]

SOURCES = ((1 << PLIC_SOURCES) - 1) << 1
"""One bit per source; source 0 does not exist."""
WORD = 0xFFFF_FFFF


@struct
class Plic:
    """State: a bit per source in each word. ``level`` is the device's line."""

    level: u64
    pending: u64
    claimed: u64
    enable: u64
    threshold: u64
    priority: array[u8, PLIC_SOURCES + 1]


@fw
def highest(p: ptr[Plic]) -> u64:
    """The source to claim, 0 for none: highest priority above the threshold, lowest number among equals."""
    waiting = p.pending & p.enable
    best = u64(0)
    level = p.threshold
    source = u64(0)
    while waiting != 0:
        if (waiting & 1) != 0 and u64(p.priority[source]) > level:
            best = source
            level = u64(p.priority[source])
        waiting >>= 1
        source += 1
    return best


@fw
def plic_level(p: ptr[Plic], source: u64, on: bool) -> None:
    """A device's line. A source that is being served becomes pending again only when completed."""
    bit = u64(1) << source
    if on:
        p.level |= bit
        p.pending |= bit & ~p.claimed
    else:
        p.level &= ~bit
        p.pending &= ~bit


@fw
def claim(p: ptr[Plic]) -> u64:
    """Take the highest source into service."""
    source = highest(p)
    if source != 0:
        bit = u64(1) << source
        p.pending &= ~bit
        p.claimed |= bit
    return source


@fw
def complete(p: ptr[Plic], source: u64) -> None:
    """End the service of a source."""
    bit = (u64(1) << source) & SOURCES
    p.claimed &= ~bit
    p.pending |= p.level & bit


@fw
def plic_read(p: ptr[Plic], offset: u64) -> u64:
    """A 32-bit register."""
    if offset <= 4 * PLIC_SOURCES:
        return u64(p.priority[offset >> 2])
    match offset:
        case PlicRegister.PENDING:
            return p.pending & WORD
        case PlicRegister.PENDING_HIGH:
            return p.pending >> 32
        case PlicRegister.ENABLE:
            return p.enable & WORD
        case PlicRegister.ENABLE_HIGH:
            return p.enable >> 32
        case PlicRegister.THRESHOLD:
            return p.threshold
        case PlicRegister.CLAIM:
            return claim(p)
        case _:
            return 0


@fw
def plic_write(p: ptr[Plic], offset: u64, value: u64) -> None:
    """Write a 32-bit register."""
    if offset >= 4 and offset <= 4 * PLIC_SOURCES:
        p.priority[offset >> 2] = u8(value) & PRIORITY_MAX
        return
    match offset:
        case PlicRegister.ENABLE:
            p.enable = ((p.enable & ~WORD) | (value & WORD)) & SOURCES
        case PlicRegister.ENABLE_HIGH:
            p.enable = ((p.enable & WORD) | (value << 32)) & SOURCES
        case PlicRegister.THRESHOLD:
            p.threshold = value & PRIORITY_MAX
        case PlicRegister.CLAIM:
            if value <= PLIC_SOURCES:
                complete(p, value)
        case _:
            pass
