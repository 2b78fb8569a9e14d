"""The first-level TLB answers with the newest translation of just this page in just this space, or not at
all."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib.wiring import In

from cosim.formal.proof import Proof, assume, assume_stable, claim
from rtl.isa.paging import LEVEL_BITS, VMID_BITS
from rtl.mmu.interface import Fence
from rtl.mmu.tags import VPN_BITS, Leaf, Space
from rtl.mmu.tlb import Tlb
from tests.formal.proofs.coverage import fence_reaches, well_formed, well_formed_fill

__all__ = ["TlbProof"]


class TlbProof(Proof):
    """A TLB with two entries; any sequence of fills and fences in 7 cycles; one arbitrary page in one
    arbitrary space is watched and looked up in every cycle.

    ``kept`` is the newest fill that maps the page and that no fence has reached. Claims: a hit is only with
    such a fill, and its answer is that fill's; so there is no hit across V, VMID, ASID (unless the mapping is
    global) or page, none after a fence that reaches the translation, and none of an overwritten translation.

    Assumptions: fills are as the walker makes them (``well_formed_fill``).
    """

    depth = 7

    def __init__(self) -> None:
        super().__init__(
            {
                "vpn": In(VPN_BITS),
                "space": In(Space),
                "fill_valid": In(1),
                "fill_vpn": In(VPN_BITS),
                "fill_space": In(Space),
                "fill_leaf": In(Leaf),
                "fence_valid": In(1),
                "fence": In(Fence),
                "vmid": In(VMID_BITS),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.tlb = tlb = Tlb(2)
        fill = tlb.fill
        m.d.comb += [
            tlb.enable.eq(1),
            tlb.vpn.eq(self.vpn),
            tlb.space.eq(self.space),
            fill.valid.eq(self.fill_valid),
            fill.vpn.eq(self.fill_vpn),
            fill.space.eq(self.fill_space),
            fill.leaf.eq(self.fill_leaf),
            tlb.fence_valid.eq(self.fence_valid),
            tlb.fence.eq(self.fence),
            tlb.vmid.eq(self.vmid),
        ]
        assume_stable(m, Cat(self.vpn, self.space))
        assume(m, well_formed(self.vpn, self.space), ~self.fill_valid | well_formed_fill(fill))

        kept = Signal(Leaf)
        usable = Signal()
        with m.If(self.fence_valid):
            with m.If(fence_reaches(self.fence, self.vmid, self.vpn, self.space, kept)):
                m.d.sync += usable.eq(0)
        with m.Elif(self.fill_valid & self._maps(fill)):
            m.d.sync += [usable.eq(1), kept.eq(self.fill_leaf)]

        low, high = LEVEL_BITS, 2 * LEVEL_BITS
        page = Cat(
            Mux(kept.mega, self.vpn[:low], kept.ppn[:low]),
            Mux(kept.giga, self.vpn[low:high], kept.ppn[low:high]),
            kept.ppn[high:],
        )
        claim(m, "hit_is_legitimate", ~tlb.found | usable)
        claim(m, "page_is_the_newest", ~(tlb.found & usable) | (tlb.leaf.ppn == page))
        claim(m, "rights_are_the_newest", ~(tlb.found & usable) | (tlb.leaf.rights == kept.rights))
        return m

    def _maps(self, fill):
        """The fill is a translation of the page watched."""
        ours, theirs, leaf = self.space, fill.space, fill.leaf
        different = self.vpn ^ fill.vpn
        low, high = LEVEL_BITS, 2 * LEVEL_BITS
        return (
            (different[high:] == 0)
            & (leaf.giga | (different[low:high] == 0))
            & (leaf.mega | (different[:low] == 0))
            & (
                Cat(ours.vmid, ours.virt, ours.stage1, ours.stage2)
                == Cat(theirs.vmid, theirs.virt, theirs.stage1, theirs.stage2)
            )
            & (leaf.all_asids | (ours.asid == theirs.asid))
        )
