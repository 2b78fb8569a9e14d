"""Functions that LLVM calls for block operations; they are linked only where they are used."""

from .data import ptr
from .function import fw
from .integers import u8, u64

__all__ = ["memcpy", "memset"]


@fw(export=True, no_builtins=True)
def memcpy(to: ptr[u8], source: ptr[u8], count: u64) -> ptr[u8]:
    """Copy bytes, by words where both ends are aligned."""
    done = u64(0)
    if ((u64(to) | u64(source)) & 7) == 0:
        words = count & ~7
        while done < words:
            ptr[u64](u64(to) + done)[0] = ptr[u64](u64(source) + done)[0]
            done += 8
    while done < count:
        to[done] = source[done]
        done += 1
    return to


@fw(export=True, no_builtins=True)
def memset(to: ptr[u8], byte: u64, count: u64) -> ptr[u8]:
    """Fill bytes, by words where the start is aligned."""
    done = u64(0)
    if (u64(to) & 7) == 0:
        pattern = (byte & 0xFF) * 0x0101_0101_0101_0101
        words = count & ~7
        while done < words:
            ptr[u64](u64(to) + done)[0] = pattern
            done += 8
    while done < count:
        to[done] = u8(byte)
        done += 1
    return to
