"""The data cache with a register behind the tags (``Cuts.memory``)."""

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.cache.arrays import CacheArrays
from rtl.cache.dcache import DataCache
from rtl.cache.geometry import Geometry
from rtl.cache.interface import CacheOp, CoherentPort, is_cacheable
from rtl.cache.slot import CoherentRequest, CoherentSlot
from rtl.cache.ways import choose_victim

__all__ = ["SteppedDataCache"]

_ANSWER = ("done", "rdata", "swapped", "error")


class _Before(wiring.Component):
    """A register for the request of a coherent requester, for whom it is taken when it stands here.

    Members
    -------
    requester, cache: ports
    """

    requester: In(CoherentPort)
    cache: Out(CoherentPort)

    def elaborate(self, platform) -> Module:
        m = Module()
        requester, cache = self.requester, self.cache
        m.d.comb += [
            requester.ready.eq(~cache.valid),
            *(getattr(requester, name).eq(getattr(cache, name)) for name in _ANSWER),
        ]
        with m.If(requester.ready):
            m.d.sync += cache.valid.eq(requester.valid)
            m.d.sync += [
                getattr(cache, name).eq(getattr(requester, name))
                for name in CoherentRequest.as_shape().members
            ]
        with m.Elif(cache.ready):
            m.d.sync += cache.valid.eq(0)
        return m


class SteppedDataCache(DataCache):
    """A look-up takes a cycle more: the arrays show a set for two cycles. In the first one the tags are
    compared, in the second one there is an answer. (The word of a compare-and-swap is compared in one more
    in between.)

    What is registered in between (the way that hits, the victim and whether it is dirty) changes in cycles
    with an answer only, and those are never two in a row; but for a line that is dropped, which makes the
    look-up begin again. All else that an answer depends on is seen as it is in the cycle of the answer.

    Nothing comes of the first cycle of a hart's request: it may then be withdrawn even if it is for a device.
    ``index_ready`` comes only without a request. The walker's requests, which come late in a cycle, stand in
    a register first.
    """

    _verdict_domain = "sync"

    def _make_arrays(self, geometry: Geometry) -> CacheArrays:
        return CacheArrays(geometry, names_shown=True)

    def _walker(self, m: Module):
        m.submodules.before_walker = before = _Before()
        wiring.connect(m, before.requester, wiring.flipped(self.walker))
        return before.cache

    def _make_slot(self, geometry: Geometry) -> CoherentSlot:
        return CoherentSlot(geometry, holds=True)

    def _schedule(self, m: Module) -> None:
        """Stage 0, as in the other cache: but what was read last is read once more to be compared."""
        g, cpu, slot, writeback = self.geometry, self.cpu, self._slot, self._writeback
        read_address = self._arrays.read_address
        comparing = Signal()
        """The arrays show what the request in turn asks for, and its tag is compared."""
        self._compared = compared = Signal()
        """It was, in the last cycle."""
        for_hart = Signal()
        """... for the hart (the slot's request may have been answered by the bus since)."""
        again = Signal()
        """A swap: the word is compared, the tag was in the last cycle."""
        swaps = slot.evaluating & (slot.request.op == CacheOp.CAS)
        matches = Signal()
        m.d.comb += [
            matches.eq(self._read_word == g.word_address(cpu.paddr)),
            comparing.eq(~compared & (slot.evaluating | (cpu.valid & matches))),
            self._fresh.eq(cpu.valid & compared & for_hart),
        ]
        m.d.sync += [
            self._read_word.eq(read_address),
            compared.eq(comparing & ~self._arrays.drop_ways.any() & (~swaps | (again & ~self._fill.r_valid))),
            again.eq(comparing),
            for_hart.eq(~slot.evaluating),
        ]
        index = cpu.index_valid & ~cpu.valid
        wants = index | (cpu.valid & ~compared)
        new = (index & ~(slot.busy & slot.retried)) | (slot.wants & ~slot.busy)
        with m.If(comparing):
            m.d.comb += [read_address.eq(self._read_word), slot.granted.eq(slot.evaluating)]
        with m.Elif(writeback.reading & (self._overtaken | ~new)):
            m.d.comb += [read_address.eq(writeback.read_address), writeback.granted.eq(1)]
        with m.Elif(slot.wants & (slot.urgent | ~wants)):
            m.d.comb += [read_address.eq(slot.word_address), slot.granted.eq(1)]
        with m.Else():
            m.d.comb += cpu.index_ready.eq(~cpu.valid)
            m.d.comb += read_address.eq(g.word_address(Mux(cpu.valid, cpu.paddr[:12], cpu.index)))

        self._known = known = Signal()
        """The hart's request is not in its first cycle (there is a cycle without one before the next)."""
        self._cacheable = Signal()
        self._slot_cacheable = Signal()
        m.d.sync += [
            known.eq(cpu.valid),
            self._cacheable.eq(is_cacheable(cpu.paddr)),
            self._slot_cacheable.eq(slot.cacheable),
        ]

    def _active(self, m: Module, mine: Signal) -> Value:
        return Mux(mine, self._compared & self._slot_cacheable, self._fresh & self._cacheable)

    def _missing(self, m: Module) -> tuple[Signal, Signal]:
        # What was missing when tags were compared: between two answers it can only become less.
        in_flight, pending = Signal(self.geometry.ways), Signal(self.geometry.ways)
        m.d.sync += [in_flight.eq(self._fill.in_flight), pending.eq(self._fill.pending)]
        return in_flight, pending

    def _store_during_beat(self, m: Module, active, hit, present, incoming, complete) -> None:
        """The beat goes first."""
        m.d.comb += complete.eq(active & (present & ~incoming).any())

    def _as_expected(self, m: Module, request: CoherentRequest) -> Value:
        equal = Signal()
        m.d.sync += equal.eq(self._word == request.expected)
        return equal

    def _finished(self, mine: Signal, complete: Signal) -> Value:
        return mine & (complete | (self._compared & ~self._slot_cacheable))

    def _choose(self, m: Module, turn: Signal, victim: Signal, dirty: Signal) -> None:
        arrays = self._arrays
        chosen = choose_victim(arrays.valid, turn)
        m.d.sync += [victim.eq(chosen), dirty.eq((chosen & arrays.valid & arrays.dirty).any())]

    def _uncached(self) -> Value:
        return self.cpu.valid & self._known & ~self._cacheable
