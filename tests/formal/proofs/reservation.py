"""A store-conditional stores exactly if nothing has come between it and its load-reserved."""

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import In

from cosim.formal.proof import Proof, assume, claim
from rtl.cache.interface import CacheOp
from rtl.core.memory.memory import MemoryStage
from rtl.core.memory.stepped import SteppedMemoryStage
from rtl.core.stages import MemoryKind, MemoryOp
from rtl.isa.paging import PA_BITS
from rtl.mmu.interface import Fault

__all__ = ["ReservationProof", "SteppedReservationProof"]

_LINE_SHIFT = 6


class ReservationProof(Proof):
    """The memory stage with any operations, translations, cache answers and writes of another master, in 9
    cycles.

    ``reserved`` and ``line`` follow the unprivileged specification, "Load-Reserved/Store-Conditional": a
    load-reserved that completes reserves its line; a write of another master to it, or a store-conditional
    that completes, to whatever address, ends the reservation, and so does ``drop`` (entries and exits of
    Xvmx). A trap in between does not: the specification
    leaves that to the handler. Claims: nothing is written for a store-conditional without a reservation of
    its line; it reports success exactly if it has written; with a reservation it does not report failure
    (unless another master wrote anything in the very cycle of the load-reserved).

    Assumptions: the cache answers only what is asked; the MMU gives either a translation or a fault; the
    other master's write and the hart's access to the same line do not happen in one cycle (the cache has
    one port); what has trapped already is no memory operation; Xvmx's own
    accesses are plain loads and stores.
    """

    depth = 9
    stage = MemoryStage
    late = False
    """An operation finishes in the cycle behind the cache's answer."""

    def __init__(self) -> None:
        super().__init__(
            {
                "valid": In(1),
                "operation": In(MemoryOp),
                "hit": In(1),
                "paddr": In(PA_BITS),
                "fault_valid": In(1),
                "fault": In(Fault),
                "done": In(1),
                "rdata": In(64),
                "error": In(1),
                "snoop_valid": In(1),
                "snoop_paddr": In(PA_BITS),
                "drop": In(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.stage = stage = self.stage()
        translate, cache = stage.translate, stage.cache
        m.d.comb += [
            stage.operation.valid.eq(self.valid),
            stage.operation.p.eq(self.operation),
            translate.hit.eq(self.hit),
            translate.paddr.eq(self.paddr),
            translate.fault_valid.eq(self.fault_valid),
            translate.fault.eq(self.fault),
            cache.done.eq(self.done),
            cache.rdata.eq(self.rdata),
            cache.error.eq(self.error),
            cache.index_ready.eq(1),
            stage.snoop_valid.eq(self.snoop_valid),
            stage.snoop_paddr.eq(self.snoop_paddr),
            stage.drop_reservation.eq(self.drop),
        ]
        line_now = cache.paddr[_LINE_SHIFT:]
        snooped = self.snoop_paddr[_LINE_SHIFT:]
        kind = self.operation.kind
        assume(
            m,
            ~self.done | cache.valid,
            ~self.hit | translate.valid,
            ~self.fault_valid | (translate.valid & ~self.hit),
            ~(self.snoop_valid & self.done & (snooped == line_now)),
            ~self.operation.trap | (kind == MemoryKind.NONE),
            ~self.operation.micro | ((kind != MemoryKind.LR) & (kind != MemoryKind.SC)),
        )

        asked = Signal()
        m.d.sync += asked.eq(cache.valid)
        if self.late:
            answered = Signal()
            m.d.sync += answered.eq(self.done)
            assume(
                m,
                ~self.done | asked,
                ~(self.snoop_valid & answered & (snooped == line_now)),
                ~(self.drop & self.done),
            )
        retired = stage.retired.any() & ~stage.fault  # in a fault only an older companion retires
        op = Signal(MemoryOp)
        with m.If(stage.operation.valid & stage.operation.ready):
            m.d.sync += op.eq(stage.operation.p)
        reserved = Signal()
        line = Signal(PA_BITS - _LINE_SHIFT)
        undisturbed = Signal()
        writes = cache.valid & (cache.op == CacheOp.WRITE)
        wrote = Signal()
        m.d["sync" if self.late else "comb"] += wrote.eq(writes & cache.done & ~cache.error)
        read = cache.valid & cache.done & ~cache.error
        with m.If((read if self.late else retired) & (op.kind == MemoryKind.LR)):
            m.d.sync += [reserved.eq(1), line.eq(line_now), undisturbed.eq(~self.snoop_valid)]
        with m.Elif((retired & (op.kind == MemoryKind.SC)) | (self.snoop_valid & (snooped == line))):
            m.d.sync += reserved.eq(0)
        with m.If(self.drop):
            m.d.sync += reserved.eq(0)

        conditional = op.kind == MemoryKind.SC
        ours = reserved & (line == line_now)
        ends = retired & conditional
        succeeds = ends & (stage.forward[0].data == 0)
        claim(m, "no_write_without_reservation", ~(writes & conditional) | ours)
        claim(m, "success_means_written", ~succeeds | wrote)
        claim(m, "written_means_success", ~(wrote & conditional) | succeeds)
        claim(m, "no_failure_with_reservation", ~ends | succeeds | ~(ours & undisturbed))
        return m


class SteppedReservationProof(ReservationProof):
    """The same of the memory stage with registers between translation, access and result: just as long as a
    load-reserved and the store-conditional behind it take. A load-reserved reserves its line when the cache
    answers, which is never in the first cycle of a request, nor twice in two cycles: the other master's write
    to the line is not in the cycle behind, either. Entries and exits of Xvmx wait until nothing is under
    way."""

    depth = 9
    stage = SteppedMemoryStage
    late = True
