"""One side of the memory-management unit: its first-level TLB, and the request it has waiting."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.isa.paging import PA_BITS, PAGE_SHIFT
from rtl.isa.privilege import Privilege
from rtl.mmu.interface import (
    Fault,
    FaultKind,
    Fence,
    TranslatePort,
    TranslationContext,
    TranslationRequest,
)
from rtl.mmu.permissions import pmp_allows
from rtl.mmu.pmp import PmpCheck
from rtl.mmu.tags import VPN_BITS, FillPort, in_range, space_of
from rtl.mmu.tlb import Tlb

__all__ = ["Front"]


class Front(wiring.Component):
    """Answers a TranslatePort from the TLB, or directly if nothing is translated; else asks for a walk.

    Ports
    -----
    miss: the request on the port needs a walk; ``take`` starts it and copies the request to ``held``
    wanted: ``held`` is still on the port
    failed, fault: end of a walk without translation; reported while ``held`` stays on the port
    forget: translations change (a fence, or another value in ``context``): no fault found before counts

    Parameters
    ----------
    entries: of the TLB
    hypervisor: V = 1 exists
    """

    def __init__(self, entries: int, *, hypervisor: bool) -> None:
        self.entries = entries
        self.hypervisor = hypervisor
        super().__init__(self._ports())

    def _ports(self) -> dict:
        return {
            "port": In(TranslatePort),
            "context": In(TranslationContext),
            "pmp": Out(PmpCheck),
            "miss": Out(1),
            "take": In(1),
            "request": Out(TranslationRequest),
            "held": Out(TranslationRequest),
            "wanted": Out(1),
            "failed": In(1),
            "fault": In(Fault),
            "forget": In(1),
            "fill": In(FillPort),
            "fence_valid": In(1),
            "fence": In(Fence),
        }

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.tlb = tlb = Tlb(self.entries)
        port, request = self.port, self.request
        m.d.comb += request.eq(port.request)
        if not self.hypervisor:
            m.d.comb += request.virt.eq(0)
        machine = Signal()
        translated = Signal()
        allowed = Signal()
        m.d.comb += [
            machine.eq(request.privilege == Privilege.M),
            translated.eq(~machine & ~request.physical & (tlb.space.stage1 | tlb.space.stage2)),
            tlb.enable.eq(port.valid & translated),
            tlb.vpn.eq(request.vaddr[PAGE_SHIFT : PAGE_SHIFT + VPN_BITS]),
            tlb.fence_valid.eq(self.fence_valid),
            tlb.fence.eq(self.fence),
            tlb.vmid.eq(self.context.hgatp.vmid),
        ]
        with m.If(tlb.found):
            m.d.comb += allowed.eq(
                in_range(request.vaddr, tlb.space.stage1) & tlb.leaf.rights.allows(request, self.context)
            )
        for field, value in space_of(self.context, request.virt).items():
            m.d.comb += getattr(tlb.space, field).eq(value)
        wiring.connect(m, wiring.flipped(self.fill), tlb.fill)
        self._answer(m, tlb, machine, translated, allowed)
        return m

    def _answer(self, m: Module, tlb: Tlb, machine, translated, allowed) -> None:
        port, request, pmp = self.port, self.request, self.pmp
        direct = Signal()
        faulted = Signal()
        fault = Signal(Fault)
        grant = pmp_allows(pmp, request.access, request.hlvx)
        m.d.comb += [
            pmp.page.eq(request.vaddr[PAGE_SHIFT:PA_BITS]),
            pmp.valid.eq(port.valid & ~translated),
            pmp.machine.eq(machine),
            direct.eq(grant & ~request.vaddr[PA_BITS:].any()),
            self.wanted.eq(port.valid & (request == self.held)),
        ]
        with m.If(translated):
            m.d.comb += [
                port.hit.eq(port.valid & allowed),
                port.paddr.eq(tlb.leaf.ppn << PAGE_SHIFT | request.vaddr[:PAGE_SHIFT]),
                port.fault_valid.eq(faulted & self.wanted & ~self.forget),
                port.fault.eq(fault),
                self.miss.eq(port.valid & ~allowed & ~port.fault_valid),
            ]
        with m.Else():
            m.d.comb += [
                port.hit.eq(port.valid & direct),
                port.paddr.eq(request.vaddr),
                port.fault_valid.eq(port.valid & ~direct),
                port.fault.kind.eq(FaultKind.ACCESS),
            ]
        with m.If(self.take):
            m.d.sync += self.held.eq(request)
        with m.If(self.failed):
            m.d.sync += [faulted.eq(1), fault.eq(self.fault)]
        with m.Elif(~self.wanted | self.forget):
            m.d.sync += faulted.eq(0)
