"""The page-table walker with registers in its long paths (``Cuts.walk``)."""

from types import SimpleNamespace

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib.wiring import Out

from rtl.cache.interface import CacheOp
from rtl.isa.paging import PAGE_SHIFT, PPN_BITS
from rtl.mmu.interface import Access, FaultKind
from rtl.mmu.permissions import Question, pmp_allows
from rtl.mmu.pte import PteLayout
from rtl.mmu.tags import VPN_BITS, Leaf, in_range, space_of
from rtl.mmu.walk_cache import GuestLeaf, GuestTlb, TableCache, TablePointer
from rtl.mmu.walk_state import PTE_SHIFT, Look, Plan, WalkState
from rtl.mmu.walker import Walker

__all__ = ["CutWalker"]


class CutWalker(Walker):
    """Decides as ``Walker`` does, but looks up one thing per cycle.

    =======  ==============================================================================================
    IDLE     a side's miss (noticed the cycle before) is taken; request and address space into registers
    MATCH    the second level compares its tags, the table cache is searched; EXAMINE: what was found
    EXAMINE  is the entry well formed, does it permit the access, are A and D as they must be
    STEP     what that means; plan, next state and address into registers
    READ     an entry is asked for; the walker's caches keep what the step found
    WAIT     ... and arrives
    SEARCH   the G-stage TLB and table cache are searched for the goal
    CHOOSE   what they found: an entry for the next step, or the address of one to read
    CHECK    the PMP compares the page that the walk ends in
    GRANT    its verdict and both stages' rights become a TLB entry, or a fault
    PLACE    the TLBs choose an entry for it
    FILL     ... and are written
    FAIL     the fault is reported
    WRITE    and behind: as in ``Walker``
    =======  ==============================================================================================

    A read that the data cache answers at once makes a step of five cycles, the G-stage TLB's answer one of
    four; a hit of the second level costs seven cycles and not two.

    An abort ends the walk in every state but those that wait for the data cache, and nothing is written in a
    cycle with ``abort``. Whether a store is still wanted is known one cycle late: its requester must not drop
    it (the memory stage never does).

    Ports
    -----
    walking: the request of this side is being served
    question: what the request asks of a TLB entry
    second_found: the second level has an entry that allows it; ``second_leaf`` is that
    """

    facts = "sync"

    def _ports(self) -> dict:
        return super()._ports() | {"walking": Out(self.sides), "question": Out(Question)}

    def elaborate(self, platform) -> Module:
        m = Module()
        self.s = WalkState()
        self.chosen = self.s.beside("chosen")
        self.plan = Plan()
        self.side = Signal(self.sides)
        self.request = Signal.like(self.requests[0])
        self.space, self.vpn = self.fill.space, self.fill.vpn
        self.commit = Signal()
        self.address = Signal(PPN_BITS + PAGE_SHIFT)
        self.may_write = Signal()
        self.second_hit = Signal()
        self.store = Signal()
        self.wanted_store = Signal()
        self.legal, self.second_known = Signal(), Signal()
        self.leaf = Signal(Leaf)
        self.page = Signal(PPN_BITS)
        """What the PMP looks at: the page of the entry, or that in which the walk ends."""
        self.kind = Signal(FaultKind)
        pointers = self.config.walk_cache
        m.submodules.tables = self.tables = TableCache(pointers, guest_stage=False, early=True)
        m.submodules.guest_tables = self.guest_tables = TableCache(pointers, guest_stage=True, early=True)
        m.submodules.guest_tlb = self.guest_tlb = GuestTlb(self.config.guest_stage, early=True)
        m.d.sync += [
            self.wanted_store.eq((self.wanted & self.side).any()),
            self.legal.eq(in_range(self.request.vaddr, self.space.stage1)),
            self.second_known.eq(self.second_found),
        ]
        m.d.comb += [
            self.store.eq(self.request.access == Access.STORE),
            self.fill.leaf.eq(self.leaf),
            self.stepping.eq(1),
        ]
        self._search(m)
        self.s.hold(m)
        self.chosen.hold(m)
        self._decide(m)
        self._choose(m)
        self._report(m)
        self._control(m)
        return m

    # --- looking up --------------------------------------------------------------------------------------

    def _search(self, m: Module) -> None:
        """The walker's caches: what they found a cycle ago, what they keep of the step a cycle ago."""
        now = self.s.now
        self._ask(m, now.gpa[PAGE_SHIFT : PAGE_SHIFT + VPN_BITS])
        self.table_answer, self.keep_table = self._behind(m, self.tables, "pointer", TablePointer)
        self.guest_table_answer, self.keep_guest_table = self._behind(
            m, self.guest_tables, "pointer", TablePointer
        )
        self.guest_answer, self.keep_guest = self._behind(m, self.guest_tlb, "leaf", GuestLeaf)
        self._keep(m, now, self.address[PAGE_SHIFT:])

    def _behind(self, m: Module, cache, name: str, shape) -> tuple[SimpleNamespace, Signal]:
        """Registers at the output of a cache and before its ``fill``; returns the answer and the order."""
        answer = SimpleNamespace(found=Signal(name="found"), **{name: Signal(shape, name=name)})
        keep, kept = Signal(name="keep"), Signal(name="kept")
        m.d.sync += [
            answer.found.eq(cache.found),
            getattr(answer, name).eq(getattr(cache, name)),
            kept.eq(keep),
        ]
        m.d.comb += cache.fill.eq(kept & ~self.abort)
        return answer, keep

    def _in_range(self) -> Value:
        return self.legal

    def _second_allows(self) -> Value:
        return self.second_known

    # --- deciding ----------------------------------------------------------------------------------------

    def _decide(self, m: Module) -> None:
        """The plan of a step, and registers for what comes of it."""
        self.decided = plan = self.plan
        self._look(m)
        with m.If(plan.translate):
            m.d.comb += self.s.next.gpa.eq(plan.goal)
        self.failed_step = plan.failed | (plan.write & ~self.may_write)

    def _choose(self, m: Module) -> None:
        """What the caches of the G stage found for the goal."""
        self.choice = plan = Plan()
        too_big = Signal()
        with m.If(self.commit):
            m.d.sync += too_big.eq(self.decided.too_big)
        m.d.comb += [plan.translate.eq(1), plan.goal.eq(self.s.now.gpa), plan.too_big.eq(too_big)]
        self.s, self.plan, kept = self.chosen, plan, self.s
        self._go_on(m)
        self.s, self.plan = kept, self.decided

    # --- results -----------------------------------------------------------------------------------------

    def _report(self, m: Module) -> None:
        """The fault, if it comes to that."""
        m.d.comb += self.fault.kind.eq(self.kind)
        with m.If(self.kind == FaultKind.GUEST_PAGE):
            self._blame(m)

    # --- one thing after another -------------------------------------------------------------------------

    def _control(self, m: Module) -> None:
        now, memory, abort = self.s.now, self.memory, self.abort
        poisoned, from_second, idle = Signal(), Signal(), Signal()
        updated = Signal(PteLayout)
        answered, failed, swapped = Signal(), Signal(), Signal()
        m.d.comb += [
            *self._update(updated),
            *self._access(updated),
            self.walking.eq(Mux(idle, 0, self.side)),
            self.pmp.valid.eq(1),
            self.pmp.page.eq(self.page),
            self.events.read.eq(memory.valid & memory.ready & (memory.op == CacheOp.READ)),
        ]
        # What the data cache says comes late.
        m.d.sync += [answered.eq(memory.done), failed.eq(memory.error), swapped.eq(memory.swapped)]
        with m.FSM(name="walk"):
            with m.State("IDLE"):
                m.d.comb += idle.eq(1)
                m.d.sync += [poisoned.eq(0), now.look.eq(Look.START), now.whole.eq(0)]
                self._accept(m)
            with m.State("MATCH"):
                m.next = "EXAMINE"
                self._stop(m)
            with m.State("EXAMINE"):
                m.next = "STEP"
                self._stop(m)
            with m.State("STEP"):
                self._step(m, from_second)
                self._stop(m)
            with m.State("READ"):
                m.d.comb += memory.valid.eq(~abort)
                with m.If(memory.ready):
                    m.next = "WAIT"
                self._stop(m)
            with m.State("WAIT"):
                with m.If(abort):
                    m.d.sync += poisoned.eq(1)
                with m.If(answered):
                    m.next = "EXAMINE"
                    m.d.sync += [now.denied.eq(failed | ~self.pmp.r), self.may_write.eq(self.pmp.w)]
                    with m.If(abort | poisoned):
                        m.next = "IDLE"
                with m.Else():
                    m.d.sync += now.pte.eq(memory.rdata)
            with m.State("SEARCH"):
                m.next = "CHOOSE"
                self._stop(m)
            with m.State("CHOOSE"):
                self.chosen.step(m)
                m.d.sync += [self._address(self.choice), self.page.eq(self.choice.page)]
                m.next = "EXAMINE"
                with m.If(self.choice.read):
                    m.next = "READ"
                self._stop(m)
            with m.State("CHECK"):
                m.next = "GRANT"
                self._stop(m)
            with m.State("GRANT"):
                m.d.sync += [
                    *self._reach(self.leaf, now, self.page, self.pmp),
                    *self._rights(self.leaf, now, self.pmp),
                ]
                m.next = "FAIL"
                with m.If(pmp_allows(self.pmp, self.request.access, self.request.hlvx)):
                    m.next = "PLACE"
                self._stop(m)
            with m.State("PLACE"):
                m.next = "FILL"
                self._stop(m)
            with m.State("FILL"):
                with m.If(~abort):
                    m.d.comb += [
                        self.fill.valid.eq(1),
                        self.fill_side.eq(self.side),
                        self.fill_second.eq(~from_second),
                        self.events.second_hit.eq(from_second),
                        self.events.done.eq(~from_second),
                    ]
                m.next = "IDLE"
            with m.State("FAIL"):
                with m.If(~abort):
                    m.d.comb += [self.failed.eq(self.side), self.events.done.eq(1)]
                m.next = "IDLE"
            with m.State("WRITE"):
                stop = abort | ~self.wanted_store
                m.d.comb += [memory.valid.eq(~stop), memory.op.eq(CacheOp.CAS)]
                with m.If(stop):
                    m.next = "IDLE"
                with m.Elif(memory.ready):
                    m.next = "WRITTEN"
            with m.State("WRITTEN"):
                m.d.comb += self.busy_write.eq(1)
                m.d.sync += self.page.eq(self.address[PAGE_SHIFT:])
                with m.If(abort):
                    m.d.sync += poisoned.eq(1)
                with m.If(answered):
                    m.next = "AGAIN"
                    with m.If(abort | poisoned):
                        m.next = "IDLE"
                    with m.Elif(failed | swapped):
                        m.d.sync += [now.denied.eq(failed), now.pte.eq(updated)]
                        m.next = "EXAMINE"
            with m.State("AGAIN"):
                m.d.comb += memory.valid.eq(~abort)
                with m.If(memory.ready):
                    m.next = "WAIT"
                self._stop(m)

    def _stop(self, m: Module) -> None:
        """An abort ends the walk here."""
        with m.If(self.abort):
            m.next = "IDLE"

    def _address(self, plan: Plan) -> list:
        return [self.address[PAGE_SHIFT:].eq(plan.page), self.address[PTE_SHIFT:PAGE_SHIFT].eq(plan.index)]

    def _accept(self, m: Module) -> None:
        """Take the first side that misses, and start the second-level look-up."""
        taken = self.misses & (-self.misses)[: self.sides]
        request = Signal.like(self.request, name="accepted")
        space = space_of(self.context, request.virt)
        if not self.hypervisor:
            space["stage2"] = 0
        for i in range(self.sides):
            with m.If(taken[i]):
                m.d.comb += request.eq(self.requests[i])
        m.d.comb += self.read_vpn.eq(request.vaddr[PAGE_SHIFT : PAGE_SHIFT + VPN_BITS])
        m.d.sync += [
            self.side.eq(taken),
            self.request.eq(request),
            self.vpn.eq(self.read_vpn),
            *(getattr(self.space, field).eq(value) for field, value in space.items()),
            *(
                getattr(self.question, field).eq(value)
                for field, value in Question.of(request, self.context).items()
            ),
        ]
        with m.If(self.misses.any() & ~self.abort):
            m.d.comb += [self.take.eq(taken), self.events.start.eq(taken)]
            m.next = "MATCH"

    def _step(self, m: Module, from_second: Signal) -> None:
        plan = self.decided
        m.d.comb += self.commit.eq(~self.abort)
        m.d.sync += [
            self.page.eq(plan.result | plan.page),
            self.leaf.eq(self.second_leaf),
            from_second.eq(self.second_hit),
            self.kind.eq(Mux(plan.failed, plan.kind, FaultKind.ACCESS)),
        ]
        # A step that fails, or writes, changes nothing.
        self.s.step(m)
        # What is written is the entry that was read.
        with m.If(plan.read):
            m.d.sync += self._address(plan)
        with m.If(self.failed_step):
            m.next = "FAIL"
        with m.Elif(plan.write):
            m.next = "WRITE"
        with m.If(self.second_hit):
            m.next = "PLACE"
        with m.Elif(plan.read):
            m.next = "READ"
        with m.Elif(plan.finish):
            m.next = "CHECK"
        with m.Elif(plan.translate):
            m.next = "SEARCH"
