"""Next-address prediction: branch target buffer, direction counters, return-address stack."""

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
_BANKS = 2


class _Entry(data.Struct):
    """One control transfer of a half block (two parcels)."""

    valid: 1
    tag: _TAG_BITS
    second: 1
    """It ends in the second of the two parcels."""
    kind: BranchKind
    target: TARGET_BITS - 1


_Counters = data.ArrayLayout(2, 4)
"""Two-bit counters of the four parcels of a block; the upper bit means taken."""

_WEAKLY_NOT_TAKEN = [1, 1, 1, 1]


class Predictor(wiring.Component):
    """Predicts where fetch goes after an 8-byte block.

    Each half of a block has a direct-mapped entry for one control transfer, by the parcel in which it ends.
    The direction of conditional branches comes from a table of two-bit counters, indexed by the block's
    address and by the last taken transfers (gshare; McFarling, "Combining Branch Predictors", 1993). Returns
    take their target from a stack. History and stack follow fetch speculatively; a redirect sets them to what
    execute knows. Predictions are hints: execute checks them all.

    Both tables are read synchronously (block RAM): an address given with ``begin`` is ``address`` in the next
    cycle, and its prediction stands until the next ``begin``.

    Members
    -------
    begin, start: the block at ``start`` is looked up
    address: the block that was looked up last
    follow: fetch goes where the prediction says (history and return stack follow)
    taken, end, target: the block ends after parcel ``end``, fetch goes on at ``target``
    update: outcome of a control transfer in execute
    repair: a redirect throws younger fetches away

    Parameters
    ----------
    staged: the tables are looked up in the cycle of ``follow``, which comes right behind ``begin``; what they
        said stands from the next cycle on, in which ``begin`` may come again, until the next ``follow``
    """

    def __init__(self, config: BranchConfig, *, staged: bool = False) -> None:
        self.config = config
        self.staged = staged
        super().__init__(
            {
                "begin": In(1),
                "start": In(64),
                "address": In(64),
                "follow": In(1),
                "taken": Out(1),
                "end": Out(2),
                "target": Out(64),
                "update": In(BranchUpdate),
                "repair": In(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        update = Signal(BranchUpdate)
        """What execute said in the cycle before: keeps the writes off its paths."""
        m.d.sync += update.eq(self.update)
        self._chosen = Signal(_Entry)
        self._followed = Signal()
        """Fetch follows the prediction, whatever that is."""
        history_now, history_next = self._history(m)
        entries = self._targets(m, update)
        counters = self._directions(m, update, history_now, history_next)
        stack_top = self._return_stack(m)

        hits = Signal(_BANKS)
        for bank, entry in enumerate(entries):
            end = Cat(entry.second, Const(bank, 1))
            counter = counters[end]
            m.d.comb += hits[bank].eq(
                entry.valid
                & (entry.tag == self._split(self.address)[1])
                & (end >= self.address[1:3])
                & ((entry.kind != BranchKind.CONDITIONAL) | counter[1])
            )
        if self.staged:
            hits, entries, stack_top = self._keep(m, hits, entries, stack_top)
        else:
            m.d.comb += self._followed.eq(self.follow)
        chosen = self._chosen
        low = Signal(TARGET_BITS - 1)
        m.d.comb += [
            chosen.eq(Mux(hits[0], entries[0].as_value(), entries[1].as_value())),
            self.taken.eq(hits.any()),
            self.end.eq(Cat(chosen.second, ~hits[0])),
            low.eq(Mux(chosen.kind == BranchKind.RETURN, stack_top, chosen.target)),
            self.target.eq(Cat(Const(0, 1), low, self.address[TARGET_BITS:])),
        ]
        return m

    def _keep(self, m: Module, hits, entries, stack_top):
        """What the tables said in the cycle of ``follow``; history and stack follow a cycle later."""
        kept = Signal(_BANKS)
        kept_entries = [Signal(_Entry, name=f"kept_entry_{bank}") for bank in range(_BANKS)]
        kept_top = Signal(TARGET_BITS - 1)
        m.d.sync += self._followed.eq(self.follow & ~self.repair)
        with m.If(self.follow):
            m.d.sync += [kept.eq(hits), kept_top.eq(stack_top)]
            m.d.sync += [ours.eq(entry) for ours, entry in zip(kept_entries, entries, strict=True)]
        return kept, kept_entries, kept_top

    def _split(self, address):
        """Index and tag of an address's block."""
        index_bits = (self.config.btb_entries // _BANKS - 1).bit_length()
        return address[3 : 3 + index_bits], address[3 + index_bits :][:_TAG_BITS]

    def _targets(self, m: Module, update) -> list:
        """The two banks' entries for the block looked up last; a taken transfer replaces what was there."""
        entries = []
        index, tag = self._split(update.last_parcel)
        for bank in range(_BANKS):
            table = Memory(shape=_Entry, depth=self.config.btb_entries // _BANKS, init=[])
            m.submodules[f"targets{bank}"] = table
            read, write = table.read_port(), table.write_port()
            m.d.comb += [
                read.en.eq(self.begin),
                read.addr.eq(self._split(self.start)[0]),
                write.en.eq(update.valid & (update.taken | update.remove) & (update.last_parcel[2] == bank)),
                write.addr.eq(index),
                write.data.valid.eq(~update.remove),
                write.data.tag.eq(tag),
                write.data.second.eq(update.last_parcel[1]),
                write.data.kind.eq(update.kind),
                write.data.target.eq(update.target[1:TARGET_BITS]),
            ]
            entries.append(read.data)
        return entries

    def _directions(self, m: Module, update, history_now, history_next):
        """Counters of the block looked up last. Training reads a row, then writes it."""
        rows = self.config.counter_rows
        bits = (rows - 1).bit_length()
        table = Memory(shape=_Counters, depth=rows, init=[_WEAKLY_NOT_TAKEN] * rows)
        m.submodules.directions = table
        look, old, write = table.read_port(), table.read_port(), table.write_port()
        row = Signal(range(rows))
        learned = Signal()
        taken = Signal()
        end = Signal(2)
        conditional = update.valid & (update.kind == BranchKind.CONDITIONAL) & ~update.remove
        m.d.sync += [
            row.eq(old.addr),
            learned.eq(conditional),
            taken.eq(update.taken),
            end.eq(update.last_parcel[1:3]),
        ]
        # The history with which the branch was predicted: execute has seen all transfers before it by then.
        trained_with = Signal(bits)
        m.d.sync += trained_with.eq(history_now)
        counter = old.data[end]
        m.d.comb += [
            look.en.eq(self.begin),
            look.addr.eq(self.start[3 : 3 + bits] ^ history_next),
            old.en.eq(conditional),
            old.addr.eq(update.last_parcel[3 : 3 + bits] ^ trained_with),
            write.en.eq(learned),
            write.addr.eq(row),
            write.data.eq(old.data),
        ]
        with m.If(taken & (counter != 3)):
            m.d.comb += write.data[end].eq(counter + 1)
        with m.Elif(~taken & (counter != 0)):
            m.d.comb += write.data[end].eq(counter - 1)
        return look.data

    def _history(self, m: Module):
        """Where the last taken transfers were: before execute's operation, and before the next look-up."""
        bits = (self.config.counter_rows - 1).bit_length()
        true = Signal(bits)
        true_next = Signal(bits)
        path = Signal(bits)
        path_next = Signal(bits)

        def after(history, last_parcel):
            return Cat(Const(0, 1), history)[:bits] ^ last_parcel[1 : 1 + bits]

        m.d.comb += [true_next.eq(true), path_next.eq(path)]
        with m.If(self.update.valid & self.update.taken):
            m.d.comb += true_next.eq(after(true, self.update.last_parcel))
        with m.If(self.repair):
            m.d.comb += path_next.eq(true_next)
        with m.Elif(self._followed & self.taken):
            m.d.comb += path_next.eq(after(path, Cat(Const(0, 1), self.end, self.address[3:])))
        m.d.sync += [true.eq(true_next), path.eq(path_next)]
        return true, path_next

    def _return_stack(self, m: Module):
        """Speculative pointer that follows fetch, true pointer that follows execute; shared entries."""
        depth = self.config.return_stack
        entry = self._chosen
        m.submodules.stack = stack = Memory(shape=TARGET_BITS - 1, depth=depth, init=[])
        read, write = stack.read_port(domain="comb"), stack.write_port()
        top = Signal(range(depth))
        true_top = Signal(range(depth))
        next_true = Signal(range(depth))
        after = self.address[3:TARGET_BITS] + (self.end == 3)
        link = Cat((self.end + 1)[:2], after[: TARGET_BITS - 3])
        m.d.comb += [next_true.eq(true_top), read.addr.eq(top)]
        with m.If(self.update.valid & self.update.taken):
            with m.If(self.update.kind == BranchKind.CALL):
                m.d.comb += next_true.eq(true_top + 1)
            with m.Elif(self.update.kind == BranchKind.RETURN):
                m.d.comb += next_true.eq(true_top - 1)
        m.d.sync += true_top.eq(next_true)
        with m.If(self.repair):
            m.d.sync += top.eq(next_true)
            with m.If(self.update.valid & (self.update.kind == BranchKind.CALL)):
                m.d.comb += [
                    write.en.eq(1),
                    write.addr.eq(next_true),
                    write.data.eq(self.update.link[1:TARGET_BITS]),
                ]
        with m.Elif(self._followed & self.taken):
            with m.If(entry.kind == BranchKind.CALL):
                m.d.comb += [write.en.eq(1), write.addr.eq(top + 1), write.data.eq(link)]
                m.d.sync += top.eq(top + 1)
            with m.Elif(entry.kind == BranchKind.RETURN):
                m.d.sync += top.eq(top - 1)
        return read.data
