"""First-level TLB: fully associative, combined translations, looked up combinationally."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.isa.paging import ASID_BITS, LEVEL_BITS, PAGE_SHIFT, VMID_BITS
from rtl.mmu.interface import Fence
from rtl.mmu.tags import VPN_BITS, FillPort, Leaf, Space, fence_covers, same_page

__all__ = ["Tlb"]


class Tlb(wiring.Component):
    """``entries`` translations in flip-flops.

    Ports
    -----
    enable, vpn, space: what is looked up; ``found`` and ``leaf`` answer in the same cycle,
        ``leaf.ppn`` being the physical page of exactly ``vpn``
    fill: entries that overlap the new one are dropped
    fence_valid, fence, vmid: entries that the fence covers are dropped at the clock edge; no fill then
    """

    def __init__(self, entries: int) -> None:
        self.entries = entries
        super().__init__(
            {
                "vpn": In(VPN_BITS),
                "space": In(Space),
                "enable": In(1),
                "found": Out(1),
                "leaf": Out(Leaf),
                "fill": In(FillPort),
                "fence_valid": In(1),
                "fence": In(Fence),
                "vmid": In(VMID_BITS),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        count = self.entries
        valid = Signal(count)
        vpns = [Signal(VPN_BITS, name=f"vpn_{i}") for i in range(count)]
        spaces = [Signal(Space, name=f"space_{i}") for i in range(count)]
        leaves = [Signal(Leaf, name=f"leaf_{i}") for i in range(count)]
        match = Signal(count)
        self._look_up(m, valid, vpns, spaces, leaves, match)
        self._replace(m, valid, vpns, spaces, leaves)
        return m

    def _look_up(self, m: Module, valid, vpns, spaces, leaves, match) -> None:
        key = Signal(VPN_BITS + Space.as_shape().size)
        m.d.comb += key.eq(Cat(self.vpn, self.space.as_value()))
        rest = len(key) - VPN_BITS - ASID_BITS
        with m.If(self.enable):
            for i, (vpn, space, leaf) in enumerate(zip(vpns, spaces, leaves, strict=True)):
                care = Cat(
                    ~leaf.mega.replicate(LEVEL_BITS),
                    ~leaf.giga.replicate(LEVEL_BITS),
                    Const(-1, VPN_BITS - 2 * LEVEL_BITS),
                    ~leaf.all_asids.replicate(ASID_BITS),
                    Const(-1, rest),
                )
                differs = (Cat(vpn, space.as_value()) ^ key) & care
                m.d.comb += match[i].eq(valid[i] & (differs == 0))
        chosen = Signal(Leaf)
        word = 0
        for i, leaf in enumerate(leaves):
            word = word | Mux(match[i], leaf.as_value(), 0)
        low, high = LEVEL_BITS, 2 * LEVEL_BITS
        m.d.comb += [
            chosen.as_value().eq(word),
            self.found.eq(match.any()),
            self.leaf.eq(chosen),
            self.leaf.ppn.eq(
                Cat(
                    Mux(chosen.mega, self.vpn[:low], chosen.ppn[:low]),
                    Mux(chosen.giga, self.vpn[low:high], chosen.ppn[low:high]),
                    chosen.ppn[high:],
                )
            ),
        ]

    def _replace(self, m: Module, valid, vpns, spaces, leaves) -> None:
        fill = self.fill
        victim = Signal(range(self.entries))
        turn = Signal(range(self.entries))
        overlap = Signal(self.entries)
        m.d.comb += victim.eq(turn)
        for i in reversed(range(self.entries)):
            with m.If(~valid[i]):
                m.d.comb += victim.eq(i)
        for i, (vpn, space, leaf) in enumerate(zip(vpns, spaces, leaves, strict=True)):
            with m.If(self.fence_valid):
                here = same_page(
                    vpn,
                    self.fence.address[PAGE_SHIFT : PAGE_SHIFT + VPN_BITS],
                    leaf.stage1_mega,
                    leaf.stage1_giga,
                )
                with m.If(fence_covers(self.fence, self.vmid, space, leaf, here)):
                    m.d.sync += valid[i].eq(0)
            with m.Elif(fill.valid):
                here = same_page(vpn, fill.vpn, leaf.mega | fill.leaf.mega, leaf.giga | fill.leaf.giga)
                any_asid = leaf.all_asids | fill.leaf.all_asids | (space.asid == fill.space.asid)
                m.d.comb += overlap[i].eq(
                    here & any_asid & ~(space.as_value() ^ fill.space.as_value())[ASID_BITS:].any()
                )
                with m.If(victim == i):
                    m.d.sync += [
                        valid[i].eq(1),
                        vpn.eq(fill.vpn),
                        space.eq(fill.space),
                        leaf.eq(fill.leaf),
                    ]
                with m.Elif(overlap[i]):
                    m.d.sync += valid[i].eq(0)
        with m.If(fill.valid & ~self.fence_valid & valid.all()):
            m.d.sync += turn.eq(Mux(turn == self.entries - 1, 0, turn + 1))
