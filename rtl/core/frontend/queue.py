"""The parcel queue: fetched 16-bit parcels in, whole instructions out."""

from amaranth import Array, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.core.stages import Fetched, Redirect
from rtl.mmu.interface import Fault

__all__ = ["Block", "ParcelQueue"]

_DEPTH = 8
_TARGETS = 4


class _Parcel(data.Struct):
    bits: 16
    taken: 1
    fault: 1


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


class ParcelQueue(wiring.Component):
    """Shift queue of 8 parcels whose head is the decode stage's instruction register.

    A fetch fault takes one slot; the frontend fetches nothing behind it until the next redirect.

    Members
    -------
    block: fetched blocks; ready when four more parcels fit
    instruction: the instruction at the head
    redirect: empties the queue; the next block belongs to ``target``

    Parameters
    ----------
    reset_address: address of the first block after reset
    """

    def __init__(self, reset_address: int) -> None:
        self.reset_address = reset_address
        super().__init__(
            {
                "block": In(stream.Signature(Block)),
                "instruction": Out(stream.Signature(Fetched)),
                "redirect": In(Redirect),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        queue = Signal(data.ArrayLayout(_Parcel, _DEPTH))
        count = Signal(range(_DEPTH + 1))
        targets = Signal(data.ArrayLayout(64, _TARGETS))
        target_count = Signal(range(_TARGETS + 1))
        pc = Signal(64, init=self.reset_address)
        fault = Signal(Fault)

        head, second = queue[0], queue[1]
        out = self.instruction.p
        wide = Signal()
        taken = Signal()
        m.d.comb += [
            wide.eq((head.bits[:2] == 3) & ~head.fault),
            taken.eq(Mux(wide, second.taken, head.taken)),
            self.instruction.valid.eq(Mux(wide, count >= 2, count >= 1)),
            out.pc.eq(pc),
            out.instruction.eq(head.bits | (Mux(wide, second.bits, 0) << 16)),
            out.compressed.eq(~wide),
            out.predicted_taken.eq(taken),
            out.predicted_target.eq(targets[0]),
            out.bad_prediction.eq(wide & head.taken),
            out.fault_valid.eq(head.fault | (wide & second.fault)),
            out.fault_second.eq(wide & second.fault),
            out.fault.eq(fault),
        ]

        pop = Signal(range(3))
        pop_target = Signal()
        with m.If(self.instruction.valid & self.instruction.ready):
            m.d.comb += [pop.eq(Mux(wide, 2, 1)), pop_target.eq(taken)]
            m.d.sync += pc.eq(Mux(taken, targets[0], pc + Mux(wide, 4, 2)))

        block = self.block.p
        kept = Signal(range(_DEPTH + 1))
        arriving = Signal(range(5))
        push = Signal()
        push_target = Signal()
        m.d.comb += [
            kept.eq(count - pop),
            self.block.ready.eq((count <= _DEPTH - 4) & (target_count < _TARGETS)),
            push.eq(self.block.valid & self.block.ready),
            push_target.eq(push & block.taken & ~block.fault_valid),
        ]
        with m.If(push):
            m.d.comb += arriving.eq(Mux(block.fault_valid, 1, block.last - block.first + 1))
            with m.If(block.fault_valid):
                m.d.sync += fault.eq(block.fault)

        incoming = Signal(data.ArrayLayout(_Parcel, 4))
        for k in range(4):
            parcel = (block.first + k)[:2]
            m.d.comb += [
                incoming[k].bits.eq(block.bits.word_select(parcel, 16)),
                incoming[k].taken.eq(block.taken & (parcel == block.last)),
                incoming[k].fault.eq(block.fault_valid),
            ]
        with m.If(push | pop.any()):
            for i in range(_DEPTH):
                shifted = Array(queue[min(i + n, _DEPTH - 1)] for n in range(3))[pop]
                fresh = Signal(_Parcel, name=f"fresh{i}")
                with m.Switch(kept):
                    for position in range(max(0, i - 3), min(i, 4) + 1):
                        with m.Case(position):
                            m.d.comb += fresh.eq(incoming[i - position])
                m.d.sync += queue[i].eq(Mux(i < kept, shifted.as_value(), fresh.as_value()))
        m.d.sync += count.eq(kept + arriving)

        kept_targets = target_count - pop_target
        with m.If(pop_target):
            for i in range(_TARGETS - 1):
                m.d.sync += targets[i].eq(targets[i + 1])
        with m.If(push_target):
            m.d.sync += targets[kept_targets[: len(target_count) - 1]].eq(block.target)
        m.d.sync += target_count.eq(kept_targets + push_target)

        with m.If(self.redirect.valid):
            m.d.sync += [count.eq(0), target_count.eq(0), pc.eq(self.redirect.target)]
        return m
