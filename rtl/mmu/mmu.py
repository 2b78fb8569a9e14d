"""The memory-management unit: two first-level TLBs over one second level and one walker."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from rtl.cache.interface import CoherentPort
from rtl.config import CoreConfig
from rtl.isa.paging import PMP_ENTRIES
from rtl.mmu.front import Front
from rtl.mmu.front_cut import CutFront
from rtl.mmu.interface import Fence, FenceOp, FencePort, PmpEntry, TranslatePort, TranslationContext
from rtl.mmu.pmp import Pmp
from rtl.mmu.second_level import SecondLevelTlb
from rtl.mmu.walk_cut import CutWalker
from rtl.mmu.walker import Walker

__all__ = ["Mmu", "MmuEvents"]


class MmuEvents(data.Struct):
    """Pulses for the counters."""

    itlb_miss: 1
    dtlb_miss: 1
    l2tlb_hit: 1
    walk_read: 1
    walk_done: 1


class Mmu(wiring.Component):
    """Wires the parts together; data accesses go before fetches.

    A fence takes effect at the end of the cycle with ``ready``, which is the first one unless the walker is
    writing an entry. A change of ``context`` takes effect at once; walks under way start again. A change of
    ``pmp`` takes effect with the next fence of everything (FenceOp.ALL).
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(
            {
                "fetch": In(TranslatePort),
                "data": In(TranslatePort),
                "context": In(TranslationContext),
                "pmp": In(PmpEntry).array(PMP_ENTRIES),
                "fence": In(FencePort),
                "walker": Out(CoherentPort),
                "events": Out(MmuEvents),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        sizes, hypervisor, cut = self.config.tlb, self.config.hypervisor, self.config.cuts.walk
        front, walk = (CutFront, CutWalker) if cut else (Front, Walker)
        m.submodules.itlb = itlb = front(sizes.instruction, hypervisor=hypervisor)
        m.submodules.dtlb = dtlb = front(sizes.data, hypervisor=hypervisor)
        m.submodules.l2tlb = second = SecondLevelTlb(
            sizes.second_level_sets, sizes.second_level_ways, judges=cut
        )
        m.submodules.walker = walker = walk(sizes, hypervisor=hypervisor)
        m.submodules.pmp = pmp = Pmp(3, registered=cut)
        wiring.connect(m, wiring.flipped(self.fetch), itlb.port)
        wiring.connect(m, wiring.flipped(self.data), dtlb.port)
        wiring.connect(m, wiring.flipped(self.walker), walker.memory)

        before = Signal(TranslationContext)
        abort = Signal()
        changed = before != self.context
        m.d.sync += before.eq(self.context)
        if cut:
            context = before
            fence, fence_valid = self._late(m, changed, abort, walker, (itlb, dtlb))
        else:
            context, fence, fence_valid = self.context, self.fence.fence, self.fence.valid
            m.d.comb += [abort.eq(self.fence.valid | changed), self.fence.ready.eq(~walker.busy_write)]
        m.d.comb += [
            walker.abort.eq(abort),
            walker.context.eq(context),
            *(entry.eq(value) for entry, value in zip(pmp.state, self.pmp, strict=True)),
            pmp.update.eq(fence_valid & (fence.op == FenceOp.ALL)),
        ]
        for part in (itlb, dtlb, second, walker):
            m.d.comb += [part.fence_valid.eq(fence_valid), part.fence.eq(fence)]
        for i, (side, check) in enumerate(((dtlb, pmp.checks[0]), (itlb, pmp.checks[1]))):
            wiring.connect(m, side.pmp, check)
            m.d.comb += [
                side.context.eq(context),
                side.forget.eq(abort),
                side.take.eq(walker.take[i]),
                side.failed.eq(walker.failed[i]),
                side.fault.eq(walker.fault),
                side.fill.valid.eq(walker.fill_side[i]),
                side.fill.vpn.eq(walker.fill.vpn),
                side.fill.space.eq(walker.fill.space),
                side.fill.leaf.eq(walker.fill.leaf),
                walker.misses[i].eq(side.miss),
                walker.wanted[i].eq(side.wanted),
                walker.requests[i].eq(side.request),
                walker.helds[i].eq(side.held),
            ]
            if cut:
                m.d.comb += [side.walking.eq(walker.walking[i]), side.pmp_changes.eq(pmp.update)]
        wiring.connect(m, walker.pmp, pmp.checks[2])
        m.d.comb += [
            second.read.eq(walker.take.any()),
            second.read_vpn.eq(walker.read_vpn),
            second.enable.eq(walker.stepping),
            second.vpn.eq(walker.fill.vpn),
            second.space.eq(walker.fill.space),
            second.fill.valid.eq(walker.fill_second),
            second.fill.vpn.eq(walker.fill.vpn),
            second.fill.space.eq(walker.fill.space),
            second.fill.leaf.eq(walker.fill.leaf),
            walker.second_found.eq(second.found),
            walker.second_leaf.eq(second.leaf),
            self.events.dtlb_miss.eq(walker.events.start[0]),
            self.events.itlb_miss.eq(walker.events.start[1]),
            self.events.l2tlb_hit.eq(walker.events.second_hit),
            self.events.walk_read.eq(walker.events.read),
            self.events.walk_done.eq(walker.events.done),
        ]
        if cut:
            m.d.comb += second.question.eq(walker.question)
        return m

    def _late(self, m: Module, changed: Value, abort: Signal, walker, sides) -> tuple:
        """Fences and changes of ``context`` act from registers, one cycle later; nothing is answered until
        that is over. Returns the fence and whether it acts.

        In the very cycle of a change, or in a fence's first, nobody uses an answer, if the other parts are
        cut, too: an access comes to the memory stage at the earliest in the cycle behind (those of the VMX
        unit are physical); what is fetched is thrown away by the redirect, where the change or the fence
        matters to fetches at all.
        """
        fence, valid, late = Signal(Fence), Signal(), Signal()
        cuts = self.config.cuts
        alone = not (cuts.memory and cuts.fetch and cuts.redirect and cuts.execute)
        unasked = self.fence.valid | changed if alone else 0
        m.d.sync += [
            fence.eq(self.fence.fence),
            valid.eq(self.fence.valid & ~self.fence.ready),
            late.eq(changed),
        ]
        m.d.comb += [
            self.fence.ready.eq(valid & ~walker.busy_write),
            abort.eq(valid | late),
            *(side.hush.eq(abort | unasked) for side in sides),
        ]
        return fence, valid
