"""Caches of the walker: pointers to page tables, and G-stage translations."""

from amaranth.hdl import Module, Mux, ShapeLike, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from rtl.isa.paging import LEVEL_BITS, PAGE_SHIFT, PPN_BITS, VMID_BITS
from rtl.mmu.interface import Fence, FenceOp
from rtl.mmu.permissions import StageRights
from rtl.mmu.tags import VPN_BITS, Space, same_page

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
    vpn, space: what is looked up (``found``, ``pointer`` in the same cycle) and what ``fill`` is for
    fill, fill_pointer: keep a pointer; replaces one of the same tag
    fence_valid, fence: the first stage drops the entries of the fence's virtualization mode (by address:
        those on the way to it), the G stage everything, at HFENCE.GVMA only. No fill then.

    Parameters
    ----------
    entries: number of pointers
    guest_stage: the tags are guest physical pages and VMIDs
    """

    def __init__(self, entries: int, *, guest_stage: bool) -> None:
        self.entries = entries
        self.guest_stage = guest_stage
        self.tag_shape: ShapeLike = VMID_BITS if guest_stage else Space
        super().__init__(
            {
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
        count = self.entries
        valid = Signal(count)
        prefixes = [Signal(VPN_BITS - LEVEL_BITS, name=f"prefix_{i}") for i in range(count)]
        spaces = [Signal(self.tag_shape, name=f"space_{i}") for i in range(count)]
        pointers = [Signal(TablePointer, name=f"pointer_{i}") for i in range(count)]
        last, first = Signal(count), Signal(count)
        for i in range(count):
            differs = prefixes[i] ^ self.vpn[LEVEL_BITS:]
            ours = valid[i] & (Value.cast(spaces[i]) == Value.cast(self.space)) & ~differs[LEVEL_BITS:].any()
            m.d.comb += [
                last[i].eq(ours & pointers[i].last & ~differs[:LEVEL_BITS].any()),
                first[i].eq(ours & ~pointers[i].last),
            ]
        chosen = Mux(last.any(), last, first)
        word = 0
        for i, pointer in enumerate(pointers):
            word = word | Mux(chosen[i], pointer.as_value(), 0)
        m.d.comb += [self.found.eq(chosen.any()), self.pointer.as_value().eq(word)]

        same = Mux(self.fill_pointer.last, last, first)
        turn, victim = Signal(range(count)), Signal(range(count))
        m.d.comb += victim.eq(turn)
        for i in reversed(range(count)):
            with m.If(same[i]):
                m.d.comb += victim.eq(i)
        for i in range(count):
            with m.If(self.fence_valid):
                with m.If(self._covered(prefixes[i], spaces[i], pointers[i])):
                    m.d.sync += valid[i].eq(0)
            with m.Elif(self.fill & (victim == i)):
                m.d.sync += [
                    valid[i].eq(1),
                    prefixes[i].eq(self.vpn[LEVEL_BITS:]),
                    spaces[i].eq(self.space),
                    pointers[i].eq(self.fill_pointer),
                ]
        with m.If(self.fill & ~self.fence_valid & ~same.any()):
            m.d.sync += turn.eq(Mux(turn == count - 1, 0, turn + 1))
        return m

    def _covered(self, prefix: Value, space, pointer) -> Value:
        op = self.fence.op
        if self.guest_stage:
            return (op == FenceOp.ALL) | (op == FenceOp.GVMA)
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
    page, vmid: what is looked up (``found``, ``leaf`` in the same cycle) and what ``fill`` is for
    fill, fill_leaf: keep a leaf; replaces the one found
    fence_valid, fence: HFENCE.GVMA of the VMID and ALL drop entries. No fill then.
    """

    def __init__(self, entries: int) -> None:
        self.entries = entries
        super().__init__(
            {
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
        count = self.entries
        valid, match = Signal(count), Signal(count)
        pages = [Signal(VPN_BITS, name=f"page_{i}") for i in range(count)]
        vmids = [Signal(VMID_BITS, name=f"vmid_{i}") for i in range(count)]
        leaves = [Signal(GuestLeaf, name=f"leaf_{i}") for i in range(count)]
        turn, victim = Signal(range(count)), Signal(range(count))
        m.d.comb += victim.eq(turn)
        for i in reversed(range(count)):
            leaf = leaves[i]
            here = same_page(pages[i], self.page, leaf.mega, leaf.giga)
            m.d.comb += match[i].eq(valid[i] & here & (vmids[i] == self.vmid))
            with m.If(match[i]):
                m.d.comb += [self.leaf.eq(leaf), victim.eq(i)]
            fence = self.fence
            guest = (fence.op == FenceOp.GVMA) & (~fence.by_id | (vmids[i] == fence.id[:VMID_BITS]))
            with m.If(self.fence_valid):
                with m.If((fence.op == FenceOp.ALL) | guest):
                    m.d.sync += valid[i].eq(0)
            with m.Elif(self.fill & (victim == i)):
                m.d.sync += [
                    valid[i].eq(1),
                    pages[i].eq(self.page),
                    vmids[i].eq(self.vmid),
                    leaf.eq(self.fill_leaf),
                ]
        m.d.comb += self.found.eq(match.any())
        with m.If(self.fill & ~self.fence_valid & ~match.any()):
            m.d.sync += turn.eq(Mux(turn == count - 1, 0, turn + 1))
        return m
