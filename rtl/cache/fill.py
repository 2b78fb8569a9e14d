"""Line fills under way: what was asked of memory, and where the answer goes."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from rtl.cache.geometry import Geometry

__all__ = ["FillQueue"]


class FillQueue(wiring.Component):
    """At most two line fills in flight, answered in order, critical word first.

    A fill is taken in a cycle with ``valid`` and ``ready``; its address is on the bus in the next cycle. The
    line's tag is to be made valid in the cycle of the request: ``pending`` and ``in_flight`` tell lookups
    what is still missing.

    Members
    -------
    valid, ready, line, offset, way: request a fill of ``line`` into ``way`` (one-hot), first word ``offset``
    owner: who waits, one-hot, may be 0; comes back as ``first_owner`` with the critical word
    cancel: owners who no longer wait (any cycle)
    writing: the owner is going to write and looks the line up again: it comes back as ``failed_owner``, and
        only if the line is not to be had
    merge_mask, merge_data: bytes of the first word that are written already, and what with
    kill: lines in flight were invalidated; their words serve nobody any more
    ar_valid, ar_ready, ar_line, ar_offset: the burst to request
    r_valid, r_error, r_last: a beat of the oldest fill arrives
    beat_way, beat_address: where the arriving word goes (one-hot, 0 without a beat)
    beat_line, beat_offset, beat_owner: which word it is, and the owners of its fill (0 without a beat)
    beat_mask, beat_merge: bytes of it that were written with the request; beat_error: it or one before failed
    next_way, next_owner: where the next beat will go, and the owners whom it will serve itself
    first_owner: owners served by the arriving word itself
    drop_way, drop_set: the line that ends in this cycle had an error and must become invalid
    failed_owner: the writing owners of that line
    query_set, query_offset: what a lookup looks at
    in_flight: ways of that set that still miss words; ``pending``: those that miss that very word;
        ``arriving``: those that get that very word with the next beat
    idle: nothing under way
    """

    def __init__(self, geometry: Geometry, owners: int) -> None:
        self.geometry = geometry
        self.owners = owners
        g = geometry
        self._entry = data.StructLayout(
            {
                "active": 1,
                "line": g.line,
                "way": g.ways,
                "offset": g.offset_bits,
                "missing": g.words,
                "first": 1,
                "error": 1,
                "owner": owners,
                "writing": 1,
                "merge_mask": 8,
                "merge_data": 64,
            }
        )
        super().__init__(
            {
                "valid": In(1),
                "ready": Out(1),
                "line": In(g.line),
                "offset": In(g.offset_bits),
                "way": In(g.ways),
                "owner": In(owners),
                "writing": In(1),
                "merge_mask": In(8),
                "merge_data": In(64),
                "cancel": In(owners),
                "kill": In(1),
                "ar_valid": Out(1),
                "ar_ready": In(1),
                "ar_line": Out(g.line),
                "ar_offset": Out(g.offset_bits),
                "r_valid": In(1),
                "r_error": In(1),
                "r_last": In(1),
                "beat_way": Out(g.ways),
                "beat_address": Out(g.word_address_bits),
                "beat_line": Out(g.line),
                "beat_offset": Out(g.offset_bits),
                "beat_owner": Out(owners),
                "beat_mask": Out(8),
                "beat_merge": Out(64),
                "beat_error": Out(1),
                "next_way": Out(g.ways),
                "next_owner": Out(owners),
                "first_owner": Out(owners),
                "drop_way": Out(g.ways),
                "drop_set": Out(g.set_bits),
                "failed_owner": Out(owners),
                "query_set": In(g.set_bits),
                "query_offset": In(g.offset_bits),
                "in_flight": Out(g.ways),
                "pending": Out(g.ways),
                "arriving": Out(g.ways),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        current = Signal(self._entry)
        following = Signal(self._entry)
        m.d.comb += [
            self.ready.eq(~following.active & ~self.ar_valid),
            self.idle.eq(~current.active & ~following.active),
        ]
        self._answer(m, current)
        self._advance(m, current, following)
        self._accept(m, current, following)
        self._locate(m, current, following)
        return m

    def _answer(self, m: Module, current) -> None:
        """Lead the arriving beat to its place and its owner."""
        g = self.geometry
        error = current.error | self.r_error
        with m.If(self.r_valid):
            m.d.comb += [self.beat_way.eq(current.way), self.beat_owner.eq(current.owner)]
            m.d.comb += self.first_owner.eq(self.next_owner)
            with m.If(self.r_last & error):
                m.d.comb += self.drop_way.eq(current.way)
                with m.If(current.writing):
                    m.d.comb += self.failed_owner.eq(current.owner)
            m.d.sync += [
                current.first.eq(0),
                current.error.eq(error),
                current.offset.eq(current.offset + 1),
            ]
            with m.If(~error):
                m.d.sync += current.missing.eq(current.missing & ~(1 << current.offset)[: g.words])
        m.d.comb += [
            self.beat_mask.eq(Mux(current.first, current.merge_mask, 0)),
            self.beat_merge.eq(current.merge_data),
            self.beat_error.eq(error),
            self.next_way.eq(current.way),
            self.next_owner.eq(Mux(current.first & ~current.writing, current.owner, 0)),
            self.beat_line.eq(current.line),
            self.beat_offset.eq(current.offset),
            self.beat_address[: g.offset_bits].eq(current.offset),
            self.beat_address[g.offset_bits :].eq(current.line.set),
            self.drop_set.eq(current.line.set),
        ]

    def _advance(self, m: Module, current, following) -> None:
        """Forget owners; let the next fill follow the one that ends."""
        for entry in (current, following):
            m.d.sync += entry.owner.eq(entry.owner & ~self.cancel)
            with m.If(self.kill):
                m.d.sync += entry.owner.eq(0)
        ends = self.r_valid & self.r_last
        with m.If(ends):
            m.d.sync += current.active.eq(0)
        with m.If((ends | ~current.active) & following.active):
            m.d.sync += [current.eq(following), following.active.eq(0)]
            m.d.sync += current.owner.eq(Mux(self.kill, 0, following.owner & ~self.cancel))

    def _accept(self, m: Module, current, following) -> None:
        """Take a request and put its address on the bus."""
        g = self.geometry
        with m.If(self.ar_ready):
            m.d.sync += self.ar_valid.eq(0)
        with m.If(self.valid & self.ready):
            m.d.sync += [
                self.ar_valid.eq(1),
                self.ar_line.eq(self.line),
                self.ar_offset.eq(self.offset),
            ]
            entry = {
                "active": 1,
                "line": self.line,
                "way": self.way,
                "offset": self.offset,
                "missing": (1 << g.words) - 1,
                "first": 1,
                "error": 0,
                "owner": self.owner,
                "writing": self.writing,
                "merge_mask": self.merge_mask,
                "merge_data": self.merge_data,
            }
            with m.If(current.active):
                m.d.sync += [following[name].eq(value) for name, value in entry.items()]
            with m.Else():
                m.d.sync += [current[name].eq(value) for name, value in entry.items()]

    def _locate(self, m: Module, current, following) -> None:
        """Tell a lookup which ways of its set are incomplete."""
        here = Signal()
        next_here = Signal()
        m.d.comb += [
            here.eq(current.active & (current.line.set == self.query_set)),
            next_here.eq(following.active & (following.line.set == self.query_set)),
        ]
        lacks = here & current.missing.bit_select(self.query_offset, 1)
        ways = Mux(next_here, following.way, 0)
        m.d.comb += [
            self.in_flight.eq(Mux(here, current.way, 0) | ways),
            self.pending.eq(Mux(lacks, current.way, 0) | ways),
            self.arriving.eq(Mux(here & (current.offset == self.query_offset), current.way, 0)),
        ]
