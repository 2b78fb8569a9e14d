"""Second-level TLB: set-associative, in memory blocks, shared by both first-level TLBs."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from rtl.isa.paging import ASID_BITS, PAGE_SHIFT
from rtl.mmu.interface import Fence, FenceOp
from rtl.mmu.tags import VPN_BITS, FillPort, Leaf, Space

__all__ = ["SecondLevelTlb"]


class SecondLevelTlb(wiring.Component):
    """Translations by 4 KiB page; a superpage is kept once for each of its pages that was asked for.

    The valid bits stand in flip-flops, so that a fence takes one cycle. A fence is coarser than in the
    first level: by address it clears the set and everything that came from a first-stage superpage, else all
    entries of its virtualization mode.

    Ports
    -----
    read, read_vpn: start a look-up
    enable, vpn, space: held by the caller from the next cycle on; ``found`` and ``leaf`` then answer
    fill: replaces the entry found, if any, else an invalid way or the next one in turn; only while ``enable``
    """

    def __init__(self, sets: int, ways: int) -> None:
        self.sets = sets
        self.ways = ways
        super().__init__(
            {
                "read": In(1),
                "read_vpn": In(VPN_BITS),
                "enable": In(1),
                "vpn": In(VPN_BITS),
                "space": In(Space),
                "found": Out(1),
                "leaf": Out(Leaf),
                "fill": In(FillPort),
                "fence_valid": In(1),
                "fence": In(Fence),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        index_bits = (self.sets - 1).bit_length()
        host = [Signal(self.sets, name=f"host_valid_{w}") for w in range(self.ways)]
        guest = [Signal(self.sets, name=f"guest_valid_{w}") for w in range(self.ways)]
        coarse = [Signal(self.sets, name=f"coarse_{w}") for w in range(self.ways)]
        match = Signal(self.ways)
        used = Signal(self.ways)
        leaves = [Signal(Leaf, name=f"leaf_{w}") for w in range(self.ways)]
        write = Signal(self.ways)
        index = self.vpn[:index_bits]
        key = Cat(self.vpn[index_bits:], self.space.as_value()[ASID_BITS:], self.space.asid)
        for w in range(self.ways):
            tags = Memory(shape=len(key), depth=self.sets, init=[])
            data = Memory(shape=Leaf, depth=self.sets, init=[])
            m.submodules[f"tags_{w}"] = tags
            m.submodules[f"data_{w}"] = data
            tag_read, data_read = tags.read_port(), data.read_port()
            tag_write, data_write = tags.write_port(), data.write_port()
            m.d.comb += [
                tag_read.en.eq(self.read),
                data_read.en.eq(self.read),
                tag_read.addr.eq(self.read_vpn[:index_bits]),
                data_read.addr.eq(self.read_vpn[:index_bits]),
                tag_write.en.eq(write[w]),
                data_write.en.eq(write[w]),
                tag_write.addr.eq(index),
                data_write.addr.eq(index),
                tag_write.data.eq(key),
                data_write.data.eq(self.fill.leaf),
                leaves[w].eq(data_read.data),
            ]
            with m.If(self.enable):
                differs = tag_read.data ^ key
                other_asid = differs[-ASID_BITS:].any() & ~leaves[w].all_asids
                m.d.comb += [
                    used[w].eq(Mux(self.space.virt, guest[w], host[w]).bit_select(index, 1)),
                    match[w].eq(used[w] & ~differs[:-ASID_BITS].any() & ~other_asid),
                ]
            self._valid(m, host[w], guest[w], coarse[w], write[w], index)
        m.d.comb += self.found.eq(match.any())
        for w in reversed(range(self.ways)):
            with m.If(match[w]):
                m.d.comb += self.leaf.eq(leaves[w])
        self._choose(m, match, host, guest, index, write)
        return m

    def _choose(self, m: Module, match, host, guest, index, write) -> None:
        turn = Signal(range(self.ways))
        way = Signal(range(self.ways))
        with m.If(self.fill.valid):
            m.d.comb += way.eq(turn)
            for w in reversed(range(self.ways)):
                with m.If(~(host[w] | guest[w]).bit_select(index, 1)):
                    m.d.comb += way.eq(w)
            for w in reversed(range(self.ways)):
                with m.If(match[w]):
                    m.d.comb += way.eq(w)
        with m.If(self.fill.valid & ~self.fence_valid):
            m.d.comb += write.bit_select(way, 1).eq(1)
            m.d.sync += turn.eq(Mux(turn == self.ways - 1, 0, turn + 1))

    def _valid(self, m: Module, host, guest, coarse, write, index) -> None:
        fence = self.fence
        fence_set = 1 << fence.address[PAGE_SHIFT : PAGE_SHIFT + len(index)]
        kept = Mux(fence.by_address, ~(fence_set | coarse), 0)
        with m.If(self.fence_valid):
            with m.If(fence.op == FenceOp.SFENCE):
                m.d.sync += host.eq(host & kept)
            with m.Elif(fence.op == FenceOp.VVMA):
                m.d.sync += guest.eq(guest & kept)
            with m.Elif(fence.op == FenceOp.GVMA):
                m.d.sync += guest.eq(0)
            with m.Else():
                m.d.sync += [host.eq(0), guest.eq(0)]
        with m.Elif(write):
            here = (1 << index)[: self.sets]
            virt, mega = self.fill.space.virt, self.fill.leaf.stage1_mega
            m.d.sync += [
                host.eq(Mux(virt, host & ~here, host | here)),
                guest.eq(Mux(virt, guest | here, guest & ~here)),
                coarse.eq(Mux(mega, coarse | here, coarse & ~here)),
            ]
