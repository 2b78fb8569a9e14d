"""Ports of the caches. All are seen from the requester.

The instruction cache and the load/store unit's port work in two stages, so that the arrays are read
with the (untranslated) page offset while the TLB translates:

* stage 0: ``index_valid`` with the page offset; taken in a cycle with ``index_ready``.
* stage 1, from the next cycle on: ``valid`` with the physical address. The request is held stable until
  ``done``, which comes in the same cycle if the line hits and the arrays' output in this cycle belongs to
  this address. Whenever it does not (a miss, or another requester used the arrays in between), the cache
  reads the arrays again by itself.

A requester may offer the next stage 0 in the cycle of ``done``: one access per cycle.
"""

from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from rtl.isa.memory_map import BOOT_ROM, DRAM_BASE, DRAM_SIZE_MAX
from rtl.isa.paging import PA_BITS

__all__ = [
    "DRAM_ADDRESS_BITS",
    "CacheOp",
    "CoherentPort",
    "DataPort",
    "FetchPort",
    "is_cacheable",
    "is_executable",
]

DRAM_ADDRESS_BITS = DRAM_SIZE_MAX.bit_length() - 1
"""Address bits inside DRAM."""


def is_cacheable(paddr):
    """Physical memory attribute: DRAM (0x80000000 up to 1 GiB) is cacheable, all else is a device.

    ``paddr`` is a 56-bit value; returns a 1-bit value.
    """
    return paddr[DRAM_ADDRESS_BITS:] == DRAM_BASE >> DRAM_ADDRESS_BITS


def is_executable(paddr):
    """Physical memory attribute: DRAM and the boot ROM; a device must not be touched by a speculative fetch.

    ``paddr`` is a 56-bit value; returns a 1-bit value.
    """
    return is_cacheable(paddr) | (paddr[16:] == BOOT_ROM.base >> 16)


class CacheOp(enum.Enum, shape=2):
    """What a data-side request does to the aligned 64-bit word at its address."""

    READ = 0
    WRITE = 1
    CAS = 2
    """Write ``wdata`` if the word equals ``expected`` (walker's A/D update), in one indivisible step."""
    CLEAN = 3
    """Write the line back to memory if it is dirty (before the instruction cache reads it). ``swapped`` says
    that memory was not current in the cycle in which the request was taken."""


FetchPort = wiring.Signature(
    {
        "index_valid": Out(1),
        "index": Out(12),
        "index_ready": In(1),
        "valid": Out(1),
        "paddr": Out(PA_BITS),
        "done": In(1),
        "data": In(64),
        "error": In(1),
        "flush": Out(1),
    }
)
"""Fetch of the aligned 64-bit word at ``paddr``. Unlike loads, a fetch may be withdrawn or changed before
``done`` (redirect); a refill under way then ends silently. ``flush`` (fence.i) invalidates every line.
Fetches from devices other than DRAM (boot ROM) are not cached. ``error``, with ``done``: bus error."""

DataPort = wiring.Signature(
    {
        "index_valid": Out(1),
        "index": Out(12),
        "index_ready": In(1),
        "valid": Out(1),
        "paddr": Out(PA_BITS),
        "op": Out(CacheOp),
        "size": Out(2),
        "wdata": Out(64),
        "wmask": Out(8),
        "lock": Out(1),
        "done": In(1),
        "rdata": In(64),
        "error": In(1),
    }
)
"""Loads and stores (``op`` READ or WRITE). ``wdata`` stands in its byte lanes, ``rdata`` is the aligned
word. ``size`` (log2 bytes) matters to devices only; an access never crosses an aligned 64-bit word.
``lock`` is up from the read to the write of an AMO: no other requester writes memory between the two. It may
rise before the read is ``valid``; until then it keeps nobody out. A write is done when it cannot fail any
more; every later read of any port sees it. A request may be withdrawn before ``done``, except to a device
(a store-conditional that loses its reservation to ``snoop``)."""

CoherentPort = wiring.Signature(
    {
        "valid": Out(1),
        "ready": In(1),
        "paddr": Out(PA_BITS),
        "op": Out(CacheOp),
        "wdata": Out(64),
        "wmask": Out(8),
        "expected": Out(64),
        "done": In(1),
        "rdata": In(64),
        "swapped": In(1),
        "error": In(1),
    }
)
"""The page-table walker's, the DMA port's and the instruction cache's way through the data cache.
A request is taken in a cycle with ``valid`` and ``ready`` (the arrays are read); ``done`` comes for one
cycle, at the earliest in the next. One request at a time. Not for devices: an address outside DRAM
answers with ``error``."""
