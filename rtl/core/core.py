"""The hart: the pipeline stages and the CSR unit, wired."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.cache.interface import DataPort, FetchPort
from rtl.config import CoreConfig
from rtl.core.csr.snapshot import state_layout
from rtl.core.csr.unit import CsrUnit
from rtl.core.decode.decode import Decode
from rtl.core.execute.execute import Execute
from rtl.core.execute.multiplier import Multiplier
from rtl.core.execute.outputs import STACK_POINTER
from rtl.core.frontend.frontend import Frontend
from rtl.core.interface import Events, InterruptLines, Retire
from rtl.core.memory.memory import MemoryStage
from rtl.core.memory.stepped import SteppedMemoryStage
from rtl.core.vmx.unit import VmxUnit
from rtl.isa.paging import PA_BITS, PMP_ENTRIES
from rtl.mmu.interface import FenceOp, FencePort, PmpEntry, TranslatePort, TranslationContext

__all__ = ["Core"]


class Core(wiring.Component):
    """An in-order RV64IMAC hart with the H extension: frontend (2 cycles), decode, execute, memory.

    A simple arithmetic instruction goes down the pipeline together with a neighbour that does not depend on
    it. A redirect from execute costs two bubbles, a use right after a load or multiply one.

    Members
    -------
    fetch, load_store: translation requests to the MMU
    context, pmp, fence: what the MMU depends on, and its invalidations
    fetch_cache, data_cache: to the first-level caches
    snoop_valid, snoop_paddr: another master writes (ends a reservation)
    lines, time: interrupt inputs and ``mtime``
    outer_events: events that arise outside (MMU, caches)
    events, retire: observability
    state: with ``config.observe``, see :class:`CsrUnit`
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(
            {
                "fetch": Out(TranslatePort),
                "load_store": Out(TranslatePort),
                "context": Out(TranslationContext),
                "pmp": Out(PmpEntry).array(PMP_ENTRIES),
                "fence": Out(FencePort),
                "fetch_cache": Out(FetchPort),
                "data_cache": Out(DataPort),
                "snoop_valid": In(1),
                "snoop_paddr": In(PA_BITS),
                "lines": In(InterruptLines),
                "time": In(64),
                "outer_events": In(Events),
                "events": Out(Events),
                "retire": Out(Retire),
                **({"state": Out(state_layout(config.hypervisor, config.xvmx))} if config.observe else {}),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        cuts = self.config.cuts
        m.submodules.frontend = frontend = Frontend(self.config)
        m.submodules.decode = decode = Decode(self.config)
        m.submodules.execute = execute = Execute(self.config)
        m.submodules.multiplier = multiplier = Multiplier(registered=cuts.memory)
        m.submodules.memory = memory = SteppedMemoryStage() if cuts.memory else MemoryStage()
        m.submodules.csr = csr = CsrUnit(self.config)

        # Down the pipeline
        connect(m, frontend.instruction, decode.instruction)
        m.d.comb += [
            decode.follower.eq(frontend.follower),
            decode.follower_valid.eq(frontend.follower_valid),
            frontend.pair.eq(decode.pair),
        ]
        if self.config.cuts.decode:
            m.d.comb += decode.flush.eq(frontend.redirect.valid)
        connect(m, decode.operation, execute.operation)
        connect(m, execute.result, memory.operation)
        m.d.comb += [
            multiplier.enable.eq(execute.multiply),
            multiplier.function.eq(execute.multiply_function),
            multiplier.word.eq(execute.multiply_word),
            multiplier.a.eq(execute.a),
            multiplier.b.eq(execute.b),
            memory.product.eq(multiplier.result),
        ]
        # Back up
        # Where fetch goes on, what the predictor learns, and fence.i belong together.
        m.d["sync" if self.config.cuts.redirect else "comb"] += [
            frontend.redirect.eq(execute.redirect),
            frontend.update.eq(execute.update),
            frontend.flush_cache.eq(execute.flush_instructions),
        ]
        m.d.comb += [
            frontend.mode.eq(csr.mode),
            execute.memory_fault.eq(memory.fault),
            execute.memory_trap.eq(memory.trap),
            execute.memory_quiet.eq(memory.quiet),
            memory.snoop_valid.eq(self.snoop_valid),
            memory.snoop_paddr.eq(self.snoop_paddr),
        ]
        for n in range(2):
            m.d.comb += [
                decode.execute[n].eq(execute.forward[n]),
                decode.memory[n].eq(memory.forward[n]),
                decode.write[n].eq(memory.write[n]),
            ]
        # Control and status
        connect(m, execute.csr, csr.csr)
        connect(m, execute.system, csr.system)
        connect(m, execute.trap, csr.trap)
        connect(m, execute.xret, csr.xret)
        m.d.comb += [
            execute.interrupt_exit.eq(csr.interrupt_exit),
            execute.mode.eq(csr.mode),
            execute.interrupt_valid.eq(csr.interrupt_valid),
            execute.interrupt_cause.eq(csr.interrupt_cause),
            execute.wfi_wake.eq(csr.wfi_wake),
            memory.data_mode.eq(csr.data_mode),
            memory.hypervisor_mode.eq(csr.hypervisor_mode),
            csr.lines.eq(self.lines),
            csr.time.eq(self.time),
            csr.retired.eq(memory.retired),
            self.context.eq(csr.translation),
            *(ours.eq(theirs) for ours, theirs in zip(self.pmp, csr.pmp, strict=True)),
        ]
        # Memory
        connect(m, frontend.translate, flipped(self.fetch))
        connect(m, frontend.cache, flipped(self.fetch_cache))
        connect(m, memory.translate, flipped(self.load_store))
        connect(m, memory.cache, flipped(self.data_cache))
        m.d.comb += [
            memory.index_valid.eq(execute.index_valid),
            memory.index.eq(execute.index),
            execute.index_ready.eq(memory.index_ready),
        ]
        vmx = self._vmx(m, decode, execute, memory, csr) if self.config.xvmx else None
        if self.config.cuts.execute:
            m.d.comb += [csr.acting.eq(execute.acting), csr.keep.eq(execute.keep)]
            if vmx is not None:
                m.d.comb += execute.steps.eq(vmx.steps)
        self._fences(m, execute, csr, vmx)
        self._events(m, decode, execute, memory, csr)
        return m

    def _vmx(self, m: Module, decode, execute, memory, csr) -> VmxUnit:
        m.submodules.vmx = vmx = VmxUnit(self.config.cuts.vmx)
        to_sp = [write.valid & (write.rd == STACK_POINTER) for write in memory.write]
        connect(m, execute.vmx, vmx.execute)
        connect(m, csr.vmx, vmx.csr)
        m.d.comb += [
            vmx.micro_done.eq(memory.micro_done),
            vmx.micro_fault.eq(memory.micro_fault),
            vmx.micro_data.eq(memory.forward[0].data),
            vmx.trap.eq(execute.trap.trap),
            vmx.exits.eq(csr.trap.exits),
            vmx.faulted.eq(memory.fault),
            vmx.sp_write.eq(Cat(to_sp).any()),
            # If both write it, the companion is the older one.
            vmx.sp.eq(Mux(to_sp[0], memory.write[0].data, memory.write[1].data)),
            memory.drop_reservation.eq(vmx.drop_reservation),
            decode.single.eq(vmx.steps),
            memory.fault_exits.eq(csr.trap.exits),
        ]
        return vmx

    def _fences(self, m: Module, execute, csr, vmx: VmxUnit | None) -> None:
        """Fence instructions; those of the VMX unit; and a PMP write, whose verdicts the TLBs hold."""
        pmp_written = Signal()
        m.d.comb += [
            self.fence.valid.eq(execute.fence.valid | pmp_written),
            self.fence.fence.eq(execute.fence.fence),
            execute.fence.ready.eq(self.fence.ready & ~pmp_written),
        ]
        with m.If(pmp_written):
            m.d.comb += self.fence.fence.op.eq(FenceOp.ALL)
            with m.If(self.fence.ready):
                m.d.sync += pmp_written.eq(0)
        with m.If(csr.pmp_changed):
            m.d.sync += pmp_written.eq(1)
        if vmx is not None:
            m.d.comb += vmx.fence.ready.eq(self.fence.ready & ~pmp_written)
            with m.If(vmx.fence.valid & ~pmp_written):
                # Only this much of it: all of the second stage's.
                m.d.comb += [
                    self.fence.valid.eq(1),
                    self.fence.fence.op.eq(FenceOp.GVMA),
                    self.fence.fence.by_id.eq(0),
                ]

    def _events(self, m: Module, decode, execute, memory, csr) -> None:
        """One bit each per cycle: what happens outside and here; the CSR unit adds those of traps."""
        m.d.comb += [
            self.retire.eq(memory.retire),
            csr.events.eq(self.outer_events),
            csr.events.retire.eq(memory.retired.any()),
            csr.events.retire_second.eq(memory.retired[1]),
            csr.events.branch.eq(execute.branch_event),
            csr.events.mispredict.eq(execute.mispredict_event),
            csr.events.load_use_stall.eq(decode.load_use),
            csr.events.memory_stall.eq(memory.stalled),
            self.events.eq(csr.events_out),
        ]
        if self.config.observe:
            m.d.comb += self.state.eq(csr.state)
