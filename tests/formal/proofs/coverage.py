"""Which translations a fence reaches, as the specification says it: about pages and identifiers, not tags.

Sources: Supervisor chapter, SFENCE.VMA; H chapter, HFENCE.VVMA and HFENCE.GVMA. Written independently of
``rtl.mmu.tags.fence_covers``.
"""

from amaranth.hdl import Mux, Value

from rtl.isa.paging import LEVEL_BITS, PAGE_SHIFT, VA_BITS, VMID_BITS
from rtl.mmu.interface import FenceOp

__all__ = ["fence_reaches", "is_valid", "well_formed", "well_formed_fill"]

_VA_PAGE_BITS = VA_BITS - PAGE_SHIFT


def is_valid(address: Value) -> Value:
    """Bits 63:38 of a virtual address, or the upper ones of a virtual page number, are all equal."""
    upper = address[VA_BITS - 1 :] if len(address) == 64 else address[_VA_PAGE_BITS - 1 :]
    return upper.all() | ~upper.any()


def _holds(vpn: Value, address: Value, mega: Value, giga: Value) -> Value:
    """The page of that size around page number ``vpn`` holds the virtual ``address``. One that is not valid
    (bits 63:38 are not all equal) is in no page, and the fence has no effect."""
    page = address[PAGE_SHIFT:VA_BITS]
    ours = vpn[:_VA_PAGE_BITS]
    return is_valid(address) & Mux(
        giga,
        page[2 * LEVEL_BITS :] == ours[2 * LEVEL_BITS :],
        Mux(mega, page[LEVEL_BITS:] == ours[LEVEL_BITS:], page == ours),
    )


def fence_reaches(fence, current_vmid: Value, vpn: Value, space, leaf) -> Value:
    """Afterwards the translation of page ``vpn`` in ``space``, found as ``leaf``, must not be used any more.

    Fences of the first stage reach what has a first stage. A fence of the second stage by guest physical
    address must be taken to reach everything of its VMID, since a translation does not know that address.
    """
    by_page = ~fence.by_address | _holds(vpn, fence.address, leaf.stage1_mega, leaf.stage1_giga)
    by_asid = ~fence.by_id | (~leaf.all_asids & (fence.id == space.asid))
    first = space.stage1 & by_page & by_asid
    reached_by = {
        FenceOp.SFENCE: first & ~space.virt,
        FenceOp.VVMA: first & space.virt & (space.vmid == current_vmid),
        FenceOp.GVMA: space.stage2 & (~fence.by_id | (fence.id[:VMID_BITS] == space.vmid)),
        FenceOp.ALL: Value.cast(1),
    }
    reaches = Value.cast(0)
    for op, condition in reached_by.items():
        reaches = reaches | ((fence.op == op) & condition)
    return reaches


def well_formed(vpn: Value, space) -> Value:
    """As ``rtl.mmu.tags.space_of`` makes spaces: V = 0 has no VMID and no second stage. Page numbers under
    a first stage come from valid addresses: others are refused before they reach a TLB."""
    known = (space.virt | ((space.vmid == 0) & ~space.stage2)) & (space.stage1 | space.stage2)
    return known & (~space.stage1 | is_valid(vpn))


def well_formed_fill(fill) -> Value:
    """Fills as the walker makes them: sizes nest; without a first stage the ASID does not matter."""
    leaf, space = fill.leaf, fill.space
    nested = (leaf.mega | ~leaf.giga) & (leaf.stage1_mega | ~leaf.stage1_giga)
    smallest = ~space.stage1 | ((~leaf.mega | leaf.stage1_mega) & (~leaf.giga | leaf.stage1_giga))
    bare = space.stage1 | leaf.all_asids
    return well_formed(fill.vpn, space) & nested & smallest & bare
