"""The frontend: next fetch address, translation, instruction cache, parcel queue."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.cache.interface import FetchPort, is_cacheable
from rtl.config import CoreConfig
from rtl.core.frontend.predictor import Predictor
from rtl.core.frontend.queue import ParcelQueue
from rtl.core.interface import Mode
from rtl.core.stages import BranchUpdate, Fetched, Redirect
from rtl.isa.memory_map import BOOT_ROM
from rtl.mmu.interface import Access, FaultKind, TranslatePort

__all__ = ["Frontend"]


class Frontend(wiring.Component):
    """Fetches 8 bytes a cycle along the predicted path.

    Stage 0 presents the fetch address to the cache's arrays and to the predictor; stage 1 translates it,
    receives the parcels and puts them in the queue. A redirect in cycle t is fetched in t and stands in the
    queue in t + 2, where decode reads it. Instructions come from DRAM or the boot ROM only: a speculative
    fetch must not touch a device, so elsewhere it is an access fault.

    Members
    -------
    instruction: whole instructions in order
    redirect, update: from execute
    mode: current privilege and V
    translate, cache: to the MMU and the instruction cache
    flush_cache: fence.i
    """

    def __init__(self, config: CoreConfig, reset_address: int = BOOT_ROM.base) -> None:
        self.config = config
        self.reset_address = reset_address
        super().__init__(
            {
                "instruction": Out(stream.Signature(Fetched)),
                "redirect": In(Redirect),
                "update": In(BranchUpdate),
                "mode": In(Mode),
                "flush_cache": In(1),
                "translate": Out(TranslatePort),
                "cache": Out(FetchPort),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.predictor = predictor = Predictor(self.config.branch)
        m.submodules.queue = queue = ParcelQueue(self.reset_address)
        connect(m, queue.instruction, flipped(self.instruction))
        m.d.comb += [queue.redirect.eq(self.redirect), self.cache.flush.eq(self.flush_cache)]

        next_address = Signal(64, init=self.reset_address)
        valid = Signal()
        address = Signal(64)
        taken = Signal()
        end = Signal(2)
        target = Signal(64)
        halted = Signal()
        done = Signal()

        stage0 = Signal(64)
        with m.If(self.redirect.valid):
            m.d.comb += stage0.eq(self.redirect.target)
        with m.Elif(valid & ~done):
            m.d.comb += stage0.eq(address)
        with m.Else():
            m.d.comb += stage0.eq(next_address)

        begin = Signal()
        repeat = Signal()
        m.d.comb += [
            repeat.eq(valid & ~done & ~self.redirect.valid),
            begin.eq((self.redirect.valid | ~(halted | repeat)) & self.cache.index_ready),
            self.cache.index_valid.eq(self.redirect.valid | ~halted),
            self.cache.index.eq(stage0[:12]),
            predictor.address.eq(stage0),
            predictor.advance.eq(begin),
            predictor.update.eq(self.update),
            predictor.repair.eq(self.redirect.valid),
        ]
        with m.If(begin):
            m.d.sync += [
                address.eq(stage0),
                taken.eq(predictor.taken),
                end.eq(Mux(predictor.taken, predictor.end, 3)),
                target.eq(predictor.target),
                next_address.eq(Mux(predictor.taken, predictor.target, Cat(Const(0, 3), stage0[3:] + 1))),
            ]
        with m.Elif(self.redirect.valid):
            m.d.sync += next_address.eq(self.redirect.target)
        m.d.sync += valid.eq(begin | repeat)

        # Stage 1
        allowed = Signal()
        failed = Signal()
        request = self.translate.request
        paddr = self.translate.paddr
        block = queue.block.p
        m.d.comb += [
            self.translate.valid.eq(valid),
            request.vaddr.eq(address),
            request.access.eq(Access.FETCH),
            request.privilege.eq(self.mode.privilege),
            request.virt.eq(self.mode.virt),
            allowed.eq(is_cacheable(paddr) | (paddr[16:] == BOOT_ROM.base >> 16)),
            self.cache.valid.eq(valid & self.translate.hit & allowed & queue.block.ready),
            self.cache.paddr.eq(paddr),
            failed.eq(
                self.translate.fault_valid
                | (self.translate.hit & ~allowed)
                | (self.cache.done & self.cache.error)
            ),
            done.eq((self.cache.done | failed) & queue.block.ready),
            queue.block.valid.eq(valid & (self.cache.done | failed)),
            block.bits.eq(self.cache.data),
            block.first.eq(address[1:3]),
            block.last.eq(end),
            block.taken.eq(taken),
            block.target.eq(target),
            block.fault_valid.eq(failed),
            block.fault.eq(self.translate.fault),
        ]
        with m.If(~self.translate.fault_valid):
            m.d.comb += [block.fault.eq(0), block.fault.kind.eq(FaultKind.ACCESS)]
        with m.If(self.redirect.valid):
            m.d.sync += halted.eq(0)
        with m.Elif(valid & done & failed):
            m.d.sync += [halted.eq(1), valid.eq(0)]
        return m
