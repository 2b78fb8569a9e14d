"""The frontend: next fetch address, translation, instruction cache, fetch queue."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.cache.interface import FetchPort, is_executable
from rtl.config import CoreConfig
from rtl.core.frontend.predictor import Predictor
from rtl.core.frontend.queue import FetchQueue
from rtl.core.frontend.staged import StagedFetch
from rtl.core.interface import Mode
from rtl.core.stages import BranchUpdate, Fetched, Redirect
from rtl.isa.memory_map import BOOT_ROM
from rtl.mmu.interface import Access, FaultKind, TranslatePort

__all__ = ["Frontend"]


class Frontend(wiring.Component):
    """Fetches 8 bytes a cycle along the predicted path.

    Stage 0 presents the fetch address to the cache's arrays and to the predictor; stage 1 translates it,
    receives the parcels, puts them in the queue, and says where to fetch next. A redirect in cycle t is
    fetched in t and stands in the queue in t + 2, where decode reads it. Instructions come from DRAM or the
    boot ROM only: a speculative fetch must not touch a device, so elsewhere it is an access fault.

    Members
    -------
    instruction: whole instructions in order
    follower, follower_valid, pair: the instruction behind it; both are taken
    redirect, update: from execute; with the cut ``redirect`` a cycle old, and nothing is offered meanwhile
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
                "follower": Out(Fetched),
                "follower_valid": Out(1),
                "pair": In(1),
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
        m.submodules.predictor = predictor = Predictor(self.config.branch, staged=self.config.cuts.fetch)
        pairs = self.config.dual_issue
        # What decode's buffer takes a cycle longer for, the queue makes up for.
        at_once = self.config.cuts.decode and not pairs
        m.submodules.queue = queue = FetchQueue(self.reset_address, pairs=pairs, at_once=at_once)
        connect(m, queue.instruction, flipped(self.instruction))
        m.d.comb += [
            self.follower.eq(queue.follower),
            self.follower_valid.eq(queue.follower_valid),
            queue.pair.eq(self.pair),
            queue.redirect.eq(self.redirect),
        ]
        if self.config.cuts.redirect:
            # Execute has not seen to it itself that nothing younger than the redirect arrives.
            with m.If(self.redirect.valid):
                m.d.comb += self.instruction.valid.eq(0)
        if self.config.cuts.fetch:
            self._fetch_in_stages(m, predictor, queue)
        else:
            self._fetch(m, predictor, queue)
        return m

    def _fetch_in_stages(self, m: Module, predictor: Predictor, queue: FetchQueue) -> None:
        m.submodules.fetch = fetch = StagedFetch(self.reset_address)
        connect(m, fetch.translate, flipped(self.translate))
        connect(m, fetch.cache, flipped(self.cache))
        m.d.comb += [
            fetch.redirect.eq(self.redirect),
            fetch.mode.eq(self.mode),
            fetch.flush_cache.eq(self.flush_cache),
            queue.block.valid.eq(fetch.block_valid),
            queue.block.p.eq(fetch.block),
            fetch.queue_ready.eq(queue.block.ready),
            predictor.begin.eq(fetch.begin),
            predictor.start.eq(fetch.start),
            predictor.address.eq(fetch.address),
            predictor.follow.eq(fetch.follow),
            predictor.update.eq(self.update),
            predictor.repair.eq(self.redirect.valid),
            fetch.taken.eq(predictor.taken),
            fetch.end.eq(predictor.end),
            fetch.target.eq(predictor.target),
        ]

    def _fetch(self, m: Module, predictor: Predictor, queue: FetchQueue) -> None:
        """Two stages, one block a cycle."""
        # Stage 0: behind the block that was fetched last, where the prediction for that says.
        address = Signal(64, init=self.reset_address)
        looked_up = Signal()
        """The predictor's answer is for ``address``; else ``address`` is still to be fetched."""
        valid = Signal()
        halted = Signal()
        done = Signal()
        next_address = Signal(64)
        stage0 = Signal(64)
        begin = Signal()
        repeat = Signal()
        m.d.comb += [
            next_address.eq(Cat(Const(0, 3), address[3:] + 1)),
            stage0.eq(Mux(self.redirect.valid, self.redirect.target, next_address)),
            repeat.eq(valid & ~done & ~self.redirect.valid),
            begin.eq((self.redirect.valid | ~(halted | repeat)) & self.cache.index_ready),
            # While a block waits for translation or for the queue, the arrays stay with it.
            self.cache.index_valid.eq(
                self.redirect.valid | ~(halted | (valid & ~(self.translate.hit & queue.block.ready)))
            ),
            self.cache.index.eq(stage0[:12]),
            predictor.begin.eq(begin),
            predictor.start.eq(stage0),
            predictor.address.eq(address),
            predictor.follow.eq(begin & looked_up),
            predictor.update.eq(self.update),
            predictor.repair.eq(self.redirect.valid),
            self.cache.flush.eq(self.flush_cache),
        ]
        with m.If(~looked_up):
            m.d.comb += next_address.eq(address)
        with m.Elif(predictor.taken):
            m.d.comb += next_address.eq(predictor.target)
        with m.If(begin):
            m.d.sync += [address.eq(stage0), looked_up.eq(1)]
        with m.Elif(self.redirect.valid):
            m.d.sync += [address.eq(self.redirect.target), looked_up.eq(0)]
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
            allowed.eq(is_executable(paddr)),
            self.cache.valid.eq(
                valid & self.translate.hit & allowed & queue.block.ready & ~self.redirect.valid
            ),
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
            block.last.eq(Mux(predictor.taken, predictor.end, 3)),
            block.taken.eq(predictor.taken),
            block.target.eq(predictor.target),
            block.fault_valid.eq(failed),
            block.fault.eq(self.translate.fault),
        ]
        with m.If(~self.translate.fault_valid):
            m.d.comb += [block.fault.eq(0), block.fault.kind.eq(FaultKind.ACCESS)]
        with m.If(self.redirect.valid):
            m.d.sync += halted.eq(0)
        with m.Elif(valid & done & failed):
            m.d.sync += [halted.eq(1), valid.eq(0)]
