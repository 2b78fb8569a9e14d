"""The page-table walker: one machine for both dimensions of translation.

A walk is a row of *steps*. A step looks at the entry that was read last (or at nothing yet) and, in the same
cycle, starts the next read, fills the TLBs or finds a fault; reads and updates of entries go through the data
cache. With every read a hit this is two cycles per read.

Sources: Supervisor chapter, Sv39 (translation process), Svade and Svadu; H chapter, two-stage address
translation and guest-page faults; Machine chapter, PMP and paging.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from rtl.cache.interface import CacheOp, CoherentPort
from rtl.config import TlbConfig
from rtl.isa.paging import (
    GPA_BITS,
    PA_BITS,
    PAGE_SHIFT,
)
from rtl.mmu.interface import Access, Fault, FaultKind, Fence, TranslationContext, TranslationRequest
from rtl.mmu.permissions import Rights, StageRights, pmp_allows
from rtl.mmu.pmp import PmpCheck
from rtl.mmu.pte import PteLayout, is_giga, is_mega
from rtl.mmu.tags import VPN_BITS, FillPort, Leaf, space_of
from rtl.mmu.walk_cache import GuestTlb, TableCache
from rtl.mmu.walk_state import PTE_SHIFT, Look, Plan, WalkState
from rtl.mmu.walk_steps import WalkSteps

__all__ = ["WalkEvents", "Walker"]

_SIDES = 2


class WalkEvents(data.Struct):
    """Pulses."""

    start: 2
    """Of each side: an L1 miss that goes to the second level."""
    second_hit: 1
    read: 1
    done: 1
    """A walk ended, with a translation or a fault."""


class Walker(WalkSteps, wiring.Component):
    """Serves one request at a time.

    Ports
    -----
    misses, requests: of the sides, the first before the others; ``take`` accepts one while idle
    helds, wanted: the accepted request of each side, and whether its requester still waits for it
    read_vpn: start the second-level look-up (with ``take``)
    stepping: a step is being decided; ``fill`` and what the walker's caches find mean nothing without it
    second_found, second_leaf: its answer, in the first step
    fill, fill_side, fill_second: the translation found, for which sides' TLBs
    failed, fault: the walk of the side ended in a fault
    abort: a fence, or ``context`` changed: the walk ends without result
    busy_write: a write of an entry is under way (a fence must wait)
    """

    def __init__(self, config: TlbConfig, *, hypervisor: bool = True) -> None:
        self.config = config
        self.sides = _SIDES
        self.hypervisor = hypervisor
        super().__init__(self._ports())

    def _ports(self) -> dict:
        sides = self.sides
        return {
            "context": In(TranslationContext),
            "misses": In(sides),
            "requests": In(TranslationRequest).array(sides),
            "take": Out(sides),
            "helds": In(TranslationRequest).array(sides),
            "wanted": In(sides),
            "read_vpn": Out(VPN_BITS),
            "stepping": Out(1),
            "second_found": In(1),
            "second_leaf": In(Leaf),
            "fill": Out(FillPort),
            "fill_side": Out(sides),
            "fill_second": Out(1),
            "failed": Out(sides),
            "fault": Out(Fault),
            "abort": In(1),
            "busy_write": Out(1),
            "fence_valid": In(1),
            "fence": In(Fence),
            "pmp": Out(PmpCheck),
            "memory": Out(CoherentPort),
            "events": Out(WalkEvents),
        }

    def elaborate(self, platform) -> Module:
        m = Module()
        self.s = WalkState()
        self.plan = Plan()
        self.side = Signal(self.sides)
        self.request = Signal(TranslationRequest)
        self.space = self.fill.space
        self.commit = Signal()
        """The step happens: not stopped by a fence or a read that is not taken."""
        self.address = Signal(PA_BITS)
        self.may_write = Signal()
        self.second_hit = Signal()
        m.submodules.tables = self.tables = TableCache(self.config.walk_cache, guest_stage=False)
        m.submodules.guest_tables = self.guest_tables = TableCache(self.config.walk_cache, guest_stage=True)
        m.submodules.guest_tlb = self.guest_tlb = GuestTlb(self.config.guest_stage)
        self.table_answer, self.keep_table = self.tables, self.tables.fill
        self.guest_table_answer, self.keep_guest_table = self.guest_tables, self.guest_tables.fill
        self.guest_answer, self.keep_guest = self.guest_tlb, self.guest_tlb.fill
        self.done = Signal()
        self._serve(m)
        self._caches(m)
        self.s.hold(m)
        # All that is wide is under this condition: between walks a simulator computes nothing.
        with m.If(self.stepping):
            self._steps(m)
            self._finish(m)
            self._keep(m, self.s.next, self.plan.page)
        self._sequence(m)
        return m

    # --- the request -------------------------------------------------------------------------------------

    def _serve(self, m: Module) -> None:
        for i in range(self.sides):
            with m.If(self.side[i]):
                m.d.comb += self.request.eq(self.helds[i])
        self.vpn = self.fill.vpn
        with m.If(self.stepping):
            for field, value in space_of(self.context, self.request.virt).items():
                m.d.comb += getattr(self.space, field).eq(value)
            if not self.hypervisor:
                m.d.comb += self.space.stage2.eq(0)
            m.d.comb += self.vpn.eq(self.request.vaddr[PAGE_SHIFT : PAGE_SHIFT + VPN_BITS])
        self.store = Signal()
        m.d.comb += self.store.eq(self.request.access == Access.STORE)

    def _caches(self, m: Module) -> None:
        """Tags and fences; what is found is used by the steps."""
        now, plan = self.s.now, self.plan
        self.goal = Signal(PA_BITS)
        with m.If(self.stepping):
            m.d.comb += self.goal.eq(Mux(plan.translate, plan.goal, now.gpa))
        self._ask(m, self.goal[PAGE_SHIFT:GPA_BITS])

    def _ask(self, m: Module, goal_page: Value) -> None:
        """Inputs of the walker's caches; the G stage's look for ``goal_page``."""
        m.d.comb += [
            self.tables.vpn.eq(self.vpn),
            self.tables.space.eq(self.space),
            self.guest_tables.vpn.eq(goal_page),
            self.guest_tables.space.eq(self.context.hgatp.vmid),
            self.guest_tlb.page.eq(goal_page),
            self.guest_tlb.vmid.eq(self.context.hgatp.vmid),
        ]
        for cache in (self.tables, self.guest_tables, self.guest_tlb):
            m.d.comb += [
                cache.enable.eq(self.stepping),
                cache.fence_valid.eq(self.fence_valid),
                cache.fence.eq(self.fence),
            ]

    # --- results -----------------------------------------------------------------------------------------

    def _finish(self, m: Module) -> None:
        """The end of a walk: PMP verdict, TLB entry or fault."""
        then, plan, request, pmp = self.s.next, self.plan, self.request, self.pmp
        granted = pmp_allows(pmp, request.access, request.hlvx)
        leaf = Signal(Leaf)
        m.d.comb += [
            *self._reach(leaf, then, plan.result, pmp),
            self.fill.leaf.eq(Mux(self.second_hit, self.second_leaf, leaf)),
            *self._rights(leaf, then, pmp),
        ]
        with m.If(~self.abort):
            with m.If(plan.failed | (plan.finish & ~granted) | (plan.write & ~self.may_write)):
                m.d.comb += [self.failed.eq(self.side), self.done.eq(1)]
            with m.Elif(plan.finish):
                m.d.comb += [self.fill.valid.eq(1), self.fill_second.eq(1), self.done.eq(1)]
            with m.Elif(self.second_hit):
                m.d.comb += [self.fill.valid.eq(1), self.events.second_hit.eq(1)]
        m.d.comb += [
            self.fill_side.eq(Mux(self.fill.valid, self.side, 0)),
            self.events.done.eq(self.done),
            self.fault.kind.eq(Mux(plan.failed, plan.kind, FaultKind.ACCESS)),
        ]
        with m.If(plan.failed & (plan.kind == FaultKind.GUEST_PAGE)):
            self._blame(m)

    def _reach(self, leaf, state, page: Value, pmp) -> list:
        """What the TLB entry at the end of a walk leads to and holds for; the first stage as in ``state``."""
        now = self.s.now
        two = now.look == Look.GUEST
        return [
            leaf.ppn.eq(page),
            leaf.mega.eq(is_mega(state.first_level) & (~two | is_mega(now.guest_level)) & pmp.mega),
            leaf.giga.eq(is_giga(state.first_level) & (~two | is_giga(now.guest_level)) & pmp.giga),
            leaf.stage1_mega.eq(is_mega(state.first_level)),
            leaf.stage1_giga.eq(is_giga(state.first_level)),
            leaf.all_asids.eq(state.global_ | ~self.space.stage1),
        ]

    def _rights(self, leaf, state, pmp) -> list:
        """What it permits: both stages and the PMP."""
        pte = self.s.now.pte
        bare = StageRights.const({"r": 1, "w": 1, "x": 1, "d": 1})
        second = Mux(self.s.now.look == Look.GUEST, Cat(pte.r, pte.w, pte.x, pte.d), bare)
        rights = Rights.combine(state.first, StageRights(second), pmp, state.first_user, ~self.space.stage1)
        return [getattr(leaf.rights, name).eq(value) for name, value in rights.items()]

    def _blame(self, m: Module) -> None:
        """What a guest-page fault says beyond its kind."""
        now, fault = self.s.now, self.fault
        m.d.comb += [
            fault.gpa.eq(Mux(self.space.stage1, now.gpa, self.request.vaddr)),
            fault.implicit.eq(~now.final),
            fault.implicit_write.eq(~now.final & now.update),
        ]
        with m.If(now.look == Look.GUEST):
            m.d.comb += [
                fault.rights.eq(Cat(now.pte.r, now.pte.w, now.pte.x)),
                fault.misconfigured.eq(now.pte.v & now.pte.malformed(now.guest_level)),
            ]

    def _keep(self, m: Module, state, page: Value) -> None:
        """What the walker's own caches are filled with: the tables in ``page``, for the levels of ``state``;
        the leaf that was read."""
        now = self.s.now
        kept, pte = self.guest_tlb.fill_leaf, now.pte
        m.d.comb += [
            self.tables.fill_pointer.ppn.eq(page),
            self.tables.fill_pointer.last.eq(state.level == 0),
            self.tables.fill_pointer.global_.eq(state.global_),
            self.guest_tables.fill_pointer.ppn.eq(page),
            self.guest_tables.fill_pointer.last.eq(state.guest_level == 0),
            kept.ppn.eq(pte.ppn),
            kept.rights.as_value().eq(Cat(pte.r, pte.w, pte.x, pte.d)),
            kept.mega.eq(is_mega(now.guest_level)),
            kept.giga.eq(is_giga(now.guest_level)),
        ]

    def _sequence(self, m: Module) -> None:
        now, plan, memory = self.s.now, self.plan, self.memory
        poisoned = Signal()
        updated = Signal(PteLayout)
        writing = Signal()
        entry_address = Cat(Const(0, PTE_SHIFT), plan.index, plan.page)
        with m.If(writing):
            m.d.comb += self._update(updated)
        m.d.comb += [
            *self._access(updated),
            self.pmp.page.eq(plan.result),
            self.commit.eq(self.stepping & ~self.abort & ~(plan.read & ~memory.ready)),
            self.events.read.eq(memory.valid & memory.ready & (memory.op == CacheOp.READ)),
        ]
        with m.FSM(name="walk"):
            with m.State("IDLE"):
                m.d.sync += [poisoned.eq(0), now.look.eq(Look.START), now.whole.eq(0)]
                self._accept(m)
            with m.State("STEP"):
                m.d.comb += [
                    self.stepping.eq(1),
                    self.pmp.valid.eq(plan.finish),
                    memory.valid.eq(plan.read & ~self.abort),
                    memory.paddr.eq(entry_address),
                ]
                with m.If(self.abort | self.done | self.second_hit):
                    m.next = "IDLE"
                with m.Elif(plan.write):
                    m.next = "WRITE"
                with m.Elif(self.commit):
                    self.s.step(m)
                    with m.If(plan.read):
                        m.d.sync += self.address.eq(entry_address)
                        m.next = "WAIT"
            with m.State("WAIT"):
                m.d.comb += [self.pmp.valid.eq(1), self.pmp.page.eq(self.address[PAGE_SHIFT:])]
                with m.If(self.abort):
                    m.d.sync += poisoned.eq(1)
                with m.If(memory.done):
                    m.d.sync += [
                        now.pte.eq(memory.rdata),
                        now.denied.eq(memory.error | ~self.pmp.r),
                        self.may_write.eq(self.pmp.w),
                    ]
                    m.next = "STEP"
                    with m.If(self.abort | poisoned):
                        m.next = "IDLE"
            with m.State("WRITE"):
                # A store that is not waited for any more must not set D.
                stop = self.abort | ~(self.wanted & self.side).any()
                m.d.comb += [writing.eq(1), memory.valid.eq(~stop), memory.op.eq(CacheOp.CAS)]
                with m.If(stop):
                    m.next = "IDLE"
                with m.Elif(memory.ready):
                    m.next = "WRITTEN"
            with m.State("WRITTEN"):
                m.d.comb += [writing.eq(1), self.busy_write.eq(1)]
                with m.If(self.abort):
                    m.d.sync += poisoned.eq(1)
                with m.If(memory.done):
                    with m.If(self.abort | poisoned):
                        m.next = "IDLE"
                    with m.Elif(memory.error | memory.swapped):
                        m.d.sync += [now.denied.eq(memory.error), now.pte.eq(updated)]
                        m.next = "STEP"
                    with m.Else():
                        m.next = "AGAIN"
            with m.State("AGAIN"):
                m.d.comb += memory.valid.eq(~self.abort)
                with m.If(self.abort):
                    m.next = "IDLE"
                with m.Elif(memory.ready):
                    m.next = "WAIT"

    def _update(self, updated) -> list:
        """The entry that was read, with A set and, if it must be, D."""
        now = self.s.now
        dirties = Mux((now.look == Look.GUEST) & ~now.final, now.update, self.store)
        return [updated.eq(now.pte), updated.a.eq(1), updated.d.eq(now.pte.d | dirties)]

    def _access(self, updated) -> list:
        """What the data cache sees of a read or update, but for ``valid`` and ``op``."""
        memory = self.memory
        return [
            memory.paddr.eq(self.address),
            memory.expected.eq(self.s.now.pte),
            memory.wdata.eq(updated),
            memory.wmask.eq(-1),
        ]

    def _accept(self, m: Module) -> None:
        """Take the first side that misses, and start the second-level look-up."""
        taken = self.misses & (-self.misses)[: self.sides]
        for i in range(self.sides):
            with m.If(taken[i]):
                m.d.comb += self.read_vpn.eq(self.requests[i].vaddr[PAGE_SHIFT : PAGE_SHIFT + VPN_BITS])
        with m.If(self.misses.any() & ~self.abort):
            m.d.comb += [self.take.eq(taken), self.events.start.eq(taken)]
            m.d.sync += self.side.eq(taken)
            m.next = "STEP"
