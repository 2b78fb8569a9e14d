"""A guest's load or store: from its bits as they stand in memory to the form that `devices.mmio` decodes.

That form is the transformed instruction of the H extension (`rtl.isa.htinst`), made here for exits that do
not bring one. Compressed forms: unprivileged spec, "C" Extension, "Load and Store Instructions".
"""

from firmware.lang import fw, i64, ptr, u64
from rtl.isa.instructions import Opcode

__all__ = ["transformed"]

SP = 2
WORD_KIND = 2
"""funct3 of a load or store of 4 bytes; 8 bytes is one more."""
LENGTH_BIT = 2
"""Set in the result for an instruction of 4 bytes."""


@fw
def field(word: u64, high: u64, low: u64) -> u64:
    """Bits ``high`` to ``low``."""
    return (word >> low) & ((u64(2) << (high - low)) - 1)


@fw
def near_offset(word: u64, double: bool) -> u64:
    """Offset of C.LW, C.SW, C.LD and C.SD."""
    offset = field(word, 12, 10) << 3
    if double:
        return offset | (field(word, 6, 5) << 6)
    return offset | (field(word, 6, 6) << 2) | (field(word, 5, 5) << 6)


@fw
def stack_offset(word: u64, double: bool, is_store: bool) -> u64:
    """Offset of C.LWSP, C.LDSP, C.SWSP and C.SDSP."""
    if is_store:
        if double:
            return (field(word, 12, 10) << 3) | (field(word, 9, 7) << 6)
        return (field(word, 12, 9) << 2) | (field(word, 8, 7) << 6)
    if double:
        return (field(word, 12, 12) << 5) | (field(word, 6, 5) << 3) | (field(word, 4, 2) << 6)
    return (field(word, 12, 12) << 5) | (field(word, 6, 4) << 2) | (field(word, 3, 2) << 6)


@fw(noinline=True)
def transformed(x: ptr[u64], word: u64, address: u64) -> u64:
    """The load or store ``word``, which faulted at virtual ``address`` with the registers ``x``; 0 if it is
    something else. Where rs1 was stands how far behind the access's begin it faulted."""
    is_store = False
    kind = field(word, 14, 12)
    length = u64(LENGTH_BIT)
    base = field(word, 19, 15)
    register = field(word, 11, 7)
    offset = u64(i64(word << 32) >> 52)
    if (word & 3) != 3:
        if (word & 1) != 0 or field(word, 14, 14) == 0:
            return 0
        is_store = field(word, 15, 15) != 0
        double = field(word, 13, 13) != 0
        kind = WORD_KIND + u64(double)
        length = 0
        if (word & 3) == 0:
            base = field(word, 9, 7) + 8
            register = field(word, 4, 2) + 8
            offset = near_offset(word, double)
        else:
            base = SP
            offset = stack_offset(word, double, is_store)
            if is_store:
                register = field(word, 6, 2)
    elif (word & 0x7F) == Opcode.STORE:
        is_store = True
        offset = (offset & ~0x1F) | register
        register = field(word, 24, 20)
    elif (word & 0x7F) != Opcode.LOAD:
        return 0
    distance = (address - (x[base] + offset)) & 31
    if is_store:
        return (Opcode.STORE & ~LENGTH_BIT) | length | (kind << 12) | (distance << 15) | (register << 20)
    return (Opcode.LOAD & ~LENGTH_BIT) | length | (register << 7) | (kind << 12) | (distance << 15)
