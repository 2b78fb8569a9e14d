"""Second-level TLB: set-associative, in memory blocks, shared by both first-level TLBs."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from rtl.isa.paging import ASID_BITS, PAGE_SHIFT
from rtl.mmu.interface import Fence, FenceOp
from rtl.mmu.permissions import Question
from rtl.mmu.tags import VPN_BITS, FillPort, Leaf, Space

__all__ = ["SecondLevelTlb"]

_KINDS = ("host", "guest", "coarse_host", "coarse_guest")


class SecondLevelTlb(wiring.Component):
    """Translations by 4 KiB page; a superpage is kept once for each of its pages that was asked for.

    A fence takes one cycle and is coarser than in the first level: by address it clears the set and
    everything that came from a first-stage superpage, else all entries of its virtualization mode. So there
    are four kinds of entries: *host* and *guest* (V = 1), and of each the *coarse* ones (from a superpage). A
    memory has a word for each set that says which ways hold which kind; a fence clears flip-flops, one for
    each set and kind, without which that part of the word means nothing.

    Ports
    -----
    read, read_vpn: start a look-up
    enable, vpn, space: held by the caller from the next cycle on; ``found`` and ``leaf`` then answer
    fill: replaces the entry found, if any, else an invalid way or the next one in turn; only while ``enable``
    question: (with ``judges``) what is asked of the entry

    Parameters
    ----------
    judges: tags are compared, and each way's rights held against the question, in the cycle behind ``read``;
        from the next one on ``found`` says that there is an entry which allows what is asked. A fence in
        between ends the look-up, and ``fill`` is for what was looked up last.
    """

    def __init__(self, sets: int, ways: int, *, judges: bool = False) -> None:
        self.sets = sets
        self.ways = ways
        self.judges = judges
        super().__init__(
            ({"question": In(Question)} if judges else {})
            | {
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
        match = Signal(self.ways)
        same: list[Value] = []
        own: list[Value] = []
        used = Signal(self.ways)
        leaves = [Signal(Leaf, name=f"leaf_{w}") for w in range(self.ways)]
        write = Signal(self.ways)
        index = self.vpn[:index_bits]
        kept = self._kept(m, index, write)
        key = Cat(self.vpn[index_bits:], self.space.as_value()[ASID_BITS:], self.space.asid)
        host, guest = kept["host"] | kept["coarse_host"], kept["guest"] | kept["coarse_guest"]
        m.d.comb += used.eq(Mux(self.space.virt, guest, host))
        for w in range(self.ways):
            tags = Memory(shape=len(key), depth=self.sets, init=[])
            contents = Memory(shape=Leaf, depth=self.sets, init=[])
            m.submodules[f"tags_{w}"] = tags
            m.submodules[f"data_{w}"] = contents
            tag_read, data_read = tags.read_port(), contents.read_port()
            tag_write, data_write = tags.write_port(), contents.write_port()
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
                same.append(~differs[:-ASID_BITS].any())
                own.append(~other_asid)
                if not self.judges:
                    m.d.comb += match[w].eq(used[w] & same[w] & own[w])
        if self.judges:
            match, kept = self._judge(m, used, same, own, kept, leaves)
        else:
            m.d.comb += self.found.eq(match.any())
        for w in reversed(range(self.ways)):
            with m.If(match[w]):
                m.d.comb += self.leaf.eq(leaves[w])
        self._choose(m, match, kept, write)
        return m

    def _judge(self, m: Module, used, same, own, kept, leaves) -> tuple[Value, dict[str, Value]]:
        """Registers behind the comparison: what matches, and which ways hold what."""
        compare = Signal()
        bits = {name: Signal(self.ways, name=name) for name in ("used_before", "same_tag", "own_asid")}
        matched = bits["used_before"] & bits["same_tag"] & bits["own_asid"]
        allowed = Signal(self.ways)
        known = {kind: Signal(self.ways, name=f"known_{kind}") for kind in _KINDS}
        m.d.sync += compare.eq(self.read)
        with m.If(compare):
            m.d.sync += [
                *(bit.eq(Cat(value)) for bit, value in zip(bits.values(), (used, same, own), strict=True)),
                allowed.eq(Cat(leaf.rights.answers(self.question) for leaf in leaves)),
                *(known[kind].eq(kept[kind]) for kind in _KINDS),
            ]
        m.d.comb += self.found.eq((matched & allowed).any())
        return matched, known

    def _choose(self, m: Module, match, kept, write) -> None:
        turn = Signal(range(self.ways))
        way = Signal(range(self.ways))
        with m.If(self.fill.valid):
            m.d.comb += way.eq(turn)
            for w in reversed(range(self.ways)):
                with m.If(~Cat(ways[w] for ways in kept.values()).any()):
                    m.d.comb += way.eq(w)
            for w in reversed(range(self.ways)):
                with m.If(match[w]):
                    m.d.comb += way.eq(w)
        with m.If(self.fill.valid & ~self.fence_valid):
            m.d.comb += write.bit_select(way, 1).eq(1)
            m.d.sync += turn.eq(Mux(turn == self.ways - 1, 0, turn + 1))

    def _kept(self, m: Module, index, write) -> dict[str, Value]:
        """The ways of the set ``index`` that hold an entry of each kind; fences and ``write`` change them."""
        fence = self.fence
        word = data.StructLayout(dict.fromkeys(_KINDS, self.ways))
        m.submodules.kinds = words = Memory(shape=word, depth=self.sets, init=[])
        read_port, write_port = words.read_port(domain="comb"), words.write_port()
        live = {kind: Signal(self.sets, name=f"live_{kind}") for kind in _KINDS}
        kept = {kind: Signal(self.ways, name=f"kept_{kind}") for kind in _KINDS}
        m.d.comb += [read_port.addr.eq(index), write_port.addr.eq(index), write_port.en.eq(write.any())]
        coarse, virt = self.fill.leaf.stage1_mega, self.fill.space.virt
        filled = {
            "host": ~coarse & ~virt,
            "guest": ~coarse & virt,
            "coarse_host": coarse & ~virt,
            "coarse_guest": coarse & virt,
        }
        with m.If(self.enable):
            for kind in _KINDS:
                known = live[kind].bit_select(index, 1)
                m.d.comb += [
                    kept[kind].eq(Mux(known, read_port.data[kind], 0)),
                    write_port.data[kind].eq(kept[kind] & ~write | Mux(filled[kind], write, 0)),
                ]
        others = ~(1 << fence.address[PAGE_SHIFT : PAGE_SHIFT + len(index)])
        fine = Mux(fence.by_address, others[: self.sets], 0)
        with m.If(self.fence_valid):
            with m.If((fence.op == FenceOp.SFENCE) | (fence.op == FenceOp.ALL)):
                m.d.sync += [
                    live["coarse_host"].eq(0),
                    live["host"].eq(Mux(fence.op == FenceOp.SFENCE, live["host"] & fine, 0)),
                ]
            with m.If(fence.op != FenceOp.SFENCE):
                m.d.sync += [
                    live["coarse_guest"].eq(0),
                    live["guest"].eq(Mux(fence.op == FenceOp.VVMA, live["guest"] & fine, 0)),
                ]
        with m.Elif(write.any()):
            here = (1 << index)[: self.sets]
            m.d.sync += [live[kind].eq(live[kind] | here) for kind in _KINDS]
        return kept
