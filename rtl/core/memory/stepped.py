"""The memory stage with registers between translation, access and result (``Cuts.memory``)."""

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import enum

from rtl.cache.interface import CacheOp, is_cacheable, is_executable
from rtl.core.interface import Mode, Trap
from rtl.core.memory.align import LoadAligner, StoreAligner
from rtl.core.memory.amo import AmoUnit
from rtl.core.memory.memory import MemoryStage
from rtl.core.stages import MemoryKind, MemoryOp
from rtl.isa.causes import Cause
from rtl.isa.paging import PA_BITS
from rtl.mmu.interface import Access

__all__ = ["SteppedMemoryStage"]


class _Beat(enum.Enum, shape=4):
    """What an access, or the part of it that the phase is about, is at. Bit 3: it is the cache's turn."""

    REST = 0
    """There is none, or it is over."""
    TRANSLATE = 0b0001
    """The MMU is asked, and the data cache's arrays are."""
    PREPARE = 0b0010
    """The write of an AMO: its data are made. It goes where the read went."""
    FINISH = 0b0100
    """The answer stands in registers. If the operation does not end, the next part or a fault follows."""
    LOOK = 0b1000
    """The MMU's answer stands in registers. If it was none, the MMU is asked again; a fault ends the access;
    else this is the first cycle of the cache's request: may the address be accessed in this way?"""
    ACCESS = 0b1100


