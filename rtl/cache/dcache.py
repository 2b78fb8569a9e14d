"""The data cache: write-back, write-allocate, and the point where all memory accesses meet."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.bus.axi import AxiSignature
from rtl.cache.arrays import CacheArrays
from rtl.cache.channels import share_reads, share_writes
from rtl.cache.fill import FillQueue
from rtl.cache.geometry import WORD_BITS, Geometry
from rtl.cache.interface import CacheOp, CoherentPort, DataPort, is_cacheable
from rtl.cache.slot import CoherentRequest, CoherentSlot, CoherentSource
from rtl.cache.uncached import CACHE_ID_WIDTH, LINE_ID, DeviceAccess, is_error
from rtl.cache.ways import choose_victim, compare_tags, merge_bytes, select_way
from rtl.cache.writeback import WriteBack
from rtl.config import CacheConfig
from rtl.isa.paging import PA_BITS, PAGE_SHIFT

__all__ = ["DataCache"]

_CPU = 0
_SLOT = 1
"""Owners of line fills (bit numbers)."""


class DataCache(wiring.Component):
    """Level-1 data cache with one array port, shared by the hart, the page-table walker, the instruction
    cache's cleaning and DMA.

    Each cycle the arrays are read for one requester (stage 0); in the next its physical address is compared
    with the tags (stage 1): a hit is answered, a miss starts a line fill and is looked up again until it
    hits. Two fills may be under way while lookups go on; the word that was asked for is handed on as it
    arrives. The hart's stores do not wait for whole lines: a store merges with its word as that comes from
    the bus, or with the array once it is there; to a line that is known to exist, it leaves its bytes with
    the fill and is done at once. (DRAM begins at its base and has no holes: if a page has answered, so will
    those below. All beats of a line answer alike: AXI4 A3.4.1, a burst stays in one subordinate's 4 KiB.)

    Members
    -------
    cpu: loads and stores; see ``rtl.cache.interface``
    walker, fetch_clean, dma: coherent requesters
    bus: AXI: wrapping bursts to fill lines, incrementing bursts to write them back (id 0), single beats to
        devices (id 1)
    snoop: a DMA write changes memory at the end of this cycle (a reservation on ``paddr``'s word must die)
    miss: one cycle per line fill on behalf of the hart
    """

    _verdict_domain = "comb"
    """Where the verdict of the tags stands: in the cycle in which the arrays show them, or behind it."""

    def __init__(self, config: CacheConfig) -> None:
        self.config = config
        self.geometry = Geometry(config)
        super().__init__(
            {
                "cpu": In(DataPort),
                "walker": In(CoherentPort),
                "fetch_clean": In(CoherentPort),
                "dma": In(CoherentPort),
                "bus": Out(AxiSignature(id_width=CACHE_ID_WIDTH)),
                "snoop": Out(wiring.Signature({"valid": Out(1), "paddr": Out(PA_BITS)})),
                "miss": Out(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        g = self.geometry
        m.submodules.arrays = self._arrays = self._make_arrays(g)
        m.submodules.fill = self._fill = FillQueue(g, owners=2)
        m.submodules.writeback = self._writeback = WriteBack(g)
        m.submodules.slot = self._slot = self._make_slot(g)
        m.submodules.device = self._device = DeviceAccess()
        wiring.connect(m, self._slot.walker, wiring.flipped(self.walker))
        wiring.connect(m, self._slot.clean, wiring.flipped(self.fetch_clean))
        wiring.connect(m, self._slot.dma, wiring.flipped(self.dma))
        self._locked = Signal()
        """The hart has read under lock and not yet released it: nobody else writes."""
        with m.If(~self.cpu.lock):
            m.d.sync += self._locked.eq(0)
        with m.Elif(self.cpu.done):
            m.d.sync += self._locked.eq(self.cpu.op == CacheOp.READ)
        m.d.comb += self._slot.lock.eq(self.cpu.lock & (self.cpu.valid | self._locked))

        self._read_word = Signal(g.word_address_bits)
        """Where the arrays' output in this cycle comes from."""
        self._fresh = Signal()
        """The arrays' output in this cycle is for the hart's request."""
        self._late_done = Signal()
        """The hart's request is answered by the bus, not by the arrays."""
        self._early_done = Signal()
        """The hart's store is done although its line is only being asked for."""
        self._offered = Signal()
        """A line's beat is on the bus; it is taken unless one of the next two says no."""
        self._overtaken = Signal()
        """It would overwrite a word that is still to be written back."""
        self._collides = Signal()
        """It belongs in a way that the hart's store writes in this cycle."""
        self._merging = Signal()
        """The hart's store is for the very word on the bus."""
        self._word = Signal(64)
        """The arrays' word in the way that hits."""
        self._in_flight, self._pending = self._missing(m)
        """Ways of the set that miss words; that miss this very word."""

        self._schedule(m)
        self._lookup(m)
        self._answer_from_bus(m)
        late = self._verdict_domain == "sync"
        share_reads(m, g, self.cpu, self._fill, self._device, self.bus, registered=late)
        share_writes(m, g, self.cpu, self._writeback, self._device, self.bus, registered=late)
        return m

    def _make_arrays(self, geometry: Geometry) -> CacheArrays:
        return CacheArrays(geometry)

    def _make_slot(self, geometry: Geometry) -> CoherentSlot:
        return CoherentSlot(geometry)

    def _missing(self, m: Module) -> tuple[Signal, Signal]:
        return self._fill.in_flight, self._fill.pending

    def _schedule(self, m: Module) -> None:
        """Stage 0: who reads the arrays. The walker goes before the hart, everybody else after it; a line
        being written back lets new requests go first unless its refill waits for it, but not those that are
        looked up again (they may wait for just this), nor the hart's next one before them: its operation may
        wait for the walker, and the walker for the request; an idle cycle reads for the hart once more."""
        g, cpu, slot = self.geometry, self.cpu, self._slot
        stalled = Signal()
        may_index = Signal()
        cpu_wants = Signal()
        index_held = Signal(g.word_address_bits)
        read_address = self._arrays.read_address
        m.d.comb += [
            self._fresh.eq(cpu.valid & ~slot.evaluating & (self._read_word == g.word_address(cpu.paddr))),
            may_index.eq(~cpu.valid | (self._fresh & ~stalled) | self._late_done),
            cpu_wants.eq((cpu.index_valid & may_index) | (cpu.valid & ~self._fresh & ~self._late_done)),
        ]
        m.d.sync += [
            self._read_word.eq(read_address),
            stalled.eq(cpu.valid & ~cpu.done),
        ]
        writeback = self._writeback
        waits = slot.busy & slot.retried
        new = (cpu.index_valid & may_index & ~waits) | (slot.wants & ~slot.busy)
        with m.If(writeback.reading & (self._overtaken | ~new)):
            m.d.comb += [read_address.eq(writeback.read_address), writeback.granted.eq(1)]
        with m.Elif(slot.wants & (slot.urgent | ~cpu_wants)):
            m.d.comb += [read_address.eq(slot.word_address), slot.granted.eq(1)]
        with m.Else():
            m.d.comb += cpu.index_ready.eq(may_index & (~cpu.valid | cpu.done))
            with m.If(cpu.index_valid & may_index):
                m.d.comb += read_address.eq(g.word_address(cpu.index))
            with m.Elif(cpu.valid):
                m.d.comb += read_address.eq(g.word_address(cpu.paddr))
            with m.Else():
                m.d.comb += read_address.eq(index_held)
        with m.If(cpu.index_valid & cpu.index_ready):
            m.d.sync += index_held.eq(g.word_address(cpu.index))

    def _lookup(self, m: Module) -> None:
        """Stage 1: compare tags; answer, store, clean, or start a fill."""
        g, cpu, slot = self.geometry, self.cpu, self._slot
        arrays, fill, writeback = self._arrays, self._fill, self._writeback
        mine = slot.evaluating
        request = Signal(CoherentRequest)
        m.d.comb += request.eq(slot.request)
        with m.If(~mine):
            m.d.comb += [request[name].eq(getattr(cpu, name)) for name in ("paddr", "op", "wdata", "wmask")]
        active = Signal()
        hit = Signal(g.ways)
        clean = Signal()
        writes = Signal()
        complete = Signal()
        line = Signal(g.line)
        address = g.split(request.paddr)
        m.d.comb += active.eq(self._active(m, mine))
        m.d[self._verdict_domain] += hit.eq(compare_tags(arrays.tags, arrays.valid, address.tag))
        m.d[self._verdict_domain] += [
            clean.eq(request.op == CacheOp.CLEAN),
            writes.eq((request.op == CacheOp.WRITE) | (request.op == CacheOp.CAS)),
        ]
        m.d.comb += [
            line.set.eq(address.set),
            line.tag.eq(address.tag),
            fill.query_set.eq(self._read_word[g.offset_bits :]),
            fill.query_offset.eq(self._read_word[: g.offset_bits]),
        ]
        leaving = Signal()
        m.d[self._verdict_domain] += leaving.eq(~writeback.idle & (writeback.held == line))
        dirty_hit = (hit & arrays.dirty).any()
        clean_start = Signal()
        self._allocate(m, active & ~clean & ~hit.any() & ~leaving, line, address.offset, writes)
        incoming = Mux(self._offered, fill.next_way, 0)
        if arrays.staged:
            m.d.comb += arrays.fill_offered.eq(incoming)
        with m.If(clean):
            m.d.comb += [
                complete.eq(active & ~dirty_hit & ~leaving),
                clean_start.eq(active & dirty_hit & ~(hit & self._in_flight).any() & writeback.idle),
            ]
        with m.Elif(writes & mine):
            m.d.comb += complete.eq(active & ~self._locked & self._whole(hit, self._in_flight, incoming))
        with m.Elif(writes):
            present = hit & ~self._pending
            self._store_during_beat(m, active, hit, present, incoming, complete)
        with m.Else():
            m.d.comb += complete.eq(active & (hit & ~self._pending).any())
        with m.If(clean_start):
            m.d.comb += [
                writeback.start.eq(1),
                writeback.way.eq(hit),
                writeback.line.eq(line),
            ]
            m.d.comb += arrays.clean_ways.eq(hit)

        word = self._word
        store = Signal()
        m.d.comb += [
            word.eq(select_way(hit, arrays.data)),
            store.eq(complete & writes & ((request.op == CacheOp.WRITE) | self._as_expected(m, request))),
            arrays.dirty_ways.eq(Mux(store, hit, 0)),
            arrays.store_ways.eq(Mux(store & ~self._merging, hit, 0)),
            arrays.store_address.eq(self._read_word),
            cpu.done.eq((complete & ~mine) | self._late_done | self._early_done),
            cpu.rdata.eq(Mux(self._late_done, self.bus.rdata, word)),
            slot.rdata.eq(Mux(fill.first_owner[_SLOT], self.bus.rdata, word)),
            slot.swapped.eq(Mux(clean, slot.retried, store)),
            slot.complete.eq(
                self._finished(mine, complete) | fill.first_owner[_SLOT] | fill.failed_owner[_SLOT]
            ),
            self.snoop.valid.eq(store & mine & (slot.source == CoherentSource.DMA)),
            self.snoop.paddr.eq(slot.request.paddr),
        ]
        with m.If(store):
            mask = request.wmask | (request.op == CacheOp.CAS).replicate(8)
            m.d.comb += arrays.store_data.eq(merge_bytes(word, request.wdata, mask))

    def _store_during_beat(self, m: Module, active, hit, present, incoming, complete) -> None:
        """Whether the hart's store completes: if need be, with a word that comes just now. It goes before a
        beat for another word of its way."""
        fill = self._fill
        m.d.comb += [
            self._merging.eq(
                active
                & self._offered
                & ~self._overtaken
                & ~fill.next_owner[_SLOT]
                & (hit & fill.arriving).any()
            ),
            self._collides.eq(active & (present & incoming).any()),
            complete.eq((active & present.any()) | self._merging),
        ]

    def _whole(self, hit: Signal, missing: Value, incoming: Value) -> Value:
        """The way that hits misses nothing, and nothing comes for it in this cycle."""
        return (hit & ~(missing | incoming)).any()

    def _active(self, m: Module, mine: Signal) -> Value:
        """There is something to answer in this cycle: it concerns the cache, and the arrays show its set."""
        return Mux(mine, self._slot.cacheable, self._fresh & is_cacheable(self.cpu.paddr))

    def _as_expected(self, m: Module, request: CoherentRequest) -> Value:
        """The word is what a compare-and-swap expects."""
        return self._word == request.expected

    def _finished(self, mine: Signal, complete: Signal) -> Value:
        """The arrays' answer is the slot's and ends its request."""
        return mine & (complete | ~self._slot.cacheable)

    def _allocate(self, m: Module, missed, line, offset, writes) -> None:
        """Start a fill for a lookup that missed, and write back what stands in its place."""
        g, cpu, slot = self.geometry, self.cpu, self._slot
        arrays, fill, writeback = self._arrays, self._fill, self._writeback
        turn = Signal(g.ways, init=1)
        victim = Signal(g.ways)
        victim_dirty = Signal()
        victim_busy = Signal()
        self._choose(m, turn, line, victim, victim_dirty, victim_busy)
        m.d.comb += [
            fill.valid.eq(missed & ~victim_busy),
            fill.line.eq(line),
            fill.offset.eq(offset),
            fill.way.eq(victim),
            fill.owner.eq(Mux(slot.evaluating, 1 << _SLOT, 1 << _CPU)),
            fill.writing.eq(writes),
            fill.cancel[_CPU].eq(self._waits_no_more()),
            arrays.tag_line.eq(line),
            writeback.offset.eq(offset),
            writeback.line.set.eq(line.set),
            writeback.line.tag.eq(select_way(victim, arrays.tags)),
            writeback.way.eq(victim),
            writeback.word.eq(select_way(writeback.read_way, arrays.data)),
        ]
        page = Cat(line.set, line.tag)[PAGE_SHIFT - WORD_BITS - g.offset_bits :]
        present = Signal()
        highest = Signal(len(page))
        m.d.comb += fill.merge_data.eq(cpu.wdata)
        exists = self._foreseen(m, present & (page <= highest) & ~slot.evaluating & (cpu.op == CacheOp.WRITE))
        with m.If(fill.valid & fill.ready):
            m.d.comb += self._early_done.eq(exists)
            with m.If(self._early_done):
                m.d.comb += [fill.owner.eq(0), fill.merge_mask.eq(cpu.wmask), arrays.tag_dirty.eq(1)]
            m.d.comb += [arrays.tag_ways.eq(victim), writeback.start.eq(victim_dirty)]
            m.d.comb += self.miss.eq(~slot.evaluating)
            m.d.sync += turn.eq(turn.rotate_left(1))
        answering = Cat(fill.beat_line.set, fill.beat_line.tag)[-len(page) :]
        with m.If(fill.r_valid & ~fill.beat_error & (~present | (answering > highest))):
            m.d.sync += [present.eq(1), highest.eq(answering)]

    def _answer_from_bus(self, m: Module) -> None:
        """Lead arriving words into the arrays, and to a requester who waits for this very word."""
        arrays, fill, device, bus, cpu = (
            self._arrays,
            self._fill,
            self._device,
            self.bus,
            self.cpu,
        )
        beat = Signal(64)
        m.d.comb += beat.eq(merge_bytes(bus.rdata, fill.beat_merge, fill.beat_mask))
        m.d.comb += [
            self._offered.eq(bus.rvalid & (bus.rid == LINE_ID)),
            self._overtaken.eq(self._overtakes()),
            bus.rready.eq(~(self._overtaken | self._collides)),
            fill.r_valid.eq(self._offered & bus.rready),
            fill.r_error.eq(is_error(bus.rresp)),
            fill.r_last.eq(bus.rlast),
            arrays.fill_ways.eq(fill.beat_way),
            arrays.fill_address.eq(fill.beat_address),
            arrays.fill_data.eq(Mux(self._merging, merge_bytes(beat, cpu.wdata, cpu.wmask), beat)),
            arrays.drop_ways.eq(fill.drop_way),
            arrays.drop_set.eq(fill.drop_set),
            device.valid.eq(self._uncached()),
            device.write.eq(cpu.op == CacheOp.WRITE),
            device.paddr.eq(cpu.paddr),
            self._late_done.eq(cpu.valid & (fill.first_owner[_CPU] | fill.failed_owner[_CPU] | device.done)),
            cpu.error.eq(
                (self._late_done & Mux(device.done, device.error, fill.r_error | fill.failed_owner[_CPU]))
                | (self._merging & fill.beat_error)
            ),
            self._slot.error.eq(
                (self._slot.evaluating & ~self._slot.cacheable)
                | fill.failed_owner[_SLOT]
                | (fill.first_owner[_SLOT] & fill.r_error)
            ),
        ]

    def _overtakes(self) -> Value:
        """The beat on the bus would come before the word in its place is read."""
        fill, writeback = self._fill, self._writeback
        return (
            self._offered
            & writeback.reading
            & (writeback.read_address == fill.beat_address)
            & (writeback.read_way & fill.next_way).any()
        )

    def _choose(self, m: Module, turn, line, victim: Signal, dirty: Signal, busy: Signal) -> None:
        """Which way ``line`` would go into, whether what is there must be written back, and whether the way
        cannot be had."""
        arrays = self._arrays
        m.d.comb += [
            victim.eq(choose_victim(arrays.valid, turn)),
            dirty.eq((victim & arrays.valid & arrays.dirty).any()),
        ]
        writeback = self._writeback
        m.d.comb += busy.eq(
            (victim & self._in_flight).any()
            | (writeback.reading & (writeback.held.set == line.set) & (victim & writeback.read_way).any())
            | (dirty & ~writeback.idle)
        )

    def _waits_no_more(self) -> Value:
        """No fill serves the hart's request any more."""
        return ~self.cpu.valid | self.cpu.done

    def _foreseen(self, m: Module, condition: Value) -> Value:
        """The same; it may be known a cycle before the answer."""
        return condition

    def _uncached(self) -> Value:
        """The hart's request is for a device."""
        return self.cpu.valid & ~is_cacheable(self.cpu.paddr)
