"""The data cache with a register behind the tags (``Cuts.memory``)."""

from amaranth import Cat, Module, Mux, Signal, Value

from rtl.cache.arrays import CacheArrays
from rtl.cache.dcache import DataCache
from rtl.cache.geometry import Geometry
from rtl.cache.interface import CacheOp, is_cacheable
from rtl.cache.slot import CoherentRequest, CoherentSlot
from rtl.cache.stepped_slot import SteppedSlot
from rtl.cache.ways import choose_victim

__all__ = ["SteppedDataCache"]


class SteppedDataCache(DataCache):
    """A look-up takes a cycle more: the arrays show a set for two cycles. In the first one the tags are
    compared, in the second one there is an answer. (The word of a compare-and-swap is compared in one more
    in between.)

    What is registered in between (the way that hits; the victim, whether it is dirty and can be had; the kind
    of request) changes in cycles with an answer only, and those are never two in a row; but for a line that
    is dropped, which makes the look-up begin again, and for what can only get better. All else that an answer
    depends on is seen as it is in the cycle of the answer.

    Nothing comes of the first cycle of a hart's request: it may then be withdrawn even if it is for a device.
    ``index_ready`` comes only without a request. The coherent requesters' requests and answers stand in
    registers.
    """

    _verdict_domain = "sync"

    def _make_arrays(self, geometry: Geometry) -> CacheArrays:
        return CacheArrays(geometry, staged=True)

    def _make_slot(self, geometry: Geometry) -> CoherentSlot:
        return SteppedSlot(geometry)

    def _schedule(self, m: Module) -> None:
        """Stage 0, as in the other cache: but what was read last is read once more to be compared."""
        g, cpu, slot, writeback = self.geometry, self.cpu, self._slot, self._writeback
        read_address = self._arrays.read_address
        comparing = Signal()
        """The arrays show what the request in turn asks for, and its tag is compared."""
        compared = Signal()
        """It was, in the last cycle."""
        self._for_hart, self._for_slot, self._refused = Signal(), Signal(), Signal()
        """... for the hart, for the slot (whose request may have been answered by the bus since), for one of
        the slot's that is not for DRAM."""
        self._spoilt = Signal()
        """What was compared has changed meanwhile."""
        shown = Signal()
        """What the arrays show was read for the hart."""
        again = Signal()
        """A swap: the word is compared, the tag was in the last cycle."""
        swaps = slot.evaluating & (slot.request.op == CacheOp.CAS)
        matches = Signal()
        ends = Signal()
        """The comparison does."""
        stuck = Signal()
        m.d.comb += [
            matches.eq(self._read_word == g.word_address(cpu.paddr)),
            comparing.eq(~compared & (slot.evaluating | (cpu.valid & shown))),
            ends.eq(comparing & (slot.evaluating | matches) & (~swaps | again)),
        ]
        m.d.sync += [
            self._read_word.eq(read_address),
            shown.eq(~slot.granted & ~writeback.granted & (~comparing | matches)),
            compared.eq(ends),
            again.eq(comparing),
            self._for_hart.eq(ends & ~slot.evaluating & is_cacheable(cpu.paddr)),
            self._for_slot.eq(ends & slot.evaluating & slot.cacheable),
            self._refused.eq(ends & slot.evaluating & ~slot.cacheable),
            self._spoilt.eq(self._arrays.drop_ways.any() | (swaps & self._fill.r_valid)),
            stuck.eq(self._overtaken),
        ]
        index = cpu.index_valid & ~cpu.valid
        wants = index | (cpu.valid & ~compared)
        new = (index & ~(slot.busy & slot.retried)) | (slot.wants & ~slot.retried)
        with m.If(comparing):
            m.d.comb += [read_address.eq(self._read_word), slot.granted.eq(slot.evaluating)]
        with m.Elif(writeback.reading & (stuck | ~new)):
            m.d.comb += [read_address.eq(writeback.read_address), writeback.granted.eq(1)]
        with m.Elif(slot.wants & (slot.urgent | ~wants)):
            m.d.comb += [read_address.eq(slot.word_address), slot.granted.eq(1)]
        with m.Else():
            m.d.comb += cpu.index_ready.eq(~cpu.valid)
            m.d.comb += read_address.eq(g.word_address(Mux(cpu.valid, cpu.paddr[:12], cpu.index)))

        self._device_asked = Signal()
        """The hart's request is for a device and not in its first cycle (there is a cycle without one before
        the next)."""
        m.d.sync += self._device_asked.eq(cpu.valid & ~is_cacheable(cpu.paddr))

    def _active(self, m: Module, mine: Signal) -> Value:
        return ((mine & self._for_slot) | (self.cpu.valid & self._for_hart)) & ~self._spoilt

    def _missing(self, m: Module) -> tuple[Signal, Signal]:
        # What was missing when tags were compared: between two answers it can only become less.
        in_flight, pending = Signal(self.geometry.ways), Signal(self.geometry.ways)
        m.d.sync += [in_flight.eq(self._fill.in_flight), pending.eq(self._fill.pending)]
        return in_flight, pending

    def _store_during_beat(self, m: Module, active, hit, present, incoming, complete) -> None:
        """The beat goes first."""
        m.d.comb += complete.eq(active & self._whole(hit, self._pending, incoming))

    def _whole(self, hit: Signal, missing: Value, incoming: Value) -> Value:
        # Whether there is a beat is known last.
        ways, comes = hit & ~missing, self._fill.next_way
        return (ways & ~comes).any() | ((ways & comes).any() & ~self._offered)

    def _waits_no_more(self) -> Value:
        # There is a cycle without a request behind each.
        return ~self.cpu.valid

    def _overtakes(self) -> Value:
        # Or before another one of the line.
        writeback = self._writeback
        return self._offered & writeback.reading & (writeback.read_way & self._fill.next_way).any()

    def _as_expected(self, m: Module, request: CoherentRequest) -> Value:
        equal = Signal(8)
        m.d.sync += equal.eq(
            Cat(self._word.word_select(n, 8) == request.expected.word_select(n, 8) for n in range(8))
        )
        return equal.all()

    def _finished(self, mine: Signal, complete: Signal) -> Value:
        return mine & (complete | self._refused)

    def _choose(self, m: Module, turn, line, victim: Signal, dirty: Signal, busy: Signal) -> None:
        arrays = self._arrays
        chosen = choose_victim(arrays.valid, turn)
        full = arrays.valid.all() & (turn & arrays.dirty).any()
        writeback = self._writeback
        here = writeback.reading & (writeback.held.set == line.set)
        ways = Signal(self.geometry.ways)
        """Those that are being filled or written back."""
        m.d.sync += [
            victim.eq(chosen),
            dirty.eq(full),
            ways.eq(self._fill.in_flight | Mux(here, writeback.read_way, 0)),
        ]
        m.d.comb += busy.eq((victim & ways).any() | (dirty & ~writeback.idle))

    def _foreseen(self, m: Module, condition: Value) -> Value:
        known = Signal()
        m.d.sync += known.eq(condition)
        return known

    def _uncached(self) -> Value:
        return self.cpu.valid & self._device_asked
