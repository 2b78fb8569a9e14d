"""The memory stage: loads, stores and atomics, and the retirement of every instruction."""

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.cache.interface import CacheOp, DataPort, is_cacheable, is_executable
from rtl.core.decode.registers import RegisterWrite
from rtl.core.interface import Mode, Retire, Trap
from rtl.core.memory.align import LoadAligner, StoreAligner
from rtl.core.memory.amo import AmoUnit
from rtl.core.stages import Forward, MemoryKind, MemoryOp
from rtl.isa.causes import Cause
from rtl.isa.htinst import PSEUDO_READ, PSEUDO_WRITE
from rtl.isa.paging import PA_BITS
from rtl.mmu.interface import Access, FaultKind, TranslatePort

__all__ = ["MemoryStage"]


class _Phase(enum.Enum, shape=3):
    """What of an access is under way. Ordinary accesses need FIRST only."""

    FIRST = 0
    SECOND = 1
    """Second word of a load that crosses an aligned 64-bit word."""
    PROBE = 2
    """Translate the second part of a crossing store, before anything is written."""
    WRITE_FIRST = 3
    WRITE_SECOND = 4
    AMO_WRITE = 5
    FAULT = 6


class _Reservation(data.Struct):
    """lr/sc reservation of a 64-byte line (unprivileged spec 14.2)."""

    valid: 1
    line: PA_BITS - 6


