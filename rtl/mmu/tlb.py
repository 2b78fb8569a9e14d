"""First-level TLB: fully associative, combined translations, looked up combinationally."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from rtl.isa.paging import ASID_BITS, LEVEL_BITS, PAGE_SHIFT, VMID_BITS
from rtl.mmu.interface import Fence
from rtl.mmu.permissions import Question
from rtl.mmu.tags import VPN_BITS, FillPort, Leaf, Space, care_mask, fence_covers, same_page

__all__ = ["Tlb"]

TAG_BITS = VPN_BITS + Space.as_shape().size + 1


class Tlb(wiring.Component):
    """``entries`` translations in flip-flops.

    Ports
    -----
    enable, vpn, space: what is looked up; ``found`` and ``leaf`` answer in the same cycle,
        ``leaf.ppn`` being the physical page of exactly ``vpn``
    fill: entries that overlap the new one are dropped
    fence_valid, fence, vmid: entries that the fence covers are dropped at the clock edge; no fill then
    question, allowed: (with ``judges``) what is asked of the entry; it is found and allows that

    Parameters
    ----------
    judges: for a clock faster than a simulated one's. Each entry judges the question by itself while it
        compares its tag, so that the verdict waits for no ``leaf``; and it compares its space with both of
        ``spaces``, for V = 0 and 1, in the cycle before, so that they must stand for one when something is
        looked up, of which ``space.virt`` counts alone, and a fill must be for the one or the other. What
        ``fill`` is to keep must stand there a cycle before it is ``valid``: that is when its place is chosen
    """

    def __init__(self, entries: int, *, judges: bool = False) -> None:
        self.entries = entries
        self.judges = judges
        super().__init__(
            ({"question": In(Question), "allowed": Out(1), "spaces": In(Space).array(2)} if judges else {})
            | {
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
        entries = [_Entry(i) for i in range(self.entries)]
        self._look_up(m, entries)
        care = Signal(TAG_BITS)
        tag = Signal(TAG_BITS)
        turn = Signal(range(self.entries))
        if self.judges:
            self._entry(m, care, tag)
            places = Signal(self.entries)
            overlaps = Signal(self.entries)
            ours, others = self._place(m, entries, turn, care, tag)
            m.d.sync += [places.eq(Cat(ours)), overlaps.eq(Cat(others))]
        with m.If(self.fence_valid):
            self._invalidate(m, entries)
        with m.Elif(self.fill.valid):
            if self.judges:
                self._replace(m, entries, turn, care, tag, places, overlaps)
            else:
                self._entry(m, care, tag)
                self._replace(m, entries, turn, care, tag, *self._place(m, entries, turn, care, tag))
        return m

    def _look_up(self, m: Module, entries: list["_Entry"]) -> None:
        key = Signal(TAG_BITS)
        chosen = Signal(Leaf)
        found, word = 0, 0
        for entry in entries:
            if self.judges:
                self._compare(m, entry)
            else:
                with m.If(self.enable):
                    m.d.comb += entry.match.eq((key & entry.care) == entry.tag)
            found = found | entry.match
            word = word | Mux(entry.match, entry.leaf.as_value(), 0)
        with m.If(self.enable):
            m.d.comb += [chosen.as_value().eq(word), self.found.eq(found)]
        if self.judges:
            judged = [entry.match & entry.leaf.rights.answers(self.question) for entry in entries]
            m.d.comb += self.allowed.eq(Cat(judged).any())
        low, high = LEVEL_BITS, 2 * LEVEL_BITS
        m.d.comb += [
            key.eq(_tag(self.vpn, self.space)),
            self.leaf.eq(chosen),
            self.leaf.ppn.eq(
                Cat(
                    Mux(chosen.mega, self.vpn[:low], chosen.ppn[:low]),
                    Mux(chosen.giga, self.vpn[low:high], chosen.ppn[low:high]),
                    chosen.ppn[high:],
                )
            ),
        ]

    def _compare(self, m: Module, entry: "_Entry") -> None:
        """Like the comparison of whole tags, but that of the spaces is over."""
        for virt, space in enumerate(self.spaces):
            differs = space.as_value() ^ entry.space.as_value()
            m.d.sync += entry.here[virt].eq(~(differs & entry.care[VPN_BITS:-1]).any())
        near = ~((self.vpn ^ entry.vpn) & entry.care[:VPN_BITS]).any()
        m.d.comb += entry.match.eq(
            self.enable & entry.valid & near & Mux(self.space.virt, entry.here[1], entry.here[0])
        )

    def _invalidate(self, m: Module, entries: list["_Entry"]) -> None:
        address = self.fence.address[PAGE_SHIFT : PAGE_SHIFT + VPN_BITS]
        for entry in entries:
            leaf = entry.leaf
            here = same_page(entry.vpn, address, leaf.stage1_mega, leaf.stage1_giga)
            with m.If(fence_covers(self.fence, self.vmid, entry.space, leaf, here)):
                m.d.sync += entry.valid.eq(0)

    def _entry(self, m: Module, care: Signal, tag: Signal) -> None:
        """What the entry to fill is compared by. (A simulator computes it with a fill only, an FPGA before
        it is known that there is one.)"""
        fill, leaf = self.fill, self.fill.leaf
        ones = (1 << ASID_BITS) - 1
        m.d.comb += [
            care.eq(
                Cat(
                    care_mask(leaf.mega, leaf.giga),
                    Mux(leaf.all_asids, 0, ones)[:ASID_BITS],
                    Const(-1, TAG_BITS - VPN_BITS - ASID_BITS),
                )
            ),
            tag.eq(_tag(fill.vpn, fill.space) & care),
        ]

    def _place(
        self, m: Module, entries: list["_Entry"], turn: Signal, care: Signal, tag: Signal
    ) -> tuple[list[Value], list[Value]]:
        """Of each entry, whether it is the one to fill, and whether it overlaps the new one."""
        victim = Signal(range(self.entries))
        m.d.comb += victim.eq(turn)
        for i, entry in reversed(list(enumerate(entries))):
            with m.If(~entry.valid):
                m.d.comb += victim.eq(i)
        ours = [victim == i for i in range(self.entries)]
        return ours, [((entry.tag ^ tag) & entry.care & care) == 0 for entry in entries]

    def _replace(
        self, m: Module, entries: list["_Entry"], turn: Signal, care: Signal, tag: Signal, places, overlaps
    ) -> None:
        m.d.sync += turn.eq(Mux(turn == self.entries - 1, 0, turn + 1))
        for i, entry in enumerate(entries):
            with m.If(places[i]):
                m.d.sync += [entry.tag.eq(tag), entry.care.eq(care), entry.leaf.eq(self.fill.leaf)]
                if self.judges:
                    virt = self.fill.space.virt
                    m.d.sync += entry.here.eq(Cat(~virt, virt))
            with m.Elif(overlaps[i]):
                m.d.sync += entry.valid.eq(0)


def _tag(vpn: Value, space) -> Value:
    """Page number, space and a one for validity: what an entry's tag is compared with."""
    return Cat(vpn, space.as_value(), Const(1, 1))


class _Entry:
    """A translation: ``tag`` has its ignored bits zero and a zero in its last bit if it is invalid; ``care``
    has a one for each bit that counts (equal flip-flops are merged in synthesis)."""

    def __init__(self, index: int) -> None:
        self.tag = Signal(TAG_BITS, name=f"tag_{index}")
        self.care = Signal(TAG_BITS, name=f"care_{index}", init=-1)
        self.leaf = Signal(Leaf, name=f"leaf_{index}")
        self.match = Signal(name=f"match_{index}")
        self.here = Signal(2, name=f"here_{index}")
        self.vpn = self.tag[:VPN_BITS]
        self.space = data.View(Space, self.tag[VPN_BITS:-1])
        self.valid = self.tag[-1]
