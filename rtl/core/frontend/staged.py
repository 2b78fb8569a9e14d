"""Fetch in stages of their own, for a clock that has no room for two of them in a cycle."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from rtl.cache.interface import FetchPort, is_executable
from rtl.core.frontend.queue import Block
from rtl.core.interface import Mode
from rtl.core.stages import Redirect
from rtl.isa.paging import PA_BITS
from rtl.mmu.interface import Access, Fault, FaultKind, TranslatePort

__all__ = ["StagedFetch"]


class _Address(enum.Enum, shape=2):
    """What becomes of the next block's address."""

    LOOK = 0
    """The MMU's answer on the last block stands in registers. If it was none, the MMU is asked again; behind
    a fault there is no next block; else the predictor's tables are read for it."""
    TRANSLATE = 1
    """It is predicted what follows, in the first cycle; the MMU is asked."""
    HALT = 2
    """A block failed; the next redirect says where to go on."""


class StagedFetch(wiring.Component):
    """Fetches 8 bytes every two cycles along the predicted path.

    Every one of these takes a cycle or more, and begins and ends with registers:

    * look: the predictor's tables are read;
    * translate: the block's physical address is found, what follows it is predicted, and the cache's arrays
      are read;
    * fetch: the cache's tags are compared;
    * deliver: it answers, and the block goes to the queue. Meanwhile the next one is translated.

    A redirect in cycle t looks in t and delivers in t + 3.

    Members
    -------
    redirect: from execute
    mode: current privilege and V
    translate, cache: to the MMU and the instruction cache
    flush_cache: fence.i
    block_valid, block, queue_ready: to the queue, which must not lose places while it is ready
    begin, start, address, follow, taken, end, target: the predictor's members

    Parameters
    ----------
    reset_address: address of the first block after reset, a multiple of 8
    """

    def __init__(self, reset_address: int) -> None:
        self.reset_address = reset_address
        super().__init__(
            {
                "redirect": In(Redirect),
                "mode": In(Mode),
                "flush_cache": In(1),
                "translate": Out(TranslatePort),
                "cache": Out(FetchPort),
                "block_valid": Out(1),
                "block": Out(Block),
                "queue_ready": In(1),
                "begin": Out(1),
                "start": Out(64),
                "address": Out(64, init=reset_address - 8),
                "follow": Out(1),
                "taken": In(1),
                "end": In(2),
                "target": In(64),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        self._looking = Signal()
        self._free = Signal()
        """The fetch stage takes a block at the end of this cycle."""
        self._known = Signal(init=1)
        """The MMU has answered, with a translation or a fault."""
        self._refused = Signal()
        """... with a fault."""
        self._fault = Signal(Fault)
        self._paddr = Signal(PA_BITS)
        self._asked = Signal(64, init=-1)
        """``address`` for the MMU, which may stand far away. (Equal registers with one initial value would be
        merged in synthesis.)"""
        self._fetching = Signal()
        """There is a block in the fetch stage, though its physical address may not be ``_known`` yet."""
        self._failed = Signal()
        """There are no parcels, if the block is delivered in this cycle."""
        state = Signal(_Address)
        self._translate(m, state)
        self._fetch(m)
        with m.If(self.block_valid & self._failed):
            m.d.sync += [self._fetching.eq(0), state.eq(_Address.HALT)]
        with m.If(self.begin):
            m.d.sync += [
                self.address.eq(self.start),
                self._asked.eq(self.start),
                state.eq(_Address.TRANSLATE),
            ]
        with m.If(self.redirect.valid):
            m.d.sync += self._fetching.eq(0)
        return m

    def _translate(self, m: Module, state) -> None:
        """Look and translate. What the MMU says comes late, so nothing waits for it in the same cycle."""
        first = Signal()
        translating = Signal()
        asks_again = Signal()
        following = Signal(64)
        request = self.translate.request
        m.d.comb += [
            self._looking.eq(state == _Address.LOOK),
            translating.eq(state == _Address.TRANSLATE),
            asks_again.eq(self._looking & ~self._known),
            self.begin.eq((self._looking & self._known & ~self._refused) | self.redirect.valid),
            following.eq(Mux(self.taken, self.target, Cat(Const(0, 3), self.address[3:] + 1))),
            self.start.eq(Mux(self.redirect.valid, self.redirect.target, following)),
            self.follow.eq(first),
            self.translate.valid.eq((translating | asks_again) & ~self.redirect.valid),
            request.vaddr.eq(self._asked),
            request.access.eq(Access.FETCH),
            request.privilege.eq(self.mode.privilege),
            request.virt.eq(self.mode.virt),
            self.cache.index_valid.eq((translating & self._free) | asks_again),
            self.cache.index.eq(self.address[:12]),
        ]
        m.d.sync += first.eq(self.begin)
        with m.If(self._free | asks_again):
            m.d.sync += [
                self._paddr.eq(self.translate.paddr),
                self._known.eq(self.translate.hit | self.translate.fault_valid),
                self._refused.eq(self.translate.fault_valid),
                self._fault.eq(self.translate.fault),
            ]
        with m.If(self._free):
            m.d.sync += self._fetching.eq(translating)
            with m.If(translating):
                m.d.sync += state.eq(_Address.LOOK)
        with m.If(self._looking & self._refused):
            m.d.sync += state.eq(_Address.HALT)

    def _fetch(self, m: Module) -> None:
        """Fetch and deliver."""
        block = self.block
        kept = Signal(Block)
        allowed = Signal()
        arrived = Signal()
        refused = Signal()
        """The cache is not asked."""
        asks = self._fetching & self._known & self.queue_ready & ~self.redirect.valid
        m.d.comb += [
            allowed.eq(~self._refused & is_executable(self._paddr)),
            self.cache.valid.eq(asks & allowed),
            arrived.eq(self._fetching & (self.cache.done | refused)),
            self._failed.eq(refused | self.cache.error),
            self.cache.paddr.eq(self._paddr),
            self.cache.flush.eq(self.flush_cache),
            self._free.eq(~self._fetching | (arrived & ~self._failed)),
            self.block_valid.eq(arrived),
            block.eq(kept),
            block.bits.eq(self.cache.data),
            block.fault_valid.eq(self._failed),
            block.fault.eq(self._fault),
        ]
        m.d.sync += refused.eq(asks & ~allowed & ~refused)
        with m.If(~self._refused):
            m.d.comb += [block.fault.eq(0), block.fault.kind.eq(FaultKind.ACCESS)]
        with m.If(self._looking):
            m.d.sync += [
                kept.first.eq(self.address[1:3]),
                kept.last.eq(Mux(self.taken, self.end, 3)),
                kept.taken.eq(self.taken),
                kept.target.eq(self.target),
            ]