class MemoryStage(wiring.Component):
    """Begins with the register of the operation; at its end the instruction has retired.

    Misaligned accesses to DRAM work, in two steps where they cross a 64-bit word; a store writes nothing
    before both parts have been translated. Misaligned accesses to devices, atomics on devices, and HLVX on
    those that may not be executed are access faults; misaligned atomics are misaligned-address exceptions.

    A fault is registered before it traps, so that translation is not in the path of a redirect. A companion
    retires with the operation; an older one also if the operation faults.

    Members
    -------
    operation: in; ready when the stage is empty or finishes
    data_mode, hypervisor_mode: effective modes of ordinary and of hypervisor loads and stores
    translate, cache: to the MMU and the data cache (stage 1 of its port; stage 0 is execute's)
    snoop_valid, snoop_paddr: another master writes this address
    product: the multiplier's result for the operation in this stage
    fault, trap: the operation traps in this cycle
    forward: its result and its companion's, for the decode stage (``ready``: the operation finishes)
    write: the same for the register file, when they are final
    stalled, quiet: the operation does not finish in this cycle; there is none that uses memory
    micro_done, micro_fault: a MicroOp ends in this cycle (its load's value is ``forward.data``), well or not
    drop_reservation: end the reservation
    fault_exits: the fault is a VM exit, which is reported when it ends
    retired: how many instructions completed in this cycle
    retire: record of it, or of a trap, one cycle later
    """

    Phase = _Phase
    Reservation = _Reservation

    def __init__(self) -> None:
        super().__init__(
            {
                "operation": In(stream.Signature(MemoryOp)),
                "data_mode": In(Mode),
                "hypervisor_mode": In(Mode),
                "translate": Out(TranslatePort),
                "cache": Out(DataPort),
                "index_valid": In(1),
                "index": In(12),
                "index_ready": Out(1),
                "snoop_valid": In(1),
                "snoop_paddr": In(PA_BITS),
                "product": In(64),
                "fault": Out(1),
                "trap": Out(Trap),
                "forward": Out(Forward).array(2),
                "write": Out(RegisterWrite).array(2),
                "retired": Out(2),
                "retire": Out(Retire),
                "stalled": Out(1),
                "quiet": Out(1),
                "micro_done": Out(1),
                "micro_fault": Out(1),
                "drop_reservation": In(1),
                "fault_exits": In(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.load = load = LoadAligner()
        m.submodules.store = store = StoreAligner()
        m.submodules.amo = amo = AmoUnit()

        op = Signal(MemoryOp)
        valid = Signal()
        phase = Signal(_Phase)
        finish = Signal()
        failed = Signal()
        access_done = Signal()
        active = Signal()
        saved = Signal(64)
        m.d.comb += [
            active.eq(valid & (op.kind != MemoryKind.NONE) & (phase != _Phase.FAULT)),
            finish.eq(valid & Mux(op.kind == MemoryKind.NONE, 1, access_done)),
            failed.eq(valid & (phase == _Phase.FAULT)),
            self.fault.eq(failed & ~op.micro),
            self.micro_fault.eq(failed & op.micro),
            self.micro_done.eq(finish & op.micro),
            self.operation.ready.eq(~valid | finish),
            self.stalled.eq(valid & ~finish),
            self.quiet.eq(~valid | (op.kind == MemoryKind.NONE)),
        ]
        with m.If(self.operation.ready):
            m.d.sync += [valid.eq(self.operation.valid), op.eq(self.operation.p), phase.eq(_Phase.FIRST)]
        with m.If(failed):
            m.d.sync += [valid.eq(0), phase.eq(_Phase.FIRST)]

        # Which bytes
        atomic = Signal()
        second = Signal()
        vaddr = Signal(64)
        next_word = Signal(64)
        offset = op.vaddr[:3]
        aligned = Signal()
        m.d.comb += [
            atomic.eq((op.kind == MemoryKind.LR) | (op.kind == MemoryKind.SC) | (op.kind == MemoryKind.AMO)),
            second.eq((phase == _Phase.SECOND) | (phase == _Phase.PROBE) | (phase == _Phase.WRITE_SECOND)),
            next_word.eq(Cat(Const(0, 3), op.vaddr[3:] + 1)),
            vaddr.eq(Mux(second, next_word, op.vaddr)),
            load.offset.eq(offset),
            load.size.eq(op.size),
            load.unsigned.eq(op.unsigned),
            load.word.eq(self.cache.rdata),
            load.second.eq(phase == _Phase.SECOND),
            load.saved.eq(saved),
            amo.op.eq(op.amo),
            amo.word.eq(op.size == 2),
            amo.old.eq(saved),
            amo.operand.eq(op.wdata),
            store.offset.eq(offset),
            store.size.eq(op.size),
            store.value.eq(Mux(phase == _Phase.AMO_WRITE, amo.result, op.wdata)),
            store.second.eq(second),
        ]
        with m.Switch(op.size):
            with m.Case(0):
                m.d.comb += aligned.eq(1)
            for size in (1, 2, 3):
                with m.Case(size):
                    m.d.comb += aligned.eq(~offset[:size].any())

        # Translation
        is_store = Signal()
        mode = Mode(Mux(op.hypervisor, self.hypervisor_mode.as_value(), self.data_mode.as_value()))
        request = self.translate.request
        misaligned_atomic = atomic & ~aligned
        cacheable = is_cacheable(self.translate.paddr)
        executable = is_executable(self.translate.paddr)
        refused = Signal()
        m.d.comb += [
            is_store.eq(
                (op.kind == MemoryKind.STORE) | (op.kind == MemoryKind.SC) | (op.kind == MemoryKind.AMO)
            ),
            self.translate.valid.eq(active & ~misaligned_atomic),
            request.vaddr.eq(vaddr),
            request.access.eq(Mux(is_store, Access.STORE, Access.LOAD)),
            request.privilege.eq(mode.privilege),
            request.virt.eq(mode.virt),
            request.hlvx.eq(op.hlvx),
            request.physical.eq(op.micro),
            refused.eq(
                self.translate.hit & ~cacheable & (atomic | ~aligned | op.micro | (op.hlvx & ~executable))
            ),
        ]

        # The access itself
        reservation = Signal(_Reservation)
        reserved = Signal()
        writes = Signal()
        touches = Signal()
        go = Signal()
        line = self.translate.paddr[6:]
        m.d.comb += [
            reserved.eq(reservation.valid & (reservation.line == line)),
            writes.eq(
                (op.kind == MemoryKind.STORE) | (op.kind == MemoryKind.SC) | (phase == _Phase.AMO_WRITE)
            ),
            # Not touched: the probes of a crossing store, and a store-conditional that fails.
            touches.eq(
                ~(
                    ((op.kind == MemoryKind.STORE) & (phase == _Phase.FIRST) & store.crosses)
                    | (phase == _Phase.PROBE)
                    | ((op.kind == MemoryKind.SC) & ~reserved)
                )
            ),
            go.eq(self.translate.valid & self.translate.hit & ~refused),
            self.cache.index_valid.eq(self.index_valid),
            self.cache.index.eq(self.index),
            self.index_ready.eq(self.cache.index_ready),
            self.cache.valid.eq(go & touches),
            self.cache.paddr.eq(self.translate.paddr),
            self.cache.op.eq(Mux(writes, CacheOp.WRITE, CacheOp.READ)),
            self.cache.size.eq(op.size),
            self.cache.wdata.eq(store.word),
            self.cache.wmask.eq(store.mask),
            self.cache.lock.eq(active & (op.kind == MemoryKind.AMO)),
        ]

        faulted = self._fault(m, op, phase, active, misaligned_atomic, refused, vaddr, mode.virt, is_store)
        step = Signal()
        m.d.comb += step.eq(go & (~touches | self.cache.done) & ~faulted)
        with m.If(step):
            self._advance(m, op, phase, store.crosses, access_done)
            with m.If(phase == _Phase.FIRST):
                m.d.sync += saved.eq(Mux(op.kind == MemoryKind.AMO, load.value, load.part))
            with m.If(op.kind == MemoryKind.LR):
                m.d.sync += [reservation.valid.eq(1), reservation.line.eq(line)]
            with m.Elif(op.kind == MemoryKind.SC):
                m.d.sync += reservation.valid.eq(0)
        with m.If(self.drop_reservation | (self.snoop_valid & (self.snoop_paddr[6:] == reservation.line))):
            m.d.sync += reservation.valid.eq(0)

        result, together = self._outcome(m, op, valid, finish, load.value, saved, reserved)
        self._report(m, op, phase, finish, result, writes, amo, together)
        return m

    def _outcome(self, m: Module, op, valid, finish, loaded, saved, stored):
        """The results for the registers: of a load, of an AMO (``saved``), of a store-conditional (that has
        ``stored`` or not), of others. Returns the operation's, and whether the companion retires."""
        result = Signal(64)
        m.d.comb += result.eq(op.result)
        with m.If(op.multiply):
            m.d.comb += result.eq(self.product)
        with m.Switch(op.kind):
            with m.Case(MemoryKind.LOAD, MemoryKind.LR):
                m.d.comb += result.eq(loaded)
            with m.Case(MemoryKind.AMO):
                m.d.comb += result.eq(saved)
            with m.Case(MemoryKind.SC):
                m.d.comb += result.eq(~stored)
        companion = op.companion
        together = Signal()
        main = self.forward[0]
        m.d.comb += [
            main.valid.eq(valid & op.rd_write & op.rd.any() & ~self.fault),
            main.rd.eq(op.rd),
            main.ready.eq(finish),
            main.data.eq(result),
            self.forward[1].valid.eq(valid & companion.valid & companion.rd.any()),
            self.forward[1].rd.eq(companion.rd),
            self.forward[1].ready.eq(1),
            self.forward[1].data.eq(companion.result),
            self.write[0].valid.eq(main.valid & finish),
            self.write[1].valid.eq(together),
            together.eq(companion.valid & (finish | (self.fault & companion.older))),
            self.retired.eq((finish & ~op.trap & ~op.micro) + together),
        ]
        m.d.comb += [
            member.eq(getattr(forward, name))
            for forward, write in zip(self.forward, self.write, strict=True)
            for name, member in (("rd", write.rd), ("data", write.data))
        ]
        return result, together

    def _advance(self, m: Module, op, phase, crosses, access_done) -> None:
        """The phase is over without a fault: what comes next."""
        with m.Switch(phase):
            with m.Case(_Phase.FIRST):
                with m.If((op.kind == MemoryKind.LOAD) & crosses):
                    m.d.sync += phase.eq(_Phase.SECOND)
                with m.Elif((op.kind == MemoryKind.STORE) & crosses):
                    m.d.sync += phase.eq(_Phase.PROBE)
                with m.Elif(op.kind == MemoryKind.AMO):
                    m.d.sync += phase.eq(_Phase.AMO_WRITE)
                with m.Else():
                    m.d.comb += access_done.eq(1)
            with m.Case(_Phase.PROBE):
                m.d.sync += phase.eq(_Phase.WRITE_FIRST)
            with m.Case(_Phase.WRITE_FIRST):
                m.d.sync += phase.eq(_Phase.WRITE_SECOND)
            with m.Default():
                m.d.comb += access_done.eq(1)

    def _fault(self, m: Module, op, phase, active, misaligned_atomic, refused, vaddr, virt, is_store):
        """Notice a fault, keep it, and trap in the next cycle. Returns whether there is one."""
        trap = Signal(Trap)
        faulted = Signal()
        bus_error = self.cache.valid & self.cache.done & self.cache.error
        m.d.comb += [
            faulted.eq(active & (misaligned_atomic | refused | bus_error | self.translate.fault_valid)),
            self.trap.eq(trap),
        ]
        with m.If(faulted):
            m.d.sync += phase.eq(_Phase.FAULT)
            self._keep_trap(m, op, trap, vaddr, virt, is_store)
            with m.If(misaligned_atomic):
                m.d.sync += trap.cause.eq(Mux(is_store, Cause.STORE_MISALIGNED, Cause.LOAD_MISALIGNED))
            with m.Elif(self.translate.fault_valid):
                self._page_fault(m, op, trap, vaddr == op.vaddr, is_store)
        return faulted

    def _keep_trap(self, m: Module, op, trap, vaddr, virt, is_store) -> None:
        """Record the trap, as an access fault, with what the MMU says of any fault."""
        fault = self.translate.fault
        m.d.sync += [
            trap.pc.eq(op.pc),
            trap.tval.eq(vaddr),
            trap.gva.eq(virt),
            trap.gpa.eq(0),
            trap.tinst.eq(0),
            trap.instruction.eq(Mux(op.compressed, op.instruction[:16], op.instruction)),
            trap.compressed.eq(op.compressed),
            trap.rights.eq(fault.rights),
            trap.misconfigured.eq(fault.misconfigured),
            trap.implicit.eq(fault.implicit),
            trap.implicit_write.eq(fault.implicit_write),
            trap.cause.eq(Mux(is_store, Cause.STORE_ACCESS, Cause.LOAD_ACCESS)),
        ]

    def _page_fault(self, m: Module, op, trap, at_start, is_store) -> None:
        """What the MMU says of a page fault or guest-page fault. ``at_start``: at the access's first byte."""
        fault = self.translate.fault
        with m.If(fault.kind == FaultKind.PAGE):
            m.d.sync += trap.cause.eq(Mux(is_store, Cause.STORE_PAGE_FAULT, Cause.LOAD_PAGE_FAULT))
        with m.If(fault.kind == FaultKind.GUEST_PAGE):
            pseudo = Mux(fault.implicit_write, PSEUDO_WRITE, PSEUDO_READ)
            offset = Signal(5)
            m.d.comb += offset.eq(Mux(at_start, 0, 8 - op.vaddr[:3]))
            m.d.sync += [
                trap.cause.eq(Mux(is_store, Cause.STORE_GUEST_PAGE_FAULT, Cause.LOAD_GUEST_PAGE_FAULT)),
                trap.gpa.eq(fault.gpa),
                trap.tinst.eq(Mux(fault.implicit, pseudo, Cat(op.tinst[:15], offset, op.tinst[20:]))),
            ]

    def _addresses(self, m: Module, phase) -> tuple[Value, Value]:
        """Physical addresses of the access's first and last word, when it finishes."""
        paddr = Signal(PA_BITS)
        is_first = phase == _Phase.FIRST
        with m.If(is_first & self.translate.hit):
            m.d.sync += paddr.eq(self.translate.paddr)
        return Mux(is_first, self.translate.paddr, paddr), self.translate.paddr

    def _report(self, m: Module, op, phase, finish, result, writes, amo, together) -> None:
        """Fill the retire record, a cycle behind."""
        record = Signal(Retire)
        paddr, paddr_last = self._addresses(m, phase)
        accessed = (op.kind != MemoryKind.NONE) & ~self.fault
        sc_failed = (op.kind == MemoryKind.SC) & result[0]
        m.d.sync += [
            record.valid.eq((finish & ~op.micro) | (self.fault & ~self.fault_exits)),
            record.trap.eq(op.trap | self.fault),
            record.vm_exit.eq(op.vm_exit),
            record.interrupt.eq(op.interrupt),
            record.cause.eq(Mux(self.fault, self.trap.cause, op.cause)),
            record.pc.eq(op.pc),
            record.instruction.eq(op.instruction),
            record.mode.eq(op.mode),
            record.rd_write.eq(op.rd_write & (op.rd != 0) & ~self.fault),
            record.rd.eq(op.rd),
            record.rd_data.eq(result),
            record.mem_read.eq(
                accessed
                & ((op.kind == MemoryKind.LOAD) | (op.kind == MemoryKind.LR) | (op.kind == MemoryKind.AMO))
            ),
            record.mem_write.eq(accessed & writes & ~sc_failed),
            record.mem_size.eq(op.size),
            record.mem_vaddr.eq(op.vaddr),
            record.mem_paddr.eq(paddr),
            record.mem_paddr_last.eq(paddr_last),
            record.mem_data.eq(Mux(op.kind == MemoryKind.AMO, amo.result, Mux(writes, op.wdata, result))),
        ]
        m.d.sync += [
            record.companion.valid.eq(together),
            record.companion.older.eq(op.companion.older),
            record.companion.pc.eq(op.companion.pc),
            record.companion.instruction.eq(op.companion.instruction),
            record.companion.rd.eq(op.companion.rd),
            record.companion.rd_data.eq(op.companion.result),
        ]
        with m.If(self.fault & self.fault_exits):
            # The exit is reported when it ends; an older companion has retired all the same.
            m.d.sync += [
                record.valid.eq(together),
                record.trap.eq(0),
                record.pc.eq(op.companion.pc),
                record.instruction.eq(op.companion.instruction),
                record.rd_write.eq(op.companion.rd != 0),
                record.rd.eq(op.companion.rd),
                record.rd_data.eq(op.companion.result),
                record.companion.valid.eq(0),
            ]
        m.d.comb += self.retire.eq(record)
