"""Caches of the walker: pointers to page tables, and G-stage translations."""

from amaranth.hdl import Cat, Const, Module, Mux, Shape, ShapeLike, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from rtl.isa.paging import LEVEL_BITS, PAGE_SHIFT, PPN_BITS, VMID_BITS
from rtl.mmu.interface import Fence, FenceOp
from rtl.mmu.permissions import StageRights
from rtl.mmu.tags import VPN_BITS, Space, care_mask

__all__ = ["GuestLeaf", "GuestTlb", "TableCache", "TablePointer"]


class TablePointer(data.Struct):
    """Where a table of level 1 or 0 stands in physical memory."""

    ppn: PPN_BITS
    last: 1
    """It is a level-0 table (covers 2 MiB), else a level-1 table (1 GiB)."""
    global_: 1
    """An entry on the way had G set."""


class TableCache(wiring.Component):
    """Pointers to the tables below the root, of one dimension; the lowest known table is found.

    Ports
    -----
    enable, vpn, space: what is looked up (``found``, ``pointer`` in the same cycle) and what ``fill`` is for
    fill, fill_pointer: keep a pointer; replaces one of the same tag; only while ``enable``
    fence_valid, fence: the first stage drops the entries of the fence's virtualization mode (by address:
        those on the way to it), the G stage everything, at HFENCE.GVMA only. No fill then.

    Parameters
    ----------
    entries: number of pointers
    guest_stage: the tags are guest physical pages and VMIDs
    early: what ``fill`` is for has stood at the input for a cycle before
    """

    def __init__(self, entries: int, *, guest_stage: bool, early: bool = False) -> None:
        self.entries = entries
        self.early = early
        self.guest_stage = guest_stage
        self.tag_shape: ShapeLike = VMID_BITS if guest_stage else Space
        super().__init__(
            {
                "enable": In(1),
                "vpn": In(VPN_BITS),
                "space": In(self.tag_shape),
                "found": Out(1),
                "pointer": Out(TablePointer),
                "fill": In(1),
                "fill_pointer": In(TablePointer),
                "fence_valid": In(1),
                "fence": In(Fence),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        entries = [
            _Entry(i, VPN_BITS - LEVEL_BITS + self._space_bits, TablePointer) for i in range(self.entries)
        ]
        key = Signal(len(entries[0].tag))
        m.d.comb += key.eq(Cat(self.vpn[LEVEL_BITS:], self.space, Const(1, 1)))
        found, last, last_word, first_word = 0, 0, 0, 0
        for entry in entries:
            with m.If(self.enable):
                m.d.comb += entry.match.eq((key & entry.care) == entry.tag)
            low = entry.match & entry.content.last
            high = entry.match & ~entry.content.last
            found, last = found | entry.match, last | low
            last_word = last_word | Mux(low, entry.content.as_value(), 0)
            first_word = first_word | Mux(high, entry.content.as_value(), 0)
        with m.If(self.enable):
            m.d.comb += [
                self.found.eq(found),
                self.pointer.as_value().eq(Mux(last, last_word, first_word)),
            ]
        matches = _matches(m, entries, early=self.early)
        with m.If(self.fence_valid):
            for entry in entries:
                with m.If(self._covered(entry.tag, entry.content)):
                    m.d.sync += entry.valid.eq(0)
        with m.Elif(self.fill):
            wanted = self.fill_pointer
            same = [
                match & (entry.content.last == wanted.last)
                for entry, match in zip(entries, matches, strict=True)
            ]
            low = Mux(wanted.last, (1 << LEVEL_BITS) - 1, 0)[:LEVEL_BITS]
            _replace(m, entries, same, key, Cat(low, Const(-1, len(key) - LEVEL_BITS)), wanted)
        return m

    @property
    def _space_bits(self) -> int:
        return Shape.cast(self.tag_shape).width

    def _covered(self, tag: Value, pointer) -> Value:
        prefix = tag[: VPN_BITS - LEVEL_BITS]
        op = self.fence.op
        if self.guest_stage:
            return (op == FenceOp.ALL) | (op == FenceOp.GVMA)
        space = data.View(Space, tag[VPN_BITS - LEVEL_BITS : -1])
        address = self.fence.address[PAGE_SHIFT + LEVEL_BITS : PAGE_SHIFT + VPN_BITS]
        differs = prefix ^ address
        here = ~differs[LEVEL_BITS:].any() & (~pointer.last | ~differs[:LEVEL_BITS].any())
        chosen = here | ~self.fence.by_address
        return (
            (op == FenceOp.ALL)
            | ((op == FenceOp.SFENCE) & ~space.virt & chosen)
            | ((op == FenceOp.VVMA) & space.virt & chosen)
            | ((op == FenceOp.GVMA) & space.virt)
        )


class GuestLeaf(data.Struct):
    """A G-stage leaf whose A bit is set."""

    ppn: PPN_BITS
    rights: StageRights
    mega: 1
    giga: 1


class GuestTlb(wiring.Component):
    """G-stage translations: guest physical page and VMID to physical page.

    Ports
    -----
    enable, page, vmid: what is looked up (``found``, ``leaf`` in the same cycle) and what ``fill`` is for
    fill, fill_leaf: keep a leaf; replaces the one found; only while ``enable``
    fence_valid, fence: HFENCE.GVMA of the VMID and ALL drop entries. No fill then.

    Parameters
    ----------
    entries: number of translations
    early: what ``fill`` is for has stood at the input for a cycle before
    """

    def __init__(self, entries: int, *, early: bool = False) -> None:
        self.entries = entries
        self.early = early
        super().__init__(
            {
                "enable": In(1),
                "page": In(VPN_BITS),
                "vmid": In(VMID_BITS),
                "found": Out(1),
                "leaf": Out(GuestLeaf),
                "fill": In(1),
                "fill_leaf": In(GuestLeaf),
                "fence_valid": In(1),
                "fence": In(Fence),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        entries = [_Entry(i, VPN_BITS + VMID_BITS, GuestLeaf) for i in range(self.entries)]
        key = Signal(len(entries[0].tag))
        m.d.comb += key.eq(Cat(self.page, self.vmid, Const(1, 1)))
        found = 0
        with m.If(self.enable):
            for entry in reversed(entries):
                m.d.comb += entry.match.eq((key & entry.care) == entry.tag)
                found = found | entry.match
                with m.If(entry.match):
                    m.d.comb += self.leaf.eq(entry.content)
            m.d.comb += self.found.eq(found)
        matches = _matches(m, entries, early=self.early)
        with m.If(self.fence_valid):
            fence = self.fence
            for entry in entries:
                own = ~fence.by_id | (entry.tag[VPN_BITS:-1] == fence.id[:VMID_BITS])
                with m.If((fence.op == FenceOp.ALL) | ((fence.op == FenceOp.GVMA) & own)):
                    m.d.sync += entry.valid.eq(0)
        with m.Elif(self.fill):
            leaf = self.fill_leaf
            care = Cat(care_mask(leaf.mega, leaf.giga), Const(-1, VMID_BITS + 1))
            _replace(m, entries, matches, key, care, leaf)
        return m


class _Entry:
    """``tag`` has its ignored bits zero and a zero in its last bit if it is invalid; ``care`` has a one for
    each bit that counts (equal flip-flops are merged in synthesis)."""

    def __init__(self, index: int, tag_bits: int, content: ShapeLike) -> None:
        self.tag = Signal(tag_bits + 1, name=f"tag_{index}")
        self.care = Signal(tag_bits + 1, name=f"care_{index}", init=-1)
        self.content = Signal(content, name=f"content_{index}")
        self.match = Signal(name=f"match_{index}")
        self.valid = self.tag[-1]


def _matches(m: Module, entries: list[_Entry], *, early: bool) -> list[Signal]:
    """Which entries match, as a fill needs it: those of the cycle before if it may be ``early``."""
    now = [entry.match for entry in entries]
    if not early:
        return now
    before = [Signal(name=f"matched_{i}") for i in range(len(now))]
    m.d.sync += [late.eq(match) for late, match in zip(before, now, strict=True)]
    return before


def _replace(m: Module, entries: list[_Entry], same: list[Value], key: Value, care: Value, content) -> None:
    """Fill the first entry that is the ``same``, else one in turn."""
    count = len(entries)
    turn, victim = Signal(range(count)), Signal(range(count))
    m.d.comb += victim.eq(turn)
    m.d.sync += turn.eq(Mux(turn == count - 1, 0, turn + 1))
    for i in reversed(range(count)):
        with m.If(same[i]):
            m.d.comb += victim.eq(i)
    for i, entry in enumerate(entries):
        with m.If(victim == i):
            m.d.sync += [entry.tag.eq(key & care), entry.care.eq(care), entry.content.eq(content)]
