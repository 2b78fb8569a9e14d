"""The second-level TLB never answers with a translation of another space or page, or one that a fence
reached."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.wiring import In

from cosim.formal.proof import Proof, assume, assume_stable, claim, past
from rtl.isa.paging import PPN_BITS, VMID_BITS
from rtl.mmu.interface import Fence
from rtl.mmu.second_level import SecondLevelTlb
from rtl.mmu.tags import VPN_BITS, Leaf, Space
from tests.formal.proofs.coverage import fence_reaches, well_formed_fill

__all__ = ["SecondLevelProof"]


class SecondLevelProof(Proof):
    """A TLB of two sets and two ways; any sequence of look-ups, fills and fences in 8 cycles.

    One fill is watched: the one whose translation has the physical page ``mark``, an arbitrary number that
    no other fill has. Claims: an answer with that page is the watched fill's, whole, for its page, V, VMID
    and (if not global) ASID, and there is none after a fence that reaches it. (Which of several
    translations that no fence has reached it gives is open: the specification allows each.)

    Assumptions, from how the walker uses it: a look-up starts with ``read``; the page stays on ``vpn`` and
    the space on ``space`` until the next; at most one fill follows each look-up, for its page and space.
    """

    depth = 8

    def __init__(self) -> None:
        super().__init__(
            {
                "mark": In(PPN_BITS),
                "read": In(1),
                "read_vpn": In(VPN_BITS),
                "vpn": In(VPN_BITS),
                "space": In(Space),
                "fill_valid": In(1),
                "fill_leaf": In(Leaf),
                "fence_valid": In(1),
                "fence": In(Fence),
                "vmid": In(VMID_BITS),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.tlb = tlb = SecondLevelTlb(2, 2)
        fill = tlb.fill
        m.d.comb += [
            tlb.enable.eq(1),
            tlb.read.eq(self.read),
            tlb.read_vpn.eq(self.read_vpn),
            tlb.vpn.eq(self.vpn),
            tlb.space.eq(self.space),
            fill.valid.eq(self.fill_valid),
            fill.vpn.eq(self.vpn),
            fill.space.eq(self.space),
            fill.leaf.eq(self.fill_leaf),
            tlb.fence_valid.eq(self.fence_valid),
            tlb.fence.eq(self.fence),
        ]
        first = past(m, self.read)
        looked_up = Signal()
        with m.If(self.read):
            m.d.sync += looked_up.eq(1)
        with m.Elif(self.fill_valid):
            m.d.sync += looked_up.eq(0)
        held = past(m, Cat(self.vpn, self.space)) == Cat(self.vpn, self.space)
        assume_stable(m, self.mark)
        assume(
            m,
            ~first | (self.vpn == past(m, self.read_vpn)),
            first | held,
            ~self.fill_valid | (looked_up & ~self.read & well_formed_fill(fill)),
        )

        seen = Signal()
        usable = Signal()
        vpn, space, leaf = Signal(VPN_BITS), Signal(Space), Signal(Leaf)
        marked = self.fill_valid & (self.fill_leaf.ppn == self.mark)
        assume(m, ~(marked & seen))
        with m.If(self.fence_valid):
            with m.If(fence_reaches(self.fence, self.vmid, vpn, space, leaf)):
                m.d.sync += usable.eq(0)
        with m.Elif(marked):
            m.d.sync += [seen.eq(1), usable.eq(1), vpn.eq(self.vpn), space.eq(self.space)]
            m.d.sync += leaf.eq(self.fill_leaf)

        found = first & tlb.found & (tlb.leaf.ppn == self.mark)
        regime = Cat(space.virt, space.vmid, space.stage1, space.stage2)
        asked = Cat(self.space.virt, self.space.vmid, self.space.stage1, self.space.stage2)
        claim(m, "hit_is_legitimate", ~found | (usable & (vpn == self.vpn) & (regime == asked)))
        claim(m, "asid_matches", ~found | leaf.all_asids | (space.asid == self.space.asid))
        claim(m, "translation_is_whole", ~found | (tlb.leaf == leaf))
        return m
