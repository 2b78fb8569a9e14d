"""The fetch queue: 8-byte blocks in, whole instructions out, up to two at a time."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from rtl.core.stages import Fetched, Redirect
from rtl.mmu.interface import Fault

__all__ = ["Block", "FetchQueue"]

_DEPTH = 4


class Block(data.Struct):
    """Up to four parcels of one 8-byte fetch."""

    bits: 64
    first: 2
    """Index of the first parcel that belongs to the instruction stream."""
    last: 2
    """Index of the last one."""
    taken: 1
    """The stream goes on at ``target`` after the last parcel."""
    target: 64
    fault_valid: 1
    """There are no parcels: fetching them failed."""
    fault: Fault


class _Shape(data.Struct):
    """What the queue keeps of a block besides its parcels (from bit 0 up) and target."""

    count: 3
    """Parcels, 1 to 4; a fault counts as one."""
    taken: 1
    fault: 1


class FetchQueue(wiring.Component):
    """Four blocks; a window over the first two shows decode the next two instructions.

    A fetch fault takes one parcel; the frontend fetches nothing behind it until the next redirect.

    Members
    -------
    block: fetched blocks; ready when there is a free place
    instruction: the next instruction
    follower, follower_valid: the one behind it, if it is whole, in the predicted path and without fault, and
        ``instruction`` is not predicted to jump
    pair: ``instruction`` is taken together with ``follower``
    redirect: empties the queue; the next block belongs to ``target``

    Parameters
    ----------
    reset_address: address of the first block after reset
    pairs: offer a follower; else ``follower_valid`` and what it belongs to mean nothing
    at_once: a block that comes to an empty queue is offered in the same cycle, but for what ``fault`` says of
        it; not with ``pairs``
    """

    def __init__(self, reset_address: int, *, pairs: bool = True, at_once: bool = False) -> None:
        self.reset_address = reset_address
        self.pairs = pairs
        self.at_once = at_once
        super().__init__(
            {
                "block": In(stream.Signature(Block)),
                "instruction": Out(stream.Signature(Fetched)),
                "follower": Out(Fetched),
                "follower_valid": Out(1),
                "pair": In(1),
                "redirect": In(Redirect),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        count = Signal(range(_DEPTH + 1))
        head = Signal(range(_DEPTH))
        used = Signal(2)
        """Parcels of the first block that are gone."""
        pc = Signal(64, init=self.reset_address if self.pairs else 0)
        fault = Signal(Fault)
        popped = Signal(range(3))
        push = Signal()
        block = self.block.p
        (bits, shape, target), arriving = self._memories(m, head, (head + count)[:2], push)
        m.d.comb += [
            self.block.ready.eq(count != _DEPTH),
            push.eq(self.block.valid & self.block.ready),
        ]
        m.d.sync += count.eq(count - popped + push)
        with m.If(push & block.fault_valid):
            m.d.sync += fault.eq(block.fault)
        any_block = count.any()
        left = Signal(3)
        """Parcels of the first block that are still there."""
        kept = shape[0].count - used
        if self.at_once:
            # What arrives comes late, so all choices among the others are made beside it.
            kept = Signal(3, name="kept")
            m.d.comb += kept.eq(shape[0].count - used)
            first = Mux(any_block, shape[0].as_value(), arriving[1].as_value())
            shape = data.View(_Shape, first), shape[1]

        reach = Signal(4)
        """Parcels in the window, the second block's included."""
        second_valid = Signal()
        m.d.comb += [
            left.eq(Mux(any_block, kept, shape[0].count) if self.at_once else kept),
            second_valid.eq(count[1:].any()),
            reach.eq(left + Mux(second_valid, shape[1].count, 0)),
        ]
        window = self._window(m, bits, used, kept if self.at_once else left)
        if self.at_once:
            crosses = (window[:2] == 3) & (kept == 1)
            target = (Mux(any_block, Mux(crosses, target[1], target[0]), arriving[2]),) * 2
            window = Mux(any_block, window, arriving[0])
            any_block = any_block | self.block.valid
        length = self._first(m, window, left, reach, shape, target, pc, any_block, fault)
        leaves = self.instruction.valid & self.instruction.ready
        if self.pairs:
            both = self._second(m, window, length, left, reach, shape, target, pc)
            self._leave(m, leaves, length, both, left, shape, target, used, pc, popped)
        else:
            self._leave_alone(m, leaves, left, shape, used, popped)
            self._go_on(m, leaves, pc)
        m.d.sync += head.eq(head + popped)
        with m.If(self.redirect.valid):
            m.d.sync += [count.eq(0), used.eq(0)]
            if self.pairs:
                m.d.sync += pc.eq(self.redirect.target)
        return m

    def _leave(self, m: Module, leave, length, both, left, shape, target, used, pc, popped) -> None:
        """One or two instructions leave."""
        leaves = Signal()
        parcels = Signal(3)
        taken = Signal()
        over = Signal(3)
        m.d.comb += [
            leaves.eq(leave),
            parcels.eq(Mux(self.pair, both, length)),
            taken.eq(Mux(self.pair, self.follower.predicted_taken, self.instruction.p.predicted_taken)),
            over.eq(parcels - left),
        ]
        with m.If(leaves):
            m.d.sync += pc.eq(pc + Cat(Const(0, 1), parcels))
            with m.If(taken):
                m.d.sync += pc.eq(Mux(parcels == left, target[0], target[1]))
            with m.If(parcels < left):
                m.d.sync += used.eq(used + parcels)
            with m.Elif((parcels == left) | (over != shape[1].count)):
                m.d.comb += popped.eq(1)
                m.d.sync += used.eq(over)
            with m.Else():
                m.d.comb += popped.eq(2)
                m.d.sync += used.eq(0)

    def _leave_alone(self, m: Module, leaves, left, shape, used, popped) -> None:
        """One instruction leaves. Its length is known late: both are prepared for."""
        out = self.instruction.p
        last = left == 1
        alone = shape[1].count == 1
        pops, then = (
            [Signal(2, name=f"pops_{n}") for n in (1, 2)],
            [Signal(2, name=f"used_{n}") for n in (1, 2)],
        )
        m.d.comb += [
            pops[0].eq(last),
            then[0].eq(Mux(last, 0, used + 1)),
            pops[1].eq(Mux(last, Mux(alone, 2, 1), left == 2)),
            then[1].eq(Mux(last, ~alone, Mux(left == 2, 0, used + 2))),
        ]
        with m.If(leaves):
            m.d.comb += popped.eq(Mux(out.compressed, *pops))
            m.d.sync += used.eq(Mux(out.compressed, *then))

    def _go_on(self, m: Module, leaves, pc) -> None:
        """The pc, when one instruction leaves. That and how it does is known late, so it is kept, and the pc
        is found from it in the cycle behind."""
        out = self.instruction.p
        before = Signal(64, init=self.reset_address)
        parcels = Signal(2)
        """Of the instruction that left there in the last cycle."""
        jumps = Signal()
        target = Signal(64)
        m.d.comb += pc.eq(Mux(jumps, target, before + Cat(Const(0, 1), parcels)))
        m.d.sync += [before.eq(pc), parcels.eq(0), jumps.eq(0), target.eq(out.predicted_target)]
        with m.If(leaves):
            m.d.sync += [parcels.eq(Mux(out.compressed, 1, 2)), jumps.eq(out.predicted_taken)]
        with m.If(self.redirect.valid):
            m.d.sync += [before.eq(self.redirect.target), parcels.eq(0), jumps.eq(0)]

    def _memories(self, m: Module, head, tail, push):
        """Parcels, shape and target of the first two blocks, and of the one that arrives, which ``push``
        writes to ``tail``."""
        block = self.block.p
        shape = Signal(_Shape)
        aligned = Signal(64)
        m.d.comb += [
            shape.count.eq(Mux(block.fault_valid, 1, block.last - block.first + 1)),
            shape.taken.eq(block.taken & ~block.fault_valid),
            shape.fault.eq(block.fault_valid),
        ]
        with m.If(~block.fault_valid):
            m.d.comb += aligned.eq(_drop(m, block.bits, block.first, "aligned"))
        found = []
        for name, value in (("bits", aligned), ("shape", shape), ("target", block.target)):
            memory = Memory(shape=value.shape(), depth=_DEPTH, init=[])
            m.submodules[name] = memory
            write, first, second = (
                memory.write_port(),
                memory.read_port(domain="comb"),
                memory.read_port(domain="comb"),
            )
            m.d.comb += [
                write.en.eq(push),
                write.addr.eq(tail),
                write.data.eq(value),
                first.addr.eq(head),
                second.addr.eq(head + 1),
            ]
            found.append((first.data, second.data))
        return found, (aligned, shape, block.target)

    def _window(self, m: Module, bits, used, left):
        """The next four parcels: the rest of the first block, then the second block's."""
        rest = _drop(m, bits[0], used, "rest")
        window = Signal(64)
        with m.Switch(left):
            for parcels in range(1, 4):
                with m.Case(parcels):
                    m.d.comb += window.eq(Cat(rest[: 16 * parcels], bits[1]))
            with m.Default():
                m.d.comb += window.eq(rest)
        return window

    def _first(self, m: Module, window, left, reach, shape, target, pc, any_block, fault):
        """The next instruction; returns its length in parcels."""
        out = self.instruction.p
        wide = Signal()
        length = Signal(2)
        crosses = Signal()
        m.d.comb += [
            wide.eq((window[:2] == 3) & ~shape[0].fault),
            length.eq(Mux(wide, 2, 1)),
            crosses.eq(wide & (left == 1)),
            self.instruction.valid.eq(any_block & (reach >= length)),
            out.pc.eq(pc),
            out.instruction.eq(Mux(wide, window[:32], window[:16])),
            out.compressed.eq(~wide),
            out.predicted_taken.eq(
                Mux(crosses, shape[1].taken & (shape[1].count == 1), shape[0].taken & (left == length))
            ),
            out.predicted_target.eq(Mux(crosses, target[1], target[0])),
            out.bad_prediction.eq(crosses & shape[0].taken),
            out.fault_second.eq(crosses & shape[1].fault),
            out.fault_valid.eq(shape[0].fault | out.fault_second),
            out.fault.eq(fault),
        ]
        return length

    def _second(self, m: Module, window, length, left, reach, shape, target, pc):
        """The instruction behind; returns the length of both in parcels."""
        out, first = self.follower, self.instruction.p
        word = Signal(32)
        wide = Signal()
        both = Signal(3)
        torn = Signal()
        m.d.comb += [
            word.eq(Mux(first.compressed, window[16:48], window[32:64])),
            wide.eq(word[:2] == 3),
            both.eq(length + Mux(wide, 2, 1)),
            # The predictor ended the first block inside this instruction.
            torn.eq(wide & shape[0].taken & (left == length + 1)),
            self.follower_valid.eq(
                ~first.predicted_taken
                & ~first.bad_prediction
                & ~first.fault_valid
                & ~torn
                & (reach >= both)
                & ((both <= left) | ~shape[1].fault)
            ),
            out.pc.eq(pc + Cat(Const(0, 1), length)),
            out.instruction.eq(Mux(wide, word, word[:16])),
            out.compressed.eq(~wide),
            out.predicted_taken.eq(
                (shape[0].taken & (both == left)) | (shape[1].taken & (both == reach) & (both > left))
            ),
            out.predicted_target.eq(Mux(both > left, target[1], target[0])),
        ]
        return both


def _drop(m: Module, bits, parcels, name: str):
    """``bits`` without its lowest 0 to 3 parcels."""
    result = Signal(64, name=name)
    with m.Switch(parcels):
        for count in range(4):
            with m.Case(count):
                m.d.comb += result.eq(bits[16 * count :])
    return result
