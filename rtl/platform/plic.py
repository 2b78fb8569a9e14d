"""Platform-level interrupt controller."""

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from rtl.bus.peripheral import PeripheralSignature
from rtl.isa.memory_map import PLIC_SOURCES
from rtl.isa.plic import (
    CLAIM,
    CONTEXT,
    CONTEXT_STRIDE,
    ENABLE,
    ENABLE_STRIDE,
    PENDING,
    PRIORITY,
    PRIORITY_BITS,
    THRESHOLD,
)

__all__ = ["Plic", "PlicSelector"]

_WORD = 32
_ID_BITS = 10


def _one_hot(number: Value, width: int) -> Value:
    """Bit ``number`` of ``width``, none if it is past the end (in one machine word for the simulator)."""
    low = bits_for(width - 1)
    return (Const(1, 1) << number[:low])[:width] & (number[low:] == 0).replicate(width)


class PlicSelector(wiring.Component):
    """Picks the interrupt of the highest priority, the lowest number first among equals (PLIC spec,
    "Interrupt Priorities"). Combinational.

    Priorities come as bit planes: bit n of ``planes[p]`` is bit p of source n's priority. So the search
    takes one mask step per priority bit instead of a tree of comparators.

    Parameters
    ----------
    sources: int
        Number of the last source; source 0 does not exist.
    cut: bool
        ``priority`` comes a cycle later, ``id`` two cycles.

    Attributes
    ----------
    candidates: In(sources + 1)
        Sources that are pending and enabled.
    planes: In(sources + 1) each
        Bit planes of the priorities, least significant first.
    id: Out(10)
        The winner, 0 if there is none; a source of priority 0 never wins.
    priority: Out(3)
        The winner's priority, 0 if there is none.
    """

    def __init__(self, sources: int = PLIC_SOURCES, *, cut: bool = False) -> None:
        self.sources = sources
        self.cut = cut
        super().__init__(
            {
                "candidates": In(sources + 1),
                "planes": In(sources + 1).array(PRIORITY_BITS),
                "id": Out(_ID_BITS),
                "priority": Out(PRIORITY_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        width = self.sources + 1
        awake = self.planes[0]
        for plane in range(1, PRIORITY_BITS):
            awake = awake | self.planes[plane]
        left = Signal(width, name="left")
        m.d.comb += left.eq(self.candidates & awake)
        found = Signal(PRIORITY_BITS) if self.cut else self.priority
        for bit in reversed(range(PRIORITY_BITS)):
            plane = self.planes[bit]
            if self.cut and bit == 0:
                left, plane = self._halfway(m, left, plane, found)
            higher = Signal(width, name=f"higher_{bit}")
            rest = Signal(width, name=f"left_{bit}")
            m.d.comb += [
                higher.eq(left & plane),
                found[bit].eq(higher.any()),
                rest.eq(Mux(higher.any(), higher, left)),
            ]
            left = rest
        if self.cut:
            best = Signal(width)
            m.d.sync += best.eq(left)
            left = best
        winner = Signal(width)
        m.d.comb += winner.eq(left & -left)
        for bit in range(_ID_BITS):
            having = sum(1 << source for source in range(width) if source >> bit & 1)
            m.d.comb += self.id[bit].eq((winner & Const(having, width)).any())
        return m

    def _halfway(self, m: Module, left: Signal, plane: Signal, found: Signal) -> tuple[Signal, Signal]:
        """Registers before the last bit: who is left, its plane from the same cycle (a priority that changes
        must not be seen half old, half new) and the upper bits of the priority."""
        left_before, plane_before = Signal.like(left), Signal.like(left)
        upper = Signal(PRIORITY_BITS - 1)
        m.d.sync += [left_before.eq(left), plane_before.eq(plane), upper.eq(found[1:])]
        m.d.comb += self.priority.eq(Cat(found[0], upper))
        return left_before, plane_before


class Plic(wiring.Component):
    """PLIC (RISC-V PLIC specification 1.0.0) with level-sensitive gateways.

    ====================  ===========  ================================================================
    offset                register
    ====================  ===========  ================================================================
    4 * n                 priority     of source n, 0 (never interrupts) to 7
    0x1000 + 4 * w        pending      sources 32w .. 32w+31, read-only
    0x2000 + 0x80 * c     enable       of context c, as many words as pending
    0x200000 + 0x1000c    threshold    context c is interrupted by priorities above it only
    0x200004 + 0x1000c    claim        read: the best pending and enabled source, which stops pending;
                                       write: its number says the handler is done (completion)
    ====================  ===========  ================================================================

    A gateway passes on its line's level as one request, and the next one only after completion; a request
    that was passed on stays when the line falls. A claim disregards the threshold. Completion of a source
    that is not enabled for the context is ignored. Unknown offsets read 0; source 0 is read-only zero
    everywhere. Registers take 32-bit accesses, others are refused. Answers in the cycle after the request;
    ``lines`` follow a change in two cycles.

    Parameters
    ----------
    sources: int
        Number of the last source, 1 to 1023.
    contexts: int
        Interrupt targets. In this machine: 0 is hart 0 in M mode, 1 in S mode.
    cut: bool
        Registers in the search and behind the decoding of addresses; answers take two cycles more, ``lines``
        one (``Cuts.bus``).

    Attributes
    ----------
    levels: In(sources + 1)
        Bit n is the line of source n; bit 0 is ignored.
    lines: Out(contexts)
        Interrupt lines to the contexts.
    """

    def __init__(self, sources: int = PLIC_SOURCES, contexts: int = 2, *, cut: bool = False) -> None:
        if not 1 <= sources < 1 << _ID_BITS:
            raise ValueError(f"sources must be 1 to 1023, not {sources}")
        if contexts < 1:
            raise ValueError(f"contexts must be at least 1, not {contexts}")
        self.sources = sources
        self.contexts = contexts
        self.cut = cut
        super().__init__(
            {
                "bus": In(PeripheralSignature()),
                "levels": In(sources + 1),
                "lines": Out(contexts),
            }
        )
        width = sources + 1
        self._planes = [Signal(width, name=f"priority_plane_{bit}") for bit in range(PRIORITY_BITS)]
        self._pending = Signal(width, name="pending")
        self._in_service = Signal(width, name="in_service")
        self._claimed = Signal(width, name="claimed")
        self._completed = Signal(width, name="completed")
        self._enables = [Signal(width, name=f"enable_{c}") for c in range(contexts)]
        self._thresholds = [Signal(PRIORITY_BITS, name=f"threshold_{c}") for c in range(contexts)]
        self._best = [Signal(_ID_BITS, name=f"best_{c}") for c in range(contexts)]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._found: list[tuple[Signal, Value]] = []
        self._gateways(m)
        for c in range(self.contexts):
            self._target(m, c)

        # An access acts in its first cycle and is answered in the second, so that the best sources,
        # which lag a cycle behind, are those of the state that the access before it left.
        bus = self.bus
        acts = Signal()
        answers = Signal()
        value = Signal(_WORD)
        begins, under_way = acts, answers
        if self.cut:
            # It acts in its second cycle, on what the first one found out about its address.
            begins, acted = Signal(), Signal()
            m.d.sync += [acts.eq(begins), acted.eq(acts), answers.eq(acted)]
            under_way = acts | acted | answers
        else:
            m.d.sync += answers.eq(acts)
        m.d.comb += [
            begins.eq(bus.valid & (bus.size == 2) & ~under_way),
            bus.ready.eq(answers | bus.valid & (bus.size != 2)),
            bus.error.eq(~answers),
            bus.rdata.eq(value.replicate(2)),
        ]
        with m.If(acts):
            wdata = Mux(bus.addr[2], bus.wdata[_WORD:], bus.wdata[:_WORD])
            m.d.sync += value.eq(0)
            self._source_registers(m, value, wdata)
            for c in range(self.contexts):
                self._context_registers(m, c, value, wdata)
        m.d.sync += [known.eq(found) for known, found in self._found]
        return m

    def _at(self, found: Value) -> Value:
        """What is ``found`` by the address of the access that acts; with ``cut`` a cycle before it acts."""
        if not self.cut:
            return found
        known = Signal(len(found))
        self._found.append((known, found))
        return known

    def _gateways(self, m: Module) -> None:
        """Pass on a level unless the source's last request still waits or is in service."""
        real = Const((1 << self.sources + 1) - 2, self.sources + 1)
        m.d.sync += [
            self._pending.eq((self._pending | self.levels & ~self._in_service & real) & ~self._claimed),
            self._in_service.eq((self._in_service | self._claimed) & ~self._completed),
        ]

    def _target(self, m: Module, c: int) -> None:
        """Find the best source of context ``c`` and compare it with the threshold."""
        m.submodules[f"selector_{c}"] = selector = PlicSelector(self.sources, cut=self.cut)
        priority = Signal(PRIORITY_BITS, name=f"best_priority_{c}")
        waiting = Signal(name=f"waiting_{c}")
        m.d.comb += [
            selector.candidates.eq(self._pending & self._enables[c]),
            *[selector.planes[bit].eq(plane) for bit, plane in enumerate(self._planes)],
            waiting.eq(selector.candidates.any()),
            self.lines[c].eq(priority > self._thresholds[c]),
        ]
        m.d.sync += priority.eq(selector.priority)
        # Without a candidate the number is 0 anyway; a simulator need not find that out.
        with m.If(waiting):
            m.d.sync += self._best[c].eq(selector.id)
        with m.Else():
            m.d.sync += self._best[c].eq(0)

    def _source_registers(self, m: Module, value: Signal, wdata: Value) -> None:
        bus = self.bus
        number = bus.addr[2:12]
        with m.If(self._at(bus.addr[12:] == PRIORITY >> 12)):
            m.d.sync += value.eq(self._at(Cat((plane >> number)[0] for plane in self._planes)))
            with m.If(bus.write & (number != 0)):
                chosen = _one_hot(number, self.sources + 1)
                for bit, plane in enumerate(self._planes):
                    m.d.sync += plane.eq(Mux(wdata[bit], plane | chosen, plane & ~chosen))
        with m.If(self._at(bus.addr[12:] == PENDING >> 12)):
            for index, chunk in enumerate(self._words(self._pending)):
                with m.If(self._at(number == index)):
                    m.d.sync += value.eq(chunk)

    def _context_registers(self, m: Module, c: int, value: Signal, wdata: Value) -> None:
        bus = self.bus
        enable, threshold = self._enables[c], self._thresholds[c]
        for index, chunk in enumerate(self._words(enable)):
            with m.If(self._at(bus.addr == ENABLE + ENABLE_STRIDE * c + 4 * index)):
                m.d.sync += value.eq(chunk)
                with m.If(bus.write):
                    m.d.sync += chunk.eq(wdata & (~1 if index == 0 else -1))
        with m.If(self._at(bus.addr == CONTEXT + CONTEXT_STRIDE * c + THRESHOLD)):
            m.d.sync += value.eq(threshold)
            with m.If(bus.write):
                m.d.sync += threshold.eq(wdata)
        with m.If(self._at(bus.addr == CONTEXT + CONTEXT_STRIDE * c + CLAIM)):
            m.d.sync += value.eq(self._best[c])
            with m.If(bus.write):
                m.d.comb += self._completed.eq(_one_hot(wdata, self.sources + 1) & enable)
            with m.Else():
                m.d.comb += self._claimed.eq(_one_hot(self._best[c], self.sources + 1) & ~1)

    def _words(self, bits: Signal) -> list[Value]:
        """``bits`` in registers of 32."""
        return [bits[at : at + _WORD] for at in range(0, self.sources + 1, _WORD)]
