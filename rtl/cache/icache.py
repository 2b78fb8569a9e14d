"""The instruction cache."""

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from rtl.bus.axi import AxiBurst, AxiSignature
from rtl.cache.arrays import CacheArrays
from rtl.cache.fill import FillQueue
from rtl.cache.geometry import WORD_BITS, Geometry
from rtl.cache.interface import CacheOp, CoherentPort, FetchPort, is_cacheable
from rtl.cache.uncached import CACHE_ID_WIDTH, DEVICE_ID, LINE_ID, DeviceAccess, is_error
from rtl.cache.ways import choose_victim, compare_tags, select_way
from rtl.config import CacheConfig
from rtl.isa.memory_map import DRAM_BASE

__all__ = ["InstructionCache"]


class _Miss(enum.Enum, shape=2):
    """What becomes of a line that missed."""

    NONE = 0
    ASK = 1
    """The data cache is to take the request to clean the line; in that cycle the fill starts."""
    WAIT = 2
    """The data cache says whether memory was current. Nothing is answered meanwhile."""
    DROP = 3
    """Memory was not current when the fill started: away with the line (it will miss again)."""


class InstructionCache(wiring.Component):
    """Level-1 instruction cache, read-only.

    Works in two stages like the data cache. A miss has the data cache clean the line (``clean``), so that
    fence.i needs to do no more than to invalidate this cache. The fill starts as soon as the data cache takes
    the request, critical word first; if the line turns out to have been dirty, it is dropped and filled
    again.
    A fetch is answered by an arriving word if it waits for it; lookups go on meanwhile. A fetch that is
    withdrawn leaves its fill behind, which ends by itself.

    Members
    -------
    cpu: fetches; see ``rtl.cache.interface``
    clean: to the data cache
    bus: AXI, reads only: wrapping bursts (id 0), aligned 8-byte reads from devices (id 1)
    miss: one cycle per line fill

    Parameters
    ----------
    staged: answers come a cycle later, from registers, and a miss is noticed a cycle later. In the cycle of
        ``done`` nothing is looked up. Behind a fetch that is withdrawn there is a cycle without ``valid``,
        in which ``done`` may still come. Only in such cycles the requester may show an index, which is taken
        at once.
    """

    def __init__(self, config: CacheConfig, *, staged: bool = False) -> None:
        self.config = config
        self.staged = staged
        self.geometry = Geometry(config)
        super().__init__(
            {
                "cpu": In(FetchPort),
                "clean": Out(CoherentPort),
                "bus": Out(AxiSignature(id_width=CACHE_ID_WIDTH)),
                "miss": Out(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        g = self.geometry
        m.submodules.arrays = self._arrays = CacheArrays(g, writable=False)
        m.submodules.fill = self._fill = FillQueue(g, owners=1)
        m.submodules.device = self._device = DeviceAccess()
        self._read_word = Signal(g.word_address_bits)
        """Where the arrays' output in this cycle comes from."""
        self._fresh = Signal()
        """The arrays' output in this cycle is for the fetch."""
        self._late_done = Signal()
        """The fetch is answered by the bus, not by the arrays."""
        self._wanted = self.cpu.valid & ~self.cpu.done if self.staged else self.cpu.valid
        """A fetch is to be looked up."""
        self._miss = Signal(_Miss)
        self._schedule(m)
        self._lookup(m)
        self._answer_from_bus(m)
        self._connect_bus(m)
        return m

    def _schedule(self, m: Module) -> None:
        """Stage 0: read the arrays for the next fetch, or again for the one that waits."""
        g, fetch = self.geometry, self.cpu
        index_held = Signal(g.word_address_bits)
        read_address = self._arrays.read_address
        m.d.comb += self._fresh.eq(self._wanted & (self._read_word == g.word_address(fetch.paddr)))
        m.d.sync += self._read_word.eq(read_address)
        if self.staged:
            m.d.comb += fetch.index_ready.eq(1)
            m.d.comb += read_address.eq(g.word_address(Mux(fetch.index_valid, fetch.index, fetch.paddr[:12])))
            return
        stalled = Signal()
        may_index = Signal()
        m.d.comb += [
            may_index.eq(~fetch.valid | (self._fresh & ~stalled) | self._late_done),
            fetch.index_ready.eq(may_index & (~fetch.valid | fetch.done)),
        ]
        m.d.sync += stalled.eq(fetch.valid & ~fetch.done)
        with m.If(fetch.index_valid & may_index):
            m.d.comb += read_address.eq(g.word_address(fetch.index))
        with m.Elif(fetch.valid):
            m.d.comb += read_address.eq(g.word_address(fetch.paddr))
        with m.Else():
            m.d.comb += read_address.eq(index_held)
        with m.If(fetch.index_valid & fetch.index_ready):
            m.d.sync += index_held.eq(g.word_address(fetch.index))

    def _lookup(self, m: Module) -> None:
        """Stage 1: compare tags; answer, or begin a fill."""
        g, fetch, arrays, fill = self.geometry, self.cpu, self._arrays, self._fill
        hit = Signal(g.ways)
        active = Signal()
        settled = (self._miss == _Miss.NONE) | (self._miss == _Miss.ASK)
        address = g.split(fetch.paddr)
        m.d.comb += [
            active.eq(self._fresh & is_cacheable(fetch.paddr)),
            hit.eq(compare_tags(arrays.tags, arrays.valid, address.tag)),
            fill.query_set.eq(self._read_word[g.offset_bits :]),
            fill.query_offset.eq(self._read_word[: g.offset_bits]),
            *([] if self.staged else self._answer(active & settled, hit)),
            arrays.flush.eq(fetch.flush),
            fill.kill.eq(fetch.flush | (self._miss == _Miss.DROP)),
        ]
        if self.staged:
            self._fill_line(m, self._answer_behind(m, active, settled, hit), address)
        else:
            self._fill_line(m, active & ~hit.any(), address)

    def _answer(self, valid, hit) -> list:
        """From the arrays, if ``valid``, or from the bus."""
        fetch = self.cpu
        return [
            fetch.done.eq((valid & (hit & ~self._fill.pending).any()) | self._late_done),
            fetch.data.eq(Mux(self._late_done, self.bus.rdata, select_way(hit, self._arrays.data))),
        ]

    def _answer_behind(self, m: Module, active, settled, hit) -> Value:
        """All words that may be the answer go into registers; it is chosen there. Returns whether the fetch
        missed, in that cycle, too."""
        ways, fetch = self.geometry.ways, self.cpu
        late, looked, found, matched = Signal(), Signal(), Signal(ways), Signal(ways)
        words = [Signal(64, name=f"word_{way}") for way in range(ways)]
        word = Signal(64)
        m.d.sync += [
            late.eq(self._late_done),
            fetch.error.eq(self._late_done & is_error(self.bus.rresp)),
            looked.eq(active & (self._miss == _Miss.NONE)),
            matched.eq(hit),
            found.eq(hit & ~self._fill.pending & (active & settled & ~self._late_done).replicate(ways)),
            *(ours.eq(theirs) for ours, theirs in zip(words, self._arrays.data, strict=True)),
            word.eq(self.bus.rdata),
        ]
        m.d.comb += [
            fetch.done.eq(found.any() | late),
            fetch.data.eq(select_way(found, words) | Mux(late, word, 0)),
        ]
        return looked & ~matched.any()

    def _fill_line(self, m: Module, missed, address) -> None:
        """Have the line cleaned, fill it, and drop it if it was filled too early."""
        g, arrays, fill, clean = self.geometry, self._arrays, self._fill, self.clean
        turn = Signal(g.ways, init=1)
        victim = Signal(g.ways)
        way = Signal(g.ways)
        chosen = next_way = victim
        if self.staged:
            # Nothing is filled but what missed, so the arrays still say the same in the next cycle.
            noticed = Signal()
            m.d.comb += noticed.eq(missed)
            missed = noticed & self.cpu.valid
            chosen, next_way = way, Mux(noticed, way, victim)
        line = Signal(g.line)
        offset = Signal(g.offset_bits)
        taken = Signal()
        start = Signal()
        cleaned = Signal()
        swapped = Signal()
        # The data cache's answers come late. Memory is no less current in the cycle behind them.
        m.d["sync" if self.staged else "comb"] += [
            start.eq(taken),
            cleaned.eq(clean.done),
            swapped.eq(clean.swapped),
        ]
        m.d.comb += [
            victim.eq(choose_victim(arrays.valid, turn)),
            clean.op.eq(CacheOp.CLEAN),
            clean.paddr.eq(g.paddr(line, offset, DRAM_BASE)),
            clean.valid.eq(self._miss == _Miss.ASK),
            fill.valid.eq(start),
            fill.line.eq(line),
            fill.offset.eq(offset),
            fill.way.eq(way),
            fill.owner.eq(1),
            arrays.tag_line.eq(line),
            arrays.tag_ways.eq(Mux(start, way, 0)),
            arrays.drop_ways.eq(fill.drop_way),
            arrays.drop_set.eq(fill.drop_set),
        ]
        with m.Switch(self._miss):
            with m.Case(_Miss.NONE):
                m.d.sync += [line.set.eq(address.set), line.tag.eq(address.tag), offset.eq(address.offset)]
                m.d.sync += way.eq(next_way)
                with m.If(missed & fill.ready & ~(chosen & fill.in_flight).any()):
                    m.d.comb += self.miss.eq(1)
                    m.d.sync += [turn.eq(turn.rotate_left(1)), self._miss.eq(_Miss.ASK)]
            with m.Case(_Miss.ASK), m.If(clean.ready):
                m.d.comb += taken.eq(1)
                m.d.sync += self._miss.eq(_Miss.WAIT)
            with m.Case(_Miss.WAIT), m.If(cleaned):
                m.d.sync += self._miss.eq(Mux(swapped, _Miss.DROP, _Miss.NONE))
            with m.Case(_Miss.DROP), m.If(~fill.drop_way.any()):
                m.d.comb += [arrays.drop_ways.eq(way), arrays.drop_set.eq(line.set)]
                m.d.sync += self._miss.eq(_Miss.NONE)

    def _answer_from_bus(self, m: Module) -> None:
        """Lead arriving words into the arrays, and to the fetch if it waits for this very word."""
        g, arrays, fill, device = self.geometry, self._arrays, self._fill, self._device
        bus, fetch = self.bus, self.cpu
        from_line = Signal()
        from_device = Signal()
        settled = (self._miss == _Miss.NONE) | (self._miss == _Miss.ASK)
        m.d.comb += [
            fill.r_valid.eq(bus.rvalid & (bus.rid == LINE_ID)),
            fill.r_error.eq(is_error(bus.rresp)),
            fill.r_last.eq(bus.rlast),
            arrays.fill_ways.eq(fill.beat_way),
            arrays.fill_address.eq(fill.beat_address),
            arrays.fill_data.eq(bus.rdata),
            device.valid.eq(self._wanted & ~is_cacheable(fetch.paddr)),
            device.paddr[WORD_BITS:].eq(fetch.paddr[WORD_BITS:]),
            from_line.eq(
                settled
                & fill.beat_owner[0]
                & (
                    g.paddr(fill.beat_line, fill.beat_offset, DRAM_BASE)[WORD_BITS:]
                    == fetch.paddr[WORD_BITS:]
                )
            ),
            from_device.eq(device.done & (device.address[WORD_BITS:] == fetch.paddr[WORD_BITS:])),
            self._late_done.eq(self._wanted & (from_line | from_device)),
        ]
        if not self.staged:
            m.d.comb += fetch.error.eq(self._late_done & is_error(bus.rresp))

    def _connect_bus(self, m: Module) -> None:
        """Line fills and device reads share the read address channel; nothing is ever written."""
        g, fill, device, bus = self.geometry, self._fill, self._device, self.bus
        held = Signal()
        select = Signal()
        m.d.comb += [
            select.eq(device.ar_valid & (held | ~fill.ar_valid)),
            bus.arvalid.eq(device.ar_valid | fill.ar_valid),
            bus.arid.eq(Mux(select, DEVICE_ID, LINE_ID)),
            bus.araddr.eq(Mux(select, device.address, g.paddr(fill.ar_line, fill.ar_offset, DRAM_BASE))),
            bus.arlen.eq(Mux(select, 0, g.words - 1)),
            bus.arsize.eq(3),
            bus.arburst.eq(Mux(select, AxiBurst.INCR, AxiBurst.WRAP)),
            bus.rready.eq(1),
            bus.bready.eq(1),
            device.ar_ready.eq(bus.arready & select),
            fill.ar_ready.eq(bus.arready & ~select),
            device.r_valid.eq(bus.rvalid & (bus.rid == DEVICE_ID)),
            device.r_resp.eq(bus.rresp),
        ]
        m.d.sync += held.eq(select)
