"""Writing a dirty line back to memory, behind the refill's back."""

from amaranth import Module, Signal
from amaranth.lib import data, enum, memory, wiring
from amaranth.lib.wiring import In, Out

from rtl.cache.geometry import Geometry

__all__ = ["WriteBack"]


class _State(enum.Enum, shape=3):
    IDLE = 0
    READ = 1
    LAST = 2
    """The last word read enters the buffer."""
    SEND = 3
    RESPONSE = 4


class WriteBack(wiring.Component):
    """Copies one line from the arrays into a buffer, one word per cycle, then sends it as an AXI burst.

    The words are read in the order in which a refill of the same way overwrites them; the refill must wait
    while the word that it brings is the next one to be read.

    Members
    -------
    start: take ``line`` from ``way`` (one-hot), first word ``offset``; only while ``idle``
    idle: nothing under way: every line written back has reached memory
    reading, read_address, granted: the arrays are to be read there; they are, in this cycle
    read_way, word: the way to select (one-hot), and the word selected in the cycle after ``granted``
    held: line under way, valid while not ``idle``
    sending: address or data are (or want to be) on the bus
    aw_valid, aw_ready; w_valid, w_ready, w_data, w_last; b_valid: the burst, from word 0 of ``held``
    """

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry
        g = geometry
        super().__init__(
            {
                "start": In(1),
                "line": In(g.line),
                "way": In(g.ways),
                "offset": In(g.offset_bits),
                "idle": Out(1),
                "reading": Out(1),
                "granted": In(1),
                "read_address": Out(g.word_address_bits),
                "read_way": Out(g.ways),
                "word": In(64),
                "held": Out(g.line),
                "sending": Out(1),
                "aw_valid": Out(1),
                "aw_ready": In(1),
                "w_valid": Out(1),
                "w_ready": In(1),
                "w_data": Out(64),
                "w_last": Out(1),
                "b_valid": In(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        g = self.geometry
        state = Signal(_State)
        offset = Signal(g.offset_bits)
        left = Signal(g.offset_bits)
        captured = Signal(data.StructLayout({"valid": 1, "offset": g.offset_bits}))
        m.submodules.buffer = buffer = memory.Memory(shape=64, depth=g.words, init=[])
        write = buffer.write_port()
        read = buffer.read_port(domain="comb")
        m.d.comb += [
            self.idle.eq(state == _State.IDLE),
            self.reading.eq(state == _State.READ),
            self.sending.eq(state == _State.SEND),
            self.read_address[: g.offset_bits].eq(offset),
            self.read_address[g.offset_bits :].eq(self.held.set),
            write.en.eq(captured.valid),
            write.addr.eq(captured.offset),
            write.data.eq(self.word),
            read.addr.eq(offset),
            self.w_data.eq(read.data),
            self.w_last.eq(left == 0),
        ]
        m.d.sync += [captured.valid.eq(self.granted), captured.offset.eq(offset)]
        with m.Switch(state):
            with m.Case(_State.IDLE):
                m.d.sync += [
                    self.held.eq(self.line),
                    self.read_way.eq(self.way),
                    offset.eq(self.offset),
                ]
                m.d.sync += left.eq(g.words - 1)
                with m.If(self.start):
                    m.d.sync += state.eq(_State.READ)
            with m.Case(_State.READ), m.If(self.granted):
                m.d.sync += [offset.eq(offset + 1), left.eq(left - 1)]
                with m.If(left == 0):
                    m.d.sync += state.eq(_State.LAST)
            with m.Case(_State.LAST):
                m.d.sync += [state.eq(_State.SEND), offset.eq(0), left.eq(g.words - 1)]
                m.d.sync += [self.aw_valid.eq(1), self.w_valid.eq(1)]
            with m.Case(_State.SEND):
                self._send(m, state, offset, left)
            with m.Case(_State.RESPONSE), m.If(self.b_valid):
                m.d.sync += state.eq(_State.IDLE)
        return m

    def _send(self, m: Module, state: Signal, offset: Signal, left: Signal) -> None:
        """Address and data go independently; both must have gone before the response counts."""
        with m.If(self.aw_ready):
            m.d.sync += self.aw_valid.eq(0)
        with m.If(self.w_ready & self.w_valid):
            m.d.sync += [offset.eq(offset + 1), left.eq(left - 1)]
            with m.If(self.w_last):
                m.d.sync += self.w_valid.eq(0)
        address_gone = ~self.aw_valid | self.aw_ready
        data_gone = ~self.w_valid | (self.w_ready & self.w_last)
        with m.If(address_gone & data_gone):
            m.d.sync += state.eq(_State.RESPONSE)
