"""The memories of a cache: data, tags and state of every way, read one set at a time."""

from amaranth import Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from rtl.cache.geometry import Geometry

__all__ = ["CacheArrays"]


class CacheArrays(wiring.Component):
    """Data, tag, valid and dirty bits of all ways.

    The set and word at ``read_address`` appear on ``data``, ``tags``, ``valid`` and ``dirty`` in the next
    cycle, including what is written at the same edge. Valid and dirty bits are flip-flops: they can be
    cleared all at once, and change at once. ``data`` and ``tags`` have a member for each way, ``*_ways``
    members a bit.

    Members
    -------
    fill_ways, fill_address, fill_data: write a word (a refill's beat)
    store_ways, store_address, store_data: write a word. A store and a fill to the same way cannot share a
        cycle (the fill wins, the store is lost).
    dirty_ways, dirty_set: make a line dirty
    tag_ways, tag_line, tag_dirty: name a line, make it valid and dirty or clean; not with dirty_ways
    drop_ways, drop_set: make a line invalid
    clean_ways, clean_set: make a line clean; not with dirty_ways
    flush: make all lines invalid (wins over ``tag_ways``)
    """

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry
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
                "dirty_set": In(g.set_bits),
                "tag_ways": In(g.ways),
                "tag_line": In(g.line),
                "tag_dirty": In(1),
                "drop_ways": In(g.ways),
                "drop_set": In(g.set_bits),
                "clean_ways": In(g.ways),
                "clean_set": In(g.set_bits),
                "flush": In(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        g = self.geometry
        read_set = Signal(g.set_bits)
        m.d.sync += read_set.eq(self.read_address[g.offset_bits :])
        one = {name: Signal(g.sets, name=f"{name}_one") for name in ("tag", "drop", "clean", "dirty")}
        m.d.comb += [
            one["tag"].eq(1 << self.tag_line.set),
            one["drop"].eq(1 << self.drop_set),
            one["clean"].eq(1 << self.clean_set),
            one["dirty"].eq(1 << self.dirty_set),
        ]
        for way in range(g.ways):
            self._data(m, way)
            self._tags(m, way)
            self._state(m, way, read_set, one)
        return m

    def _data(self, m: Module, way: int) -> None:
        """One way's words. The read port is always enabled: it becomes a plain registered address."""
        words = memory.Memory(shape=64, depth=self.geometry.sets * self.geometry.words, init=[])
        m.submodules[f"data{way}"] = words
        write = words.write_port()
        read = words.read_port(transparent_for=[write])
        fill = self.fill_ways[way]
        m.d.comb += [
            read.addr.eq(self.read_address),
            self.data[way].eq(read.data),
            write.addr.eq(Mux(fill, self.fill_address, self.store_address)),
            write.data.eq(Mux(fill, self.fill_data, self.store_data)),
            write.en.eq(fill | self.store_ways[way]),
        ]

    def _tags(self, m: Module, way: int) -> None:
        g = self.geometry
        m.submodules[f"tags{way}"] = tags = memory.Memory(shape=g.tag_bits, depth=g.sets, init=[])
        write = tags.write_port()
        read = tags.read_port(transparent_for=[write])
        m.d.comb += [
            read.addr.eq(self.read_address[g.offset_bits :]),
            self.tags[way].eq(read.data),
            write.addr.eq(self.tag_line.set),
            write.data.eq(self.tag_line.tag),
            write.en.eq(self.tag_ways[way]),
        ]

    def _state(self, m: Module, way: int, read_set: Signal, one: dict[str, Signal]) -> None:
        """Valid and dirty bits of a way, one vector of all sets each."""
        valid = Signal(self.geometry.sets, name=f"valid{way}")
        dirty = Signal(self.geometry.sets, name=f"dirty{way}")
        tagged = Mux(self.tag_ways[way], one["tag"], 0)
        with m.If(self.tag_ways[way] | self.drop_ways[way]):
            m.d.sync += valid.eq(valid & ~Mux(self.drop_ways[way], one["drop"], 0) | tagged)
        with m.If(self.flush):
            m.d.sync += valid.eq(0)
        with m.If(self.dirty_ways[way]):
            m.d.sync += dirty.eq(dirty | one["dirty"])
        with m.Elif(self.tag_ways[way] & self.tag_dirty):
            m.d.sync += dirty.eq(dirty | tagged)
        with m.Elif(self.tag_ways[way] | self.clean_ways[way]):
            m.d.sync += dirty.eq(dirty & ~(tagged | Mux(self.clean_ways[way], one["clean"], 0)))
        m.d.comb += [
            self.valid[way].eq(valid.bit_select(read_set, 1)),
            self.dirty[way].eq(dirty.bit_select(read_set, 1)),
        ]
