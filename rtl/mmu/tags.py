"""What cached translations are tagged with, what they hold, and which of them a fence covers."""

from amaranth.hdl import Cat, Const, Mux, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import Out

from rtl.isa.paging import ASID_BITS, GPA_BITS, LEVEL_BITS, PAGE_SHIFT, PPN_BITS, VA_BITS, VMID_BITS, AtpMode
from rtl.mmu.interface import FenceOp
from rtl.mmu.permissions import Rights

__all__ = [
    "VPN_BITS",
    "FillPort",
    "Leaf",
    "Space",
    "care_mask",
    "fence_covers",
    "in_range",
    "same_page",
    "space_of",
]

VPN_BITS = GPA_BITS - PAGE_SHIFT
"""Page-number bits of a tag: Sv39 needs 27, a guest physical address (VS stage Bare) 29."""


class Space(data.Struct):
    """Address space and translation regime of a virtual address."""

    asid: ASID_BITS
    vmid: VMID_BITS
    """Zero if V = 0."""
    virt: 1
    stage1: 1
    """satp or vsatp is not Bare."""
    stage2: 1
    """V = 1 and hgatp is not Bare."""


class Leaf(data.Struct):
    """A finished translation. ``mega``/``giga``: it holds for the whole 2 MiB/1 GiB (smallest of both
    stages' leaves and of the PMP's uniform area); ``stage1_*``: size of the first stage's leaf alone, which
    says which addresses a fence reaches it by. ``ppn`` is the page number of the 4 KiB page asked for."""

    ppn: PPN_BITS
    rights: Rights
    mega: 1
    giga: 1
    stage1_mega: 1
    stage1_giga: 1
    all_asids: 1
    """Global mapping, or no first stage: the ASID does not matter."""


FillPort = wiring.Signature({"valid": Out(1), "vpn": Out(VPN_BITS), "space": Out(Space), "leaf": Out(Leaf)})
"""A translation to be kept. No two entries that match one address may ever stand beside each other."""


def space_of(context, virt: Value) -> dict:
    """Initial value of the Space of an access (not from M mode) with V = ``virt``."""
    atp = Mux(virt, context.vsatp, context.satp)
    atp = data.View(context.satp.shape(), atp)
    return {
        "asid": atp.asid,
        "vmid": Mux(virt, context.hgatp.vmid, 0),
        "virt": virt,
        "stage1": atp.mode == AtpMode.SV39,
        "stage2": virt & (context.hgatp.mode == AtpMode.SV39),
    }


def in_range(vaddr: Value, stage1: Value) -> Value:
    """Sv39: bits 63:39 equal bit 38. Else it is a guest physical address: bits 63:41 are zero."""
    upper = vaddr[VA_BITS - 1 :]
    return Mux(stage1, upper.all() | ~upper.any(), ~vaddr[GPA_BITS:].any())


def same_page(a: Value, b: Value, mega: Value, giga: Value) -> Value:
    """Page numbers ``a`` and ``b`` lie in one page of the size given."""
    diff = a ^ b
    return (
        ~diff[2 * LEVEL_BITS :].any()
        & (giga | ~diff[LEVEL_BITS : 2 * LEVEL_BITS].any())
        & (mega | ~diff[:LEVEL_BITS].any())
    )


def care_mask(mega: Value, giga: Value) -> Value:
    """Bits of a page number that a page of this size is told by (a constant per size, not bits repeated:
    that is what simulates fast)."""
    ones = (1 << LEVEL_BITS) - 1
    upper = Const(-1, VPN_BITS - 2 * LEVEL_BITS)
    low, high = Mux(mega, 0, ones), Mux(giga, 0, ones)
    return Cat(low[:LEVEL_BITS], high[:LEVEL_BITS], upper)


def fence_covers(fence, vmid: Value, space, leaf, here: Value) -> Value:
    """The fence must invalidate the entry.

    ``here``: fence address and entry lie in one page of the first stage's leaf size; ``vmid``: hgatp.VMID.
    G-stage fences take everything of the VMID: an entry does not know its guest physical address.
    (Supervisor chapter, SFENCE.VMA; H chapter, HFENCE.VVMA and HFENCE.GVMA.)
    """
    own = ~leaf.all_asids & (space.asid == fence.id)
    chosen = (here | ~fence.by_address) & (own | ~fence.by_id)
    host = (fence.op == FenceOp.SFENCE) & ~space.virt & chosen
    guest = (fence.op == FenceOp.VVMA) & space.virt & (space.vmid == vmid) & chosen
    second = (fence.op == FenceOp.GVMA) & space.virt & (~fence.by_id | (space.vmid == fence.id[:VMID_BITS]))
    return (fence.op == FenceOp.ALL) | host | guest | second
