"""The steps of a walk: what the entry read last means, and where to go from there."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from rtl.isa.paging import GPA_BITS, LEVEL_BITS, PAGE_SHIFT, PPN_BITS, ROOT_BITS_X4
from rtl.mmu.interface import FaultKind
from rtl.mmu.permissions import StageRights, mode_sum, stage_allows, user_allows
from rtl.mmu.pte import index_of, is_mega
from rtl.mmu.tags import in_range
from rtl.mmu.walk_state import PTE_SHIFT, ROOT_LEVEL, Look, Plan, WalkState

__all__ = ["WalkSteps"]


class WalkSteps:
    """The part of ``Walker`` that decides; all of it combinational.

    It reads ``s.now``, the caches and the request, and sets ``s.next`` and ``plan``.
    """

    facts = "comb"
    """Domain of what is said of an entry before anything is decided: permitted, out of date, malformed."""

    s: WalkState
    plan: Plan
    hypervisor: bool
    request: Value
    space: Value
    vpn: Value
    store: Signal
    """The request is a store."""
    commit: Signal
    """The step happens: not stopped by a fence or a read that is not taken."""
    second_hit: Signal
    table_answer: Any
    guest_table_answer: Any
    guest_answer: Any
    """What the walker's caches found: ``found``, and ``pointer`` or ``leaf``."""
    keep_table: Signal
    keep_guest_table: Signal
    keep_guest: Signal
    """Fill them."""

    def _steps(self, m: Module) -> None:
        """Decide, whatever the entry is."""
        self._look(m)
        self._go_on(m)

    def _look(self, m: Module) -> None:
        """Decide, but for what the G stage does."""
        with m.Switch(self.s.now.look):
            with m.Case(Look.START):
                self._begin(m)
            with m.Case(Look.STAGE1):
                self._first_stage(m)
            if self.hypervisor:
                with m.Case(Look.GUEST):
                    self._guest_stage(m)
        self._enter(m)

    def _in_range(self) -> Value:
        """The address is one that the first stage, or else the second, may translate."""
        return in_range(self.request.vaddr, self.space.stage1)

    def _second_allows(self) -> Value:
        """The second level has a translation that the access may use."""
        return self.second_found & self.second_leaf.rights.allows(self.request, self.context)

    def _fail(self, m: Module, kind: FaultKind) -> None:
        m.d.comb += [self.plan.failed.eq(1), self.plan.kind.eq(kind)]

    def _begin(self, m: Module) -> None:
        """Nothing read yet: second-level TLB, table cache, or the root table."""
        then, plan, request, space = self.s.next, self.plan, self.request, self.space
        root = Mux(space.virt, self.context.vsatp.ppn, self.context.satp.ppn)
        legal, known = Signal(), Signal()
        m.d.comb += [
            legal.eq(self._in_range()),
            known.eq(self._second_allows()),
            then.global_.eq(0),
        ]
        with m.If(legal & known):
            m.d.comb += self.second_hit.eq(1)
        with m.Elif(~space.stage1):
            m.d.comb += [
                then.first.eq(StageRights.const({"r": 1, "w": 1, "x": 1, "d": 1})),
                then.first_level.eq(ROOT_LEVEL),
                then.final.eq(1),
                then.update.eq(0),
                plan.translate.eq(1),
                plan.goal.eq(request.vaddr),
                plan.too_big.eq(~legal),
            ]
        with m.Elif(~legal):
            self._fail(m, FaultKind.PAGE)
        with m.Elif(self.table_answer.found & ~self.s.now.whole):
            m.d.comb += [
                then.look.eq(Look.STAGE1),
                then.level.eq(~self.table_answer.pointer.last),
                then.global_.eq(self.table_answer.pointer.global_),
                then.writable.eq(~space.stage2),
                then.known.eq(0),
                plan.read.eq(1),
                plan.page.eq(self.table_answer.pointer.ppn),
                plan.index.eq(index_of(self.vpn, then.level)),
            ]
        with m.Else():
            m.d.comb += [then.level.eq(ROOT_LEVEL), plan.entry.eq(1), plan.table.eq(root)]

    def _first_stage(self, m: Module) -> None:
        """An entry of the table that satp or vsatp leads to."""
        now, then, plan, request, context = self.s.now, self.s.next, self.plan, self.request, self.context
        pte = now.pte
        virt = self.space.virt
        mxr = context.mxr | (virt & context.vs_mxr)
        permitted, outdated, malformed = Signal(), Signal(), Signal()
        m.d[self.facts] += [
            permitted.eq(
                stage_allows(pte, request.access, request.hlvx, mxr)
                & user_allows(pte.u, request.access, request.privilege, mode_sum(context, virt))
            ),
            outdated.eq(~pte.a | (self.store & ~pte.d)),
            malformed.eq(pte.malformed(now.level)),
        ]
        with m.If(now.denied):
            self._fail(m, FaultKind.ACCESS)
        with m.Elif(malformed):
            self._fail(m, FaultKind.PAGE)
        with m.Elif(~pte.is_leaf()):
            m.d.comb += [
                then.level.eq(now.level - 1),
                then.global_.eq(now.global_ | pte.g),
                plan.entry.eq(1),
                plan.table.eq(pte.ppn),
            ]
        with m.Elif(~permitted | (outdated & ~Mux(virt, context.vs_adue, context.adue))):
            self._fail(m, FaultKind.PAGE)
        with m.Elif(outdated & now.writable):
            m.d.comb += plan.write.eq(1)
        with m.Elif(outdated & ~now.known):
            m.d.comb += [then.look.eq(Look.START), then.whole.eq(1)]
        with m.Elif(outdated):
            m.d.comb += [then.update.eq(1), then.final.eq(0), plan.translate.eq(1), plan.goal.eq(now.gpa)]
        with m.Else():
            page = Signal(PPN_BITS, name="first_page")
            m.d.comb += [
                page.eq(pte.page(now.level, self.vpn)),
                then.first.as_value().eq(Cat(pte.r, pte.w, pte.x, pte.d)),
                then.first_user.eq(pte.u),
                then.first_level.eq(now.level),
                then.global_.eq(now.global_ | pte.g),
                then.final.eq(1),
                then.update.eq(0),
                plan.translate.eq(self.space.stage2),
                plan.goal.eq(Cat(request.vaddr[:PAGE_SHIFT], page)),
                plan.finish.eq(~self.space.stage2),
                plan.result.eq(page),
            ]

    def _guest_stage(self, m: Module) -> None:
        """An entry of the table that hgatp leads to."""
        now, then, plan, pte = self.s.now, self.s.next, self.plan, self.s.now.pte
        dirties = Mux(now.final, self.store, now.update)
        permitted, outdated, malformed = Signal(), Signal(), Signal()
        page = Signal(PPN_BITS, name="guest_page")
        m.d[self.facts] += [
            permitted.eq(self._guest_allows(pte, now.final, now.update) & pte.u),
            outdated.eq(~pte.a | (dirties & ~pte.d)),
            malformed.eq(pte.malformed(now.guest_level)),
        ]
        m.d.comb += page.eq(pte.page(now.guest_level, now.gpa[PAGE_SHIFT:]))
        with m.If(now.denied):
            self._fail(m, FaultKind.ACCESS)
        with m.Elif(malformed):
            self._fail(m, FaultKind.GUEST_PAGE)
        with m.Elif(~pte.is_leaf()):
            m.d.comb += [
                then.guest_level.eq(now.guest_level - 1),
                plan.read.eq(1),
                plan.page.eq(pte.ppn),
                plan.index.eq(index_of(now.gpa[PAGE_SHIFT:], then.guest_level)),
                self.keep_guest_table.eq(self.commit),
            ]
        with m.Elif(~permitted | (outdated & ~self.context.adue)):
            self._fail(m, FaultKind.GUEST_PAGE)
        with m.Elif(outdated):
            m.d.comb += plan.write.eq(1)
        with m.Elif(now.final):
            m.d.comb += [plan.finish.eq(1), plan.result.eq(page)]
        with m.Else():
            m.d.comb += [
                then.look.eq(Look.STAGE1),
                then.writable.eq(now.update),
                plan.read.eq(1),
                plan.page.eq(page),
                plan.index.eq(now.gpa[PTE_SHIFT:PAGE_SHIFT]),
                self.keep_table.eq(self.commit & (now.level != ROOT_LEVEL)),
            ]
        with m.If(pte.is_leaf() & (plan.finish | plan.read)):
            keep = ~now.final | is_mega(now.guest_level)
            m.d.comb += self.keep_guest.eq(self.commit & keep)

    def _guest_allows(self, rights, final: Value, update: Value) -> Value:
        """R, W, X of the G stage: reads and writes of entries are implicit loads and stores (no MXR)."""
        own = stage_allows(rights, self.request.access, self.request.hlvx, self.context.mxr)
        return Mux(final, own, Mux(update, rights.w, rights.r))

    def _enter(self, m: Module) -> None:
        """To the address of the next first-stage entry, through the G stage if there is one."""
        then, plan = self.s.next, self.plan
        index = index_of(self.vpn, then.level)
        with m.If(plan.entry):
            with m.If(self.space.stage2):
                m.d.comb += [
                    then.final.eq(0),
                    then.update.eq(0),
                    then.known.eq(1),
                    plan.translate.eq(1),
                    plan.goal.eq(Cat(Const(0, PTE_SHIFT), index, plan.table)),
                ]
            with m.Else():
                m.d.comb += [
                    then.look.eq(Look.STAGE1),
                    then.writable.eq(1),
                    plan.read.eq(1),
                    plan.page.eq(plan.table),
                    plan.index.eq(index),
                    self.keep_table.eq(self.commit & (then.level != ROOT_LEVEL)),
                ]

    def _go_on(self, m: Module) -> None:
        """Through the G stage if the plan says so."""
        if self.hypervisor:
            with m.If(self.plan.translate):
                self._translate(m)

    def _translate(self, m: Module) -> None:
        """G-stage TLB, table cache, or the root table. The TLB's answer goes the way of an entry read."""
        then, plan, leaf = self.s.next, self.plan, self.guest_answer.leaf
        tables = self.guest_table_answer
        dirties = Mux(then.final, self.store, then.update)
        usable, too_big = Signal(), Signal()
        m.d.comb += [
            usable.eq(self._guest_allows(leaf.rights, then.final, then.update) & (leaf.rights.d | ~dirties)),
            too_big.eq(plan.too_big | plan.goal[GPA_BITS:].any()),
            then.look.eq(Look.GUEST),
            then.gpa.eq(plan.goal),
            then.denied.eq(0),
        ]
        with m.If(too_big):
            m.d.comb += then.pte.as_value().eq(0)
        with m.Elif(self.guest_answer.found & usable):
            m.d.comb += [
                then.pte.as_value().eq(0),
                Cat(then.pte.r, then.pte.w, then.pte.x, then.pte.d).eq(leaf.rights),
                Cat(then.pte.v, then.pte.u, then.pte.a).eq(0b111),
                then.pte.ppn.eq(leaf.ppn),
                then.guest_level.eq(Mux(leaf.giga, 2, leaf.mega)),
            ]
        with m.Elif(tables.found):
            m.d.comb += [
                then.guest_level.eq(~tables.pointer.last),
                plan.read.eq(1),
                plan.page.eq(tables.pointer.ppn),
                plan.index.eq(index_of(plan.goal[PAGE_SHIFT:], then.guest_level)),
            ]
        with m.Else():
            root_low = ROOT_BITS_X4 - LEVEL_BITS
            m.d.comb += [
                then.guest_level.eq(ROOT_LEVEL),
                plan.read.eq(1),
                plan.page.eq(
                    Cat(plan.goal[GPA_BITS - root_low : GPA_BITS], self.context.hgatp.ppn[root_low:])
                ),
                plan.index.eq(index_of(plan.goal[PAGE_SHIFT:], then.guest_level)),
            ]