class SteppedMemoryStage(MemoryStage):
    """A load or store takes four cycles at least, the beats TRANSLATE, LOOK, ACCESS and FINISH; a
    multiplication takes two. The cache is a :class:`SteppedDataCache`; this stage drives its ``index`` itself
    (``index_ready`` is always up, and nobody looks at ``index_valid`` and ``index``). ``trap`` stands a cycle
    before ``fault``.

    Nothing that translation depends on changes while an operation waits here: CSRs are written, and fences
    done, by what comes into this stage or leaves it empty.
    """

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.load = load = LoadAligner()
        m.submodules.store = store = StoreAligner()
        m.submodules.amo = amo = AmoUnit()

        op = Signal(MemoryOp)
        valid = Signal()
        phase = Signal(self.Phase)
        beat = Signal(_Beat)
        plain = Signal()
        """The operation has nothing to wait for."""
        ends = Signal()
        """The operation finishes in this cycle."""
        self._accesses = Signal()
        """There is an operation, and it uses memory."""
        finish = Signal()
        failed = Signal()
        vaddr = Signal(64)
        """Of the part of the access that the phase is about."""
        self._asked = Signal(64, init=-1)
        """The same for the MMU, which may stand far away. (Equal registers with one initial value would be
        merged in synthesis.)"""
        mode = Signal(Mode)
        word = Signal(64)
        saved = Signal(64)
        stored = Signal()
        m.d.comb += [
            finish.eq(valid & (plain | ends)),
            failed.eq(self.fault | self.micro_fault),
            self.micro_done.eq(finish & op.micro),
            self.operation.ready.eq(~valid | plain | ends),
            self.stalled.eq(valid & ~finish),
            self.quiet.eq(~self._accesses),
            self.index_ready.eq(1),
        ]
        second = Signal()
        m.d.comb += [
            second.eq(
                (phase == self.Phase.SECOND)
                | (phase == self.Phase.PROBE)
                | (phase == self.Phase.WRITE_SECOND)
            ),
            load.offset.eq(op.vaddr[:3]),
            load.size.eq(op.size),
            load.unsigned.eq(op.unsigned),
            load.word.eq(word),
            load.second.eq(phase == self.Phase.SECOND),
            load.saved.eq(saved),
            amo.op.eq(op.amo),
            amo.word.eq(op.size == 2),
            amo.old.eq(saved),
            amo.operand.eq(op.wdata),
            store.offset.eq(op.vaddr[:3]),
            store.size.eq(op.size),
            store.value.eq(Mux(phase == self.Phase.AMO_WRITE, amo.result, op.wdata)),
            store.second.eq(second),
        ]
        # What traps is known a cycle before it does: where it goes is found out in between.
        fails = Signal()
        self._fails = fails
        m.d.sync += [self.fault.eq(fails & ~op.micro), self.micro_fault.eq(fails & op.micro), fails.eq(0)]
        self._asking = Signal()
        """The MMU is to translate what the phase is about, if there is an operation."""
        self._translate(m, op, valid, phase, beat, vaddr, mode)
        answered, over = self._access(m, op, valid, phase, beat, store, word, stored)
        with m.If((beat == _Beat.FINISH) & ~ends):
            self._go_on(m, op, phase, beat, vaddr)
            with m.If(phase == self.Phase.FIRST):
                m.d.sync += saved.eq(Mux(op.kind == MemoryKind.AMO, load.value, load.part))
        with m.If(op.multiply & (op.kind == MemoryKind.NONE) & valid):
            m.d.sync += ends.eq(1)
        self._take(m, op, valid, phase, beat, vaddr, mode, plain, ends)
        # The cache's answer comes late, so it is looked at last: nothing else happens meanwhile.
        with m.If(answered):
            m.d.sync += [beat.eq(_Beat.FINISH), ends.eq(over)]
        with m.If(failed):
            m.d.sync += [valid.eq(0), self._accesses.eq(0)]

        writes = Signal()
        m.d.comb += writes.eq(
            (op.kind == MemoryKind.STORE) | (op.kind == MemoryKind.SC) | (phase == self.Phase.AMO_WRITE)
        )
        with m.If((beat == _Beat.TRANSLATE) | (beat == _Beat.PREPARE)):
            m.d.sync += self.cache.op.eq(Mux(writes, CacheOp.WRITE, CacheOp.READ))
        result, together = self._outcome(m, op, valid, finish, load.value, saved, stored)
        self._report(m, op, phase, finish, result, writes, amo, together)
        return m

    def _take(self, m: Module, op, valid, phase, beat, vaddr, mode, plain, ends) -> None:
        """The next operation. The mode in which it accesses memory is that of this very cycle."""
        following = self.operation.p
        accesses = following.kind != MemoryKind.NONE
        atomic = (
            (following.kind == MemoryKind.LR)
            | (following.kind == MemoryKind.SC)
            | (following.kind == MemoryKind.AMO)
        )
        aligned = Signal()
        with m.Switch(following.size):
            with m.Case(0):
                m.d.comb += aligned.eq(1)
            for size in (1, 2, 3):
                with m.Case(size):
                    m.d.comb += aligned.eq(~following.vaddr[:size].any())
        with m.If(self.operation.ready):
            m.d.sync += [
                valid.eq(self.operation.valid),
                self._accesses.eq(self.operation.valid & accesses),
                op.eq(following),
                phase.eq(self.Phase.FIRST),
                # Whether there is an operation is known later than what it is.
                beat.eq(Mux(accesses, _Beat.TRANSLATE, _Beat.REST)),
                self._asking.eq(accesses),
                vaddr.eq(following.vaddr),
                self._asked.eq(following.vaddr),
                mode.eq(
                    Mux(following.hypervisor, self.hypervisor_mode.as_value(), self.data_mode.as_value())
                ),
                plain.eq(~accesses & ~following.multiply),
                ends.eq(0),
                self._misaligned.eq(atomic & ~aligned),
                self._strict.eq(atomic | ~aligned | following.micro),
                self._conditional.eq(following.kind == MemoryKind.SC),
            ]

    def _fail(self, m: Module, beat) -> None:
        """``trap`` stands in the next cycle, and ``fault`` comes in the one behind."""
        m.d.sync += [self._fails.eq(1), beat.eq(_Beat.REST)]

    def _translate(self, m: Module, op, valid, phase, beat, vaddr, mode) -> None:
        """Ask the MMU; keep what it says in any case. It comes late, so what it was is looked at in the next
        beat only."""
        self._misaligned = misaligned = Signal()
        """An atomic access that is misaligned."""
        self._strict = Signal()
        """Devices refuse this access."""
        self._conditional = Signal()
        """A store-conditional."""
        self._paddr = paddr = Signal(PA_BITS)
        self._trap = trap = Signal(Trap)
        self._is_store = is_store = Signal()
        self._hit = hit = Signal()
        """The MMU has translated what the phase is about."""
        request = self.translate.request
        asking = self._asking
        asks = valid & asking
        m.d.comb += [
            is_store.eq(
                (op.kind == MemoryKind.STORE) | (op.kind == MemoryKind.SC) | (op.kind == MemoryKind.AMO)
            ),
            self.translate.valid.eq(asks & ~misaligned),
            request.vaddr.eq(self._asked),
            request.access.eq(Mux(is_store, Access.STORE, Access.LOAD)),
            request.privilege.eq(mode.privilege),
            request.virt.eq(mode.virt),
            request.hlvx.eq(op.hlvx),
            request.physical.eq(op.micro),
            # Once: if the translation takes longer, it is the walker who wants the arrays.
            self.cache.index_valid.eq((valid & (beat == _Beat.TRANSLATE)) | (beat == _Beat.PREPARE)),
            self.cache.index.eq(vaddr[:12]),
            self.trap.eq(trap),
        ]
        with m.If(beat == _Beat.PREPARE):
            m.d.sync += beat.eq(_Beat.LOOK)
        with m.If(beat == _Beat.TRANSLATE):
            m.d.sync += beat.eq(_Beat.LOOK)
        with m.If(asking):
            m.d.sync += [paddr.eq(self.translate.paddr), hit.eq(self.translate.hit)]
            self._keep_trap(m, op, trap, vaddr, mode.virt, is_store)
            with m.If(misaligned):
                m.d.sync += trap.cause.eq(Mux(is_store, Cause.STORE_MISALIGNED, Cause.LOAD_MISALIGNED))
            with m.Else():
                at_start = (phase != self.Phase.SECOND) & (phase != self.Phase.PROBE)
                self._page_fault(m, op, trap, at_start & (phase != self.Phase.WRITE_SECOND), is_store)
        fails = misaligned | self.translate.fault_valid
        with m.If(asks & fails):
            m.d.sync += self._fails.eq(1)
        with m.If(asks & (fails | self.translate.hit)):
            m.d.sync += asking.eq(0)

    def _access(self, m: Module, op, valid, phase, beat, store, word, stored) -> tuple[Value, Value]:
        """Use the cache, with what stands in registers; keep what it says. Returns whether this part of the
        access is done, and whether the operation ends with it."""
        paddr, trap, cache, is_store = self._paddr, self._trap, self.cache, self._is_store
        reservation = Signal(self.Reservation)
        offers = Signal()
        """This part of the access touches memory."""
        last = Signal()
        """The operation ends with this part of the access."""
        line = paddr[6:]
        refused = Signal()
        step = Signal()
        failed = Signal()
        self._failed = Signal()
        """The cache has said ``error``."""
        conditional = self._conditional
        m.d.comb += [
            refused.eq(~is_cacheable(paddr) & (self._strict | (op.hlvx & ~is_executable(paddr)))),
            cache.valid.eq(beat.as_value()[3] & self._hit & offers & (~conditional | reservation.valid)),
            cache.paddr.eq(paddr),
            cache.size.eq(op.size),
            cache.lock.eq(valid & (op.kind == MemoryKind.AMO)),
            step.eq((beat == _Beat.ACCESS) & (~cache.valid | cache.done)),
            failed.eq(cache.valid & cache.error),
        ]
        splits = ((op.kind == MemoryKind.LOAD) | (op.kind == MemoryKind.STORE)) & store.crosses
        with m.If((beat == _Beat.TRANSLATE) | (beat == _Beat.PREPARE)):
            m.d.sync += [
                cache.wdata.eq(store.word),
                cache.wmask.eq(store.mask),
                # Not the probes of a crossing store; a store-conditional when its reservation is known.
                offers.eq(
                    ~conditional
                    & ~(
                        ((op.kind == MemoryKind.STORE) & (phase == self.Phase.FIRST) & store.crosses)
                        | (phase == self.Phase.PROBE)
                    )
                ),
                last.eq(
                    ~(
                        ((phase == self.Phase.FIRST) & (splits | (op.kind == MemoryKind.AMO)))
                        | (phase == self.Phase.PROBE)
                        | (phase == self.Phase.WRITE_FIRST)
                    )
                ),
            ]
        with m.If((beat == _Beat.LOOK) & self._fails):
            m.d.sync += beat.eq(_Beat.REST)
        with m.Elif((beat == _Beat.LOOK) & self._hit):
            # From here on the only fault is an access fault.
            m.d.sync += [
                beat.eq(_Beat.ACCESS),
                trap.cause.eq(Mux(is_store, Cause.STORE_ACCESS, Cause.LOAD_ACCESS)),
                trap.gpa.eq(0),
                trap.tinst.eq(0),
            ]
            with m.If(conditional):
                m.d.sync += offers.eq(reservation.line == line)
            with m.If(refused):
                self._fail(m, beat)
        with m.If(beat == _Beat.ACCESS):
            m.d.sync += [word.eq(cache.rdata), stored.eq(cache.valid)]
        with m.If(step):
            m.d.sync += self._failed.eq(failed)
        with m.If(self.snoop_valid & (self.snoop_paddr[6:] == reservation.line)):
            m.d.sync += reservation.valid.eq(0)
        # Nobody else has written this line meanwhile: the cache answers every other cycle at most, and a line
        # of which a word comes from the bus is not written until it is complete.
        with m.If((beat == _Beat.FINISH) & ~self._failed):
            with m.If(op.kind == MemoryKind.LR):
                m.d.sync += [reservation.valid.eq(1), reservation.line.eq(line)]
            with m.If(conditional):
                m.d.sync += reservation.valid.eq(0)
        with m.If(self.drop_reservation):
            m.d.sync += reservation.valid.eq(0)
        return step, last & ~failed

    def _go_on(self, m: Module, op, phase, beat, vaddr) -> None:
        """The next part of the access, or its fault."""
        next_word = Cat(Const(0, 3), op.vaddr[3:] + 1)
        back = (phase == self.Phase.PROBE) | (op.kind == MemoryKind.AMO)
        goes_to = Signal(64)
        m.d.comb += goes_to.eq(Mux(back, op.vaddr, next_word))
        m.d.sync += [
            beat.eq(_Beat.TRANSLATE),
            self._asking.eq(~self._failed),
            vaddr.eq(goes_to),
            self._asked.eq(goes_to),
        ]
        with m.Switch(phase):
            with m.Case(self.Phase.FIRST):
                with m.If(op.kind == MemoryKind.AMO):
                    m.d.sync += [
                        phase.eq(self.Phase.AMO_WRITE),
                        beat.eq(_Beat.PREPARE),
                        self._asking.eq(0),
                    ]
                with m.Elif(op.kind == MemoryKind.STORE):
                    m.d.sync += phase.eq(self.Phase.PROBE)
                with m.Else():
                    m.d.sync += phase.eq(self.Phase.SECOND)
            with m.Case(self.Phase.PROBE):
                m.d.sync += phase.eq(self.Phase.WRITE_FIRST)
            with m.Default():
                m.d.sync += phase.eq(self.Phase.WRITE_SECOND)
        with m.If(self._failed):
            self._fail(m, beat)

    def _addresses(self, m: Module, phase) -> tuple[Value, Value]:
        first = Signal(PA_BITS)
        is_first = phase == self.Phase.FIRST
        with m.If(is_first):
            m.d.sync += first.eq(self._paddr)
        return Mux(is_first, self._paddr, first), self._paddr
