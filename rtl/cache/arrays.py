"""The memories of a cache: data, tags and state of every way, read one set at a time."""

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from rtl.cache.geometry import Geometry

__all__ = ["CacheArrays"]


class CacheArrays(wiring.Component):
    """Data, tag, valid and dirty bits of all ways.

    The set and word at ``read_address`` appear on ``data``, ``tags``, ``valid`` and ``dirty`` in the next
    cycle, including what is written at the same edge. ``data`` and ``tags`` have a member for each way,
    ``*_ways`` members a bit.

    Valid and dirty bits stand in small memories, a word for each set, which take a tenth of the logic of
    flip-flops. What they cannot do, to forget everything at once, a flip-flop for each set does: ``live``
    says that the set's word means anything.

    Members
    -------
    fill_ways, fill_address, fill_data: write a word (a refill's beat)
    store_ways, store_address, store_data: write a word. A store and a fill to the same way cannot share a
        cycle (the fill wins, the store is lost).
    dirty_ways: make a line of the set that is shown dirty
    clean_ways: make a line of the set that is shown clean; not with dirty_ways
    tag_ways, tag_line, tag_dirty: name a line, make it valid and dirty or clean; not with dirty_ways. Where
        dirty bits are kept, its set is the one that is shown
    drop_ways, drop_set: make a line invalid; at least two cycles between two of them, if ``tag_ways`` come
        between, and those not one after the other
    flush: make all lines invalid (wins over ``tag_ways``)

    Parameters
    ----------
    writable: keep dirty bits
    staged: shorter paths: lines are named only in the set that is shown, and no word is stored in the ways
        ``fill_offered`` (a member in this case), which are those of ``fill_ways`` or more
    """

    def __init__(self, geometry: Geometry, *, writable: bool = True, staged: bool = False) -> None:
        self.geometry = geometry
        self.writable = writable
        self.staged = staged
        g = geometry
        super().__init__(
            {
                "read_address": In(g.word_address_bits),
                "data": Out(64).array(g.ways),
                "tags": Out(g.tag_bits).array(g.ways),
                "valid": Out(g.ways),
                "dirty": Out(g.ways),
                "fill_ways": In(g.ways),
                "fill_address": In(g.word_address_bits),
                "fill_data": In(64),
                "store_ways": In(g.ways),
                "store_address": In(g.word_address_bits),
                "store_data": In(64),
                "dirty_ways": In(g.ways),
                "clean_ways": In(g.ways),
                "tag_ways": In(g.ways),
                "tag_line": In(g.line),
                "tag_dirty": In(1),
                "drop_ways": In(g.ways),
                "drop_set": In(g.set_bits),
                "flush": In(1),
                **({"fill_offered": In(g.ways)} if staged else {}),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        g = self.geometry
        read_set = Signal(g.set_bits)
        m.d.sync += read_set.eq(self.read_address[g.offset_bits :])
        for way in range(g.ways):
            self._data(m, way)
            self._tags(m, way)
        self._valid(m, read_set)
        if self.writable:
            self._dirty(m, read_set)
        return m

    def _data(self, m: Module, way: int) -> None:
        """One way's words. The read port is always enabled: it becomes a plain registered address."""
        words = memory.Memory(shape=64, depth=self.geometry.sets * self.geometry.words, init=[])
        m.submodules[f"data{way}"] = words
        write = words.write_port()
        read = words.read_port(transparent_for=[write])
        fill = self.fill_ways[way]
        offered = self.fill_offered[way] if self.staged else fill
        m.d.comb += [
            read.addr.eq(self.read_address),
            self.data[way].eq(read.data),
            write.addr.eq(Mux(offered, self.fill_address, self.store_address)),
            write.data.eq(Mux(offered, self.fill_data, self.store_data)),
            write.en.eq(fill | self.store_ways[way]),
        ]

    def _tags(self, m: Module, way: int) -> None:
        g = self.geometry
        # Small enough for an FPGA's logic, but then it takes a tenth of the cache's.
        attributes = {"ram_style": "block"}
        tags = memory.Memory(shape=g.tag_bits, depth=g.sets, init=[], attrs=attributes)
        m.submodules[f"tags{way}"] = tags
        write = tags.write_port()
        read = tags.read_port(transparent_for=[write])
        m.d.comb += [
            read.addr.eq(self.read_address[g.offset_bits :]),
            self.tags[way].eq(read.data),
            write.addr.eq(self.tag_line.set),
            write.data.eq(self.tag_line.tag),
            write.en.eq(self.tag_ways[way]),
        ]

    def _valid(self, m: Module, read_set: Signal) -> None:
        """A named line is valid at once. One that is dropped waits for a cycle in which none is named, and
        does not show meanwhile."""
        g = self.geometry
        m.submodules.valid = words = memory.Memory(shape=g.ways, depth=g.sets, init=[])
        shown, old, write = words.read_port(domain="comb"), words.read_port(domain="comb"), words.write_port()
        live = Signal(g.sets)
        dropped = Signal(g.ways)
        dropped_set = Signal(g.set_bits)
        named = self.tag_ways.any()
        before = Signal(g.ways)
        m.d.comb += [
            shown.addr.eq(read_set),
            self.valid.eq(self._kept(live, read_set, shown.data, dropped, dropped_set)),
            old.addr.eq(dropped_set if self.staged else Mux(named, self.tag_line.set, dropped_set)),
            write.addr.eq(Mux(named, read_set, dropped_set) if self.staged else old.addr),
            write.data.eq(before | self.tag_ways),
            write.en.eq(named | dropped.any()),
        ]
        with m.If(write.en):
            m.d.comb += before.eq(self._kept(live, old.addr, old.data, dropped, dropped_set))
        if self.staged:
            with m.If(named):
                m.d.comb += before.eq(self.valid)
        with m.If(self.flush):
            m.d.sync += live.eq(0)
        with m.Elif(named):
            m.d.sync += live.bit_select(self.tag_line.set, 1).eq(1)
        with m.If(self.drop_ways.any()):
            m.d.sync += [dropped.eq(self.drop_ways), dropped_set.eq(self.drop_set)]
        with m.Elif(~named | (self.tag_line.set == dropped_set)):
            m.d.sync += dropped.eq(0)

    def _kept(self, live: Signal, chosen: Value, word: Value, dropped: Signal, dropped_set: Signal) -> Value:
        """The valid bits of the set ``chosen``, of which the memory says ``word``."""
        gone = Mux(dropped_set == chosen, dropped, 0)
        return Mux(live.bit_select(chosen, 1), word, 0) & ~gone

    def _dirty(self, m: Module, read_set: Signal) -> None:
        m.submodules.dirty = words = memory.Memory(
            shape=self.geometry.ways, depth=self.geometry.sets, init=[]
        )
        shown, write = words.read_port(domain="comb"), words.write_port()
        m.d.comb += [
            shown.addr.eq(read_set),
            self.dirty.eq(shown.data),
            write.addr.eq(read_set),
            write.data.eq(self.dirty & ~(self.tag_ways | self.clean_ways)),
            write.en.eq((self.dirty_ways | self.tag_ways | self.clean_ways).any()),
        ]
        with m.If(self.dirty_ways.any()):
            m.d.comb += write.data.eq(self.dirty | self.dirty_ways)
        with m.Elif(self.tag_dirty):
            m.d.comb += write.data.eq(self.dirty | self.tag_ways)
