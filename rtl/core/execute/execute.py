"""The execute stage: arithmetic, branches, CSR access, privileged instructions, traps."""

from amaranth import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.config import CoreConfig
from rtl.core.execute.alu import Alu, BranchUnit
from rtl.core.execute.branches import resolve
from rtl.core.execute.divider import Divider
from rtl.core.execute.exceptions import ExceptionUnit
from rtl.core.execute.outputs import STACK_POINTER, replace_by_vmx, tell_companion, tell_vmx, transformed
from rtl.core.execute.phases import Phases, connect_phases, judge, take
from rtl.core.execute.split_alu import SplitAlu
from rtl.core.interface import CsrPort, Mode, SystemOp, SystemPort, Trap, TrapPort, XretPort
from rtl.core.stages import (
    ASelect,
    BranchOp,
    BranchUpdate,
    BSelect,
    ExecuteOp,
    Forward,
    MemoryKind,
    MemoryOp,
    Redirect,
)
from rtl.core.vmx.interface import VmxExecutePort
from rtl.mmu.interface import FenceOp, FencePort

__all__ = ["Execute"]


class Execute(wiring.Component):
    """Begins with the register of the operation; ends where it commits.

    An operation commits in the cycle in which it moves to the memory stage: the older operation there is then
    known not to fault. Only a mispredicted branch redirects fetch earlier, for its outcome does not depend on
    the memory stage. A fault in the memory stage kills the operation here.

    An operation's companion has an ALU of its own. It shares the operation's fate, but for this: an interrupt
    comes before both; a younger companion dies if the operation is a mispredicted branch.

    Members
    -------
    operation, result: in and out
    memory_fault, memory_trap: the memory stage's operation traps in this cycle
    memory_quiet: there is no load or store in the memory stage
    csr, system, trap, xret: ports of the CSR unit
    mode, interrupt_valid, interrupt_cause, interrupt_exit, wfi_wake: from the CSR unit
    vmx: to the VMX unit (nothing is connected without one)
    fence: to the MMU
    index_valid, index, index_ready: stage 0 of the data cache's port
    forward: results of the operation and of its companion, to decode
    redirect, update, flush_instructions: to the earlier stages
    multiply, multiply_function, multiply_word, a, b: to the multiplier, whose second stage is in memory
    steps, acting, keep: with ``Cuts.execute`` only: the guest executes one instruction at a time; to the
        CSR unit, see :class:`Phases`
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(
            {
                "operation": In(stream.Signature(ExecuteOp)),
                "result": Out(stream.Signature(MemoryOp)),
                "memory_fault": In(1),
                "memory_trap": In(Trap),
                "memory_quiet": In(1),
                "csr": Out(CsrPort),
                "system": Out(SystemPort),
                "trap": Out(TrapPort),
                "xret": Out(XretPort),
                "mode": In(Mode),
                "interrupt_valid": In(1),
                "interrupt_cause": In(6),
                "interrupt_exit": In(1),
                "vmx": Out(VmxExecutePort),
                "wfi_wake": In(1),
                "fence": Out(FencePort),
                "index_valid": Out(1),
                "index": Out(12),
                "index_ready": In(1),
                "forward": Out(Forward).array(2),
                "redirect": Out(Redirect),
                "update": Out(BranchUpdate),
                "flush_instructions": Out(1),
                "multiply": Out(1),
                "multiply_function": Out(2),
                "multiply_word": Out(1),
                "a": Out(64),
                "b": Out(64),
                "branch_event": Out(1),
                "mispredict_event": Out(1),
                **({"steps": In(1), "acting": Out(1), "keep": Out(1)} if config.cuts.execute else {}),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        cut = self.config.cuts.execute
        m.submodules.alu = alu = SplitAlu() if cut else Alu()
        m.submodules.companion_alu = companion_alu = SplitAlu() if cut else Alu()
        m.submodules.branch = branch = BranchUnit(chained=cut)
        m.submodules.divider = divider = Divider(slow=cut)
        m.submodules.exceptions = exceptions = ExceptionUnit()
        phases = None
        if cut:
            m.submodules.phases = phases = Phases()

        op = Signal(ExecuteOp)
        valid = Signal()
        control = op.control
        fetched = op.fetched
        link = Signal(64)
        address = Signal(64)
        commit = Signal()
        done = Signal()
        trapping = Signal()
        m.d.comb += [
            link.eq(fetched.pc + Mux(fetched.compressed, 2, 4)),
            address.eq(op.a + op.immediate),
            alu.op.eq(control.alu),
            alu.word.eq(control.word),
            branch.op.eq(control.branch),
            branch.a.eq(op.a),
            branch.b.eq(op.b),
            self.a.eq(op.a),
            self.b.eq(op.b),
        ]
        with m.Switch(control.a):
            with m.Case(ASelect.RS1):
                m.d.comb += alu.a.eq(op.a)
            with m.Case(ASelect.PC):
                m.d.comb += alu.a.eq(fetched.pc)
        m.d.comb += alu.b.eq(Mux(control.b == BSelect.IMMEDIATE, op.immediate, op.b))

        # Exceptions of this operation (interrupts first), and their effect
        started = Signal()
        judge(self, m, op, exceptions, phases, started)
        verdict = exceptions if phases is None else phases
        m.d.comb += trapping.eq(verdict.valid)

        mispredict, next_address = resolve(self, m, op, branch.taken, address, link)
        finished, refetch = self._units(m, op, valid, commit, divider, verdict, started, phases)
        is_memory = control.memory != MemoryKind.NONE
        plain = Signal()
        m.d.comb += [
            plain.eq(valid & ~verdict.kill),
            self.index_valid.eq(plain & is_memory),
            self.index.eq(address[:12]),
            commit.eq(valid & done & self.result.ready & ~self.memory_fault),
            self.operation.ready.eq((~valid & ~self.vmx.busy) | commit),
            divider.take.eq((commit if phases is None else phases.acting) | self.memory_fault),
        ]
        ends = trapping | verdict.refetch | (finished & (~is_memory | self.index_ready))
        if phases is None:
            m.d.comb += done.eq(~self.vmx.wait & ends)
        else:
            m.d.comb += [done.eq(ends & phases.may_leave), plain.eq(valid & ~verdict.kill & phases.may_act)]
            connect_phases(self, m, phases, op, valid, commit, exceptions, started)

        # Redirects
        redirected = Signal()
        steers = self.redirect.valid if phases is None else Signal()
        delivers = Signal()
        # What acts in phases leaves as soon as it may: there is nothing older that could stall it or fault.
        effective, traps = commit & plain, commit & trapping
        if phases is not None:
            effective, traps = phases.ends & phases.acts & finished, phases.ends & trapping
        m.d.comb += [
            delivers.eq(effective & self.vmx.deliver),
            self.trap.valid.eq(self.memory_fault | traps | delivers),
            self.redirect.target.eq(next_address),
        ]
        # While an operation acts in phases, there is none in the memory stage that could fault.
        with m.If(self.memory_fault if phases is None else ~phases.acting):
            m.d.comb += self.trap.trap.eq(self.memory_trap)
        with m.Elif(trapping):
            m.d.comb += self.trap.trap.eq(verdict.trap)
        with m.Elif(delivers if phases is None else 1):
            m.d.comb += self.trap.trap.eq(self.vmx.event)
        with m.If(self.trap.valid):
            m.d.comb += [steers.eq(~self.trap.exits), self.redirect.target.eq(self.trap.vector)]
        with m.Elif(self.vmx.arrive | (effective & self.vmx.enter)):
            m.d.comb += [steers.eq(1), self.redirect.target.eq(self.vmx.target)]
        with m.Elif(self.xret.valid):
            m.d.comb += [steers.eq(1), self.redirect.target.eq(self.xret.target)]
        with m.Elif(effective & refetch):
            m.d.comb += [steers.eq(1), self.redirect.target.eq(link)]
        with m.Elif(valid & verdict.refetch & ~redirected):
            m.d.comb += [steers.eq(1), self.redirect.target.eq(fetched.pc)]
        if phases is not None:
            take(self, m, op, valid, redirected, steers, plain, mispredict)
        else:
            with m.Elif(plain & mispredict & ~redirected):
                m.d.comb += self.redirect.valid.eq(1)

            # The operation register
            with m.If(self.operation.ready):
                m.d.sync += [valid.eq(self.operation.valid), op.eq(self.operation.p), redirected.eq(0)]
            with m.If(self.redirect.valid):
                m.d.sync += redirected.eq(1)
                with m.If(self.operation.ready | self.memory_fault):
                    m.d.sync += [valid.eq(0), redirected.eq(0)]
            with m.If(self.trap.exits):
                m.d.sync += [valid.eq(0), redirected.eq(0)]

        tell_vmx(self, m, op, valid, commit, exceptions, phases)
        tell_companion(self, m, op, valid, verdict.kill, mispredict, redirected, companion_alu)
        self._results(m, op, valid, commit, verdict, alu, companion_alu, divider, address, link, phases)
        m.d.comb += [
            self.branch_event.eq(commit & plain & (control.branch != BranchOp.NONE)),
            self.mispredict_event.eq(commit & plain & mispredict),
        ]
        return m

    def _units(self, m: Module, op, valid, commit, divider, verdict, started, phases):
        """Everything that takes effect or time beyond the ALU. Returns (finished, refetch)."""
        control, fetched = op.control, op.fetched
        system = control.system
        finished = Signal(init=1)
        refetch = Signal()
        live = Signal()
        kill = verdict.kill
        m.d.comb += [
            live.eq(valid & ~kill if phases is None else phases.acting & ~kill),
            finished.eq(1),
            divider.start.eq((live if phases is None else valid) & control.divide),
            divider.signed.eq(~op.expanded[12]),
            divider.remainder.eq(op.expanded[13]),
            divider.word.eq(control.word),
            divider.a.eq(op.a),
            divider.b.eq(op.b),
            self.multiply.eq(commit & control.multiply),
            self.multiply_function.eq(op.expanded[12:14]),
            self.multiply_word.eq(control.word),
        ]
        computed = finished if phases is None else phases.finished
        with m.If(control.divide):
            m.d.comb += computed.eq(divider.done)
        with m.If(control.vmx):
            # In the guest it is vmfunc: what comes next is fetched through the new EPTP.
            m.d.comb += [computed.eq(self.vmx.done), refetch.eq(self.mode.virt)]

        # CSR access and returns: with phases, these act for one cycle
        effective = commit & ~kill if phases is None else phases.acts
        m.d.comb += [
            self.csr.valid.eq(valid & control.csr.as_value().any() & ~fetched.fault_valid),
            self.csr.number.eq(op.immediate[:12]),
            self.csr.op.eq(control.csr),
            self.csr.write.eq((control.csr.as_value() == 1) | (op.rs1 != 0)),
            self.csr.operand.eq(Mux(control.csr_immediate, op.rs1, op.a)),
            self.csr.commit.eq(effective & self.csr.valid),
            self.system.op.eq(Mux(valid & ~control.illegal, system, SystemOp.NONE)),
            self.xret.machine.eq(system == SystemOp.MRET),
            self.xret.valid.eq(effective & ((system == SystemOp.MRET) | (system == SystemOp.SRET))),
            self.flush_instructions.eq(effective & control.fence_i),
        ]
        with m.If(self.csr.valid):
            m.d.comb += refetch.eq(self.csr.refetch)
        with m.If(control.fence_i):
            m.d.comb += refetch.eq(1)

        released = None if phases is None else phases.released
        self._fence(m, op, live, finished, refetch, released)

        # wfi waits for an interrupt that is pending and enabled; it then completes, and the interrupt is
        # taken on the next instruction.
        with m.If(system == SystemOp.WFI):
            m.d.comb += finished.eq(self.wfi_wake if released is None else released)
        waiting = Signal()
        m.d.comb += waiting.eq(live & (system == SystemOp.WFI) & self.result.ready)
        with m.If(commit | self.memory_fault):
            m.d.sync += started.eq(0)
        with m.Elif(waiting | self.fence.valid | self.vmx.begun):
            m.d.sync += started.eq(1)
        return finished, refetch

    def _fence(self, m: Module, op, live, finished, refetch, released) -> None:
        """Address-translation fences go to the MMU once all older stores are done."""
        system = op.control.system
        fence = self.fence.fence
        wanted = Signal()
        m.d.comb += [
            fence.by_address.eq(op.rs1 != 0),
            fence.by_id.eq(op.expanded[20:25] != 0),
            fence.address.eq(op.a),
            fence.id.eq(op.b[:16]),
        ]
        with m.Switch(system):
            with m.Case(SystemOp.SFENCE_VMA, SystemOp.SINVAL_VMA):
                m.d.comb += [wanted.eq(1), refetch.eq(1)]
                m.d.comb += fence.op.eq(Mux(self.mode.virt, FenceOp.VVMA, FenceOp.SFENCE))
            with m.Case(SystemOp.HFENCE_VVMA, SystemOp.HINVAL_VVMA):
                m.d.comb += [wanted.eq(1), fence.op.eq(FenceOp.VVMA)]
            with m.Case(SystemOp.HFENCE_GVMA, SystemOp.HINVAL_GVMA):
                m.d.comb += [wanted.eq(1), fence.op.eq(FenceOp.GVMA)]
        with m.If(wanted):
            m.d.comb += [
                self.fence.valid.eq(live & self.memory_quiet),
                finished.eq(self.fence.valid & self.fence.ready),
            ]
            if released is not None:
                m.d.comb += [self.fence.valid.eq(live & self.memory_quiet & ~released), finished.eq(released)]

    def _results(
        self, m: Module, op, valid, commit, verdict, alu, companion_alu, divider, address, link, phases
    ) -> None:
        """What moves to the memory stage, and what the decode stage may take at once."""
        control, fetched = op.control, op.fetched
        later = Signal()
        is_memory = control.memory != MemoryKind.NONE
        result = Signal(64)
        m.d.comb += [result.eq(alu.result), later.eq(is_memory | control.multiply)]
        others, arithmetic, computed, by_vmx = result, result, divider.result, control.vmx
        if phases is not None:
            # The ALU's result comes late, so the choice among the others is made beside it.
            others, arithmetic, computed = alu.others, Signal(64), Signal(64)
            by_vmx = control.vmx | self.vmx.arrive
            m.d.comb += arithmetic.eq(Mux(control.branch != BranchOp.NONE, link, alu.quick))
            with m.If(~phases.acting):
                m.d.sync += computed.eq(divider.result)
        with m.If(control.branch != BranchOp.NONE):
            m.d.comb += others.eq(link)
        with m.If(control.csr.as_value().any()):
            m.d.comb += others.eq(self.csr.rdata)
        with m.If(control.divide):
            m.d.comb += others.eq(computed)
        with m.If(by_vmx):
            m.d.comb += others.eq(self.vmx.result)
        if phases is not None:
            special = control.csr.as_value().any() | control.divide | by_vmx
            m.d.comb += [alu.source.eq(op.a), alu.aside.eq(special | (control.branch != BranchOp.NONE))]

        drop = verdict.refetch
        out = self.result.p
        m.d.comb += [
            self.result.valid.eq(commit & ~drop & ~self.trap.exits),
            out.pc.eq(Mux(verdict.valid, verdict.trap.pc, fetched.pc)),
            out.instruction.eq(fetched.instruction),
            out.compressed.eq(fetched.compressed),
            out.tinst.eq(transformed(op)),
            out.mode.eq(self.mode),
            out.rd.eq(Mux(self.vmx.enter, STACK_POINTER, op.rd)),
            out.rd_write.eq(control.rd_write & ~verdict.valid & (~control.vmx | self.vmx.write)),
            out.result.eq(result),
            out.kind.eq(Mux(verdict.valid, MemoryKind.NONE, control.memory)),
            out.size.eq(control.size),
            out.unsigned.eq(control.unsigned),
            out.hypervisor.eq(control.hypervisor),
            out.hlvx.eq(control.hlvx),
            out.amo.eq(control.amo),
            out.vaddr.eq(address),
            out.wdata.eq(Mux(op.stores_companion, companion_alu.result, op.b)),
            out.multiply.eq(control.multiply),
            out.trap.eq(verdict.valid),
            out.interrupt.eq(verdict.trap.interrupt),
            out.cause.eq(verdict.trap.cause),
        ]
        replace_by_vmx(self, m)
        live, learns, removes = valid & ~verdict.kill, ~verdict.kill, verdict.refetch
        if phases is not None:
            # Results of shifts and of what is special come later; what dies leaves nobody who could take one.
            m.d.comb += later.eq(is_memory | control.multiply | phases.special | alu.shifts)
            live, learns, removes = valid, ~phases.special, fetched.bad_prediction
        learn = op.control.branch != BranchOp.NONE
        told = Signal()
        with m.If(self.operation.ready | self.memory_fault):
            m.d.sync += told.eq(0)
        with m.Elif(self.update.valid):
            m.d.sync += told.eq(1)
        m.d.comb += [
            self.forward[0].valid.eq(live & control.rd_write & op.rd.any()),
            self.forward[0].rd.eq(op.rd),
            self.forward[0].ready.eq(~later),
            self.forward[0].data.eq(arithmetic),
            # As soon as it is known, for a redirect may come before the commit.
            self.update.valid.eq(
                valid
                & ~told
                & ~self.memory_fault
                & ((learn & learns) | fetched.predicted_taken | fetched.bad_prediction)
            ),
            self.update.remove.eq(~learn | removes),
        ]
        with m.If(removes):
            # The entry sits on the first parcel of a 4-byte instruction.
            m.d.comb += [self.update.last_parcel.eq(fetched.pc), self.update.taken.eq(0)]
