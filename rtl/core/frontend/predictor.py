"""Next-address prediction: branch target buffer with two-bit counters, and a return-address stack."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from rtl.config import BranchConfig
from rtl.core.stages import BranchKind, BranchUpdate

__all__ = ["TARGET_BITS", "Predictor"]

TARGET_BITS = 39
"""Low address bits that a predicted target holds; the upper bits are those of the fetch address."""

_TAG_BITS = 16


class _Entry(data.Struct):
    valid: 1
    tag: _TAG_BITS
    end: 2
    kind: BranchKind
    counter: 2
    target: TARGET_BITS - 1


class Predictor(wiring.Component):
    """Predicts where fetch goes after the 8-byte block at ``address``.

    A direct-mapped entry describes one control transfer per block, by the parcel (0..3) in which it ends.
    Conditional branches have a two-bit counter in the entry; returns take their target from a stack that is
    updated speculatively at fetch and repaired at a redirect. Predictions are hints: execute checks them all.

    Members
    -------
    address: fetch address (parcel granularity); look-up is combinational
    advance: the block at ``address`` is being fetched (the return stack follows)
    taken, end, target: the block ends after parcel ``end``, fetch goes on at ``target``
    update: outcome of a control transfer in execute
    repair: a redirect throws younger fetches away
    """

    def __init__(self, config: BranchConfig) -> None:
        self.config = config
        super().__init__(
            {
                "address": In(64),
                "advance": In(1),
                "taken": Out(1),
                "end": Out(2),
                "target": Out(64),
                "update": In(BranchUpdate),
                "repair": In(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        entries = self.config.btb_entries
        index_bits = (entries - 1).bit_length()
        m.submodules.table = table = Memory(shape=_Entry, depth=entries, init=[])
        look = table.read_port(domain="comb")
        old = table.read_port(domain="comb")
        write = table.write_port()

        def split(address):
            block = address[3:]
            return block[:index_bits], block[index_bits : index_bits + _TAG_BITS]

        index, tag = split(self.address)
        entry = _Entry(look.data)
        stack_top = self._return_stack(m, entry)
        m.d.comb += look.addr.eq(index)
        hit = entry.valid & (entry.tag == tag) & (entry.end >= self.address[1:3])
        low = Signal(TARGET_BITS - 1)
        m.d.comb += [
            self.taken.eq(hit & ((entry.kind != BranchKind.CONDITIONAL) | entry.counter[1])),
            self.end.eq(entry.end),
            low.eq(Mux(entry.kind == BranchKind.RETURN, stack_top, entry.target)),
            self.target.eq(Cat(Const(0, 1), low, self.address[TARGET_BITS:])),
        ]
        self._train(m, split, _Entry(old.data), old, write)
        return m

    def _train(self, m: Module, split, entry, old, write) -> None:
        """Read-modify-write of the entry, one cycle after execute."""
        update = Signal(BranchUpdate)
        m.d.sync += update.eq(self.update)
        index, tag = split(update.last_parcel)
        end = update.last_parcel[1:3]
        same = Signal()
        m.d.comb += [
            old.addr.eq(index),
            write.addr.eq(index),
            same.eq(entry.valid & (entry.tag == tag) & (entry.end == end)),
        ]
        new = _Entry(write.data)
        up = Mux(entry.counter == 3, 3, entry.counter + 1)
        down = Mux(entry.counter == 0, 0, entry.counter - 1)
        m.d.comb += [
            write.en.eq(update.valid & (same | update.taken)),
            new.valid.eq(~update.remove),
            new.tag.eq(tag),
            new.end.eq(end),
            new.kind.eq(update.kind),
            new.counter.eq(Mux(same, Mux(update.taken, up, down), 2)),
            new.target.eq(Mux(update.taken, update.target[1:TARGET_BITS], entry.target)),
        ]

    def _return_stack(self, m: Module, entry):
        """Speculative pointer that follows fetch, true pointer that follows execute; shared entries."""
        depth = self.config.return_stack
        stack = Signal(data.ArrayLayout(TARGET_BITS - 1, depth))
        top = Signal(range(depth))
        true_top = Signal(range(depth))
        next_true = Signal(range(depth))
        after = self.address[3:TARGET_BITS] + (entry.end == 3)
        link = Cat((entry.end + 1)[:2], after[: TARGET_BITS - 3])
        m.d.comb += next_true.eq(true_top)
        with m.If(self.update.valid & self.update.taken):
            with m.If(self.update.kind == BranchKind.CALL):
                m.d.comb += next_true.eq(true_top + 1)
            with m.Elif(self.update.kind == BranchKind.RETURN):
                m.d.comb += next_true.eq(true_top - 1)
        m.d.sync += true_top.eq(next_true)
        with m.If(self.repair):
            m.d.sync += top.eq(next_true)
            with m.If(self.update.valid & (self.update.kind == BranchKind.CALL)):
                m.d.sync += stack[next_true].eq(self.update.link[1:TARGET_BITS])
        with m.Elif(self.advance & self.taken):
            with m.If(entry.kind == BranchKind.CALL):
                m.d.sync += [top.eq(top + 1), stack[(top + 1)[: len(top)]].eq(link)]
            with m.Elif(entry.kind == BranchKind.RETURN):
                m.d.sync += top.eq(top - 1)
        return stack[top]
