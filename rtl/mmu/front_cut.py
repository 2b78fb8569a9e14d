"""The first-level TLB and what stands around it, with registers in the long paths (``Cuts.walk``)."""

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from rtl.isa.paging import PA_BITS, PAGE_SHIFT
from rtl.isa.privilege import Privilege
from rtl.mmu.front import Front
from rtl.mmu.interface import Fault, FaultKind
from rtl.mmu.permissions import Question, pmp_allows
from rtl.mmu.tags import VPN_BITS, in_range, space_of
from rtl.mmu.tlb import Tlb
from rtl.mmu.verdict import KeptVerdict

__all__ = ["CutFront"]


class CutFront(Front):
    """A translation that the TLB holds is found as without the cut, in the cycle of the request. Misses are
    noticed in one cycle and walked from the next, so ``miss`` and ``request`` are what the port said in the
    cycle before. The PMP's verdict on an untranslated access comes from a ``KeptVerdict``.

    Ports
    -----
    walking: the walker has taken ``held`` and is not at the end of it
    hush: no answer in this cycle: translations are changing
    pmp_changes: at the end of the cycle
    """

    def _ports(self) -> dict:
        return super()._ports() | {"walking": In(1), "hush": In(1), "pmp_changes": In(1)}

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.tlb = tlb = Tlb(self.entries, judges=True)
        m.submodules.verdict = verdict = KeptVerdict()
        wiring.connect(m, wiring.flipped(self.fill), tlb.fill)
        wiring.connect(m, verdict.pmp, wiring.flipped(self.pmp))
        request = Signal.like(self.port.request)
        machine, translated = Signal(), Signal()
        m.d.comb += request.eq(self.port.request)
        if not self.hypervisor:
            m.d.comb += request.virt.eq(0)
        for virt, space in enumerate(tlb.spaces):
            for field, value in space_of(self.context, Const(virt, 1)).items():
                m.d.comb += getattr(space, field).eq(value)
        m.d.comb += tlb.space.eq(Mux(request.virt, tlb.spaces[1], tlb.spaces[0]))
        for field, value in Question.of(request, self.context).items():
            m.d.comb += getattr(tlb.question, field).eq(value)
        m.d.comb += [
            machine.eq(request.privilege == Privilege.M),
            translated.eq(~machine & ~request.physical & (tlb.space.stage1 | tlb.space.stage2)),
            tlb.enable.eq(1),
            tlb.vpn.eq(request.vaddr[PAGE_SHIFT : PAGE_SHIFT + VPN_BITS]),
            tlb.fence_valid.eq(self.fence_valid),
            tlb.fence.eq(self.fence),
            tlb.vmid.eq(self.context.hgatp.vmid),
            verdict.valid.eq(self.port.valid & ~translated),
            verdict.page.eq(request.vaddr[PAGE_SHIFT:PA_BITS]),
            verdict.machine.eq(machine),
            verdict.drop.eq(self.pmp_changes),
        ]
        self._reply(m, tlb, verdict, request, translated)
        return m

    def _reply(self, m: Module, tlb: Tlb, verdict: KeptVerdict, request, translated) -> None:
        port = self.port
        asked, legal, direct, faulted = Signal(), Signal(), Signal(), Signal()
        fault = Signal(Fault)
        beyond = request.vaddr[PA_BITS:].any()
        granted = pmp_allows(verdict, request.access, request.hlvx)
        m.d.comb += [
            asked.eq(port.valid & ~self.hush),
            legal.eq(in_range(request.vaddr, tlb.space.stage1)),
            # The TLB's verdict comes last; all else waits for it.
            direct.eq(asked & ~translated & ~beyond & verdict.known & granted),
            port.hit.eq((tlb.allowed & (asked & translated & legal)) | direct),
            self.wanted.eq(port.valid & (request == self.held)),
            self.request.eq(self.held),
        ]
        walks, illegal = Signal(), Signal()
        m.d.comb += [
            walks.eq(port.valid & translated & ~(faulted & self.wanted) & ~self.walking & ~self.take),
            illegal.eq(walks & ~legal),
        ]
        m.d.sync += self.miss.eq((~tlb.allowed & walks) | illegal)
        with m.If(translated):
            m.d.comb += [
                port.paddr.eq(tlb.leaf.ppn << PAGE_SHIFT | request.vaddr[:PAGE_SHIFT]),
                port.fault_valid.eq(asked & faulted & self.wanted & ~self.forget),
                port.fault.eq(fault),
            ]
        with m.Else():
            m.d.comb += [
                port.paddr.eq(request.vaddr),
                port.fault_valid.eq(asked & (beyond | (verdict.known & ~granted))),
                port.fault.kind.eq(FaultKind.ACCESS),
            ]
        with m.If(~self.walking & ~self.take):
            m.d.sync += self.held.eq(request)
        with m.If(self.failed):
            m.d.sync += [faulted.eq(1), fault.eq(self.fault)]
        with m.Elif(~self.wanted | self.forget):
            m.d.sync += faulted.eq(0)
