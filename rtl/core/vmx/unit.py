"""The VMX unit: state of VMX operation, and the transitions between root and non-root."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.core.interface import Mode, Trap
from rtl.core.vmx.exits import BoundaryEvents, InstructionExits, control
from rtl.core.vmx.fields import HOST_REGISTERS, INDEX
from rtl.core.vmx.host import bit_of, watch_root
from rtl.core.vmx.instructions import Instructions
from rtl.core.vmx.interface import VmxCsrPort, VmxExecutePort, VmxOp
from rtl.core.vmx.settle import Settle
from rtl.core.vmx.slices import MicroSlice, holder
from rtl.core.vmx.vmcs import RootWrite, Vmcs
from rtl.isa.causes import Interrupt
from rtl.isa.csrs import CSRS
from rtl.isa.privilege import Privilege
from rtl.isa.xvmx import ExitControl, ExitReason, PinControl, ProcControl

__all__ = ["VmxUnit"]

PAGE_NUMBER_BITS = 44
_SSTATUS_SIE = CSRS["sstatus"].field("SIE").lo


class VmxUnit(Instructions, wiring.Component):
    """docs/xvmx.md. The guest's registers are the vs* flip-flops of the CSR unit, all the time that a VMCS is
    current, so a transition moves none of them. Root's registers are the others; an exit writes those that
    are not known to hold what the host group says (``stale``).

    A VM exit takes two cycles between the trap and the redirect, and one more for each stale register;
    what it saves is written behind (``Settle``). A VM entry takes three, and one each for PREEMPT and an
    event. With ``cut`` registers stand behind the trap, the answers of memory, what is read and what is
    written; these are ten cycles and four more for each stale register, and twelve and four.

    Parameters
    ----------
    cut: ``Cuts.vmx``

    Members
    -------
    execute, csr: to the execute stage and the CSR unit
    trap: trap that execute hands to the CSR unit; ``exits``: it is a VM exit
    faulted: it comes from the memory stage
    micro_done, micro_fault: the oldest access ends, well or not; ``micro_data`` is what a load or AMO read
    sp_write, sp: x2 gets a value
    drop_reservation: lr/sc reservations end
    steps: the guest executes one instruction at a time (STEP)
    fence: forget all translations with V = 1, of every VMID
    """

    def __init__(self, cut: bool = False) -> None:
        self.cut = cut
        super().__init__(
            {
                "execute": In(VmxExecutePort),
                "csr": In(VmxCsrPort),
                "trap": In(Trap),
                "exits": In(1),
                "faulted": In(1),
                "micro_done": In(1),
                "micro_fault": In(1),
                "micro_data": In(64),
                "sp_write": In(1),
                "sp": In(64),
                "drop_reservation": Out(1),
                "steps": Out(1),
                "fence": Out(wiring.Signature({"valid": Out(1), "ready": In(1)})),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.vmcs = self.vmcs = Vmcs(self.cut)
        m.submodules.instruction_exits = self.verdict = InstructionExits()
        m.submodules.boundary = self.boundary = BoundaryEvents()
        m.submodules.settle = self.settle = Settle()

        self.in_vmx = Signal()
        self.vmxon_page = Signal(PAGE_NUMBER_BITS)
        self.current = Signal()
        self.current_page = Signal(PAGE_NUMBER_BITS)
        self.launched = Signal()
        self.outstanding = Signal()
        self.result = Signal(64)
        self.guest = Signal()
        """Non-root."""
        self.stepped = Signal()
        self.halted = Signal()
        """Entered with G_ACTIVITY = 1, and nothing has woken the guest yet."""
        self.stale = Signal(len(HOST_REGISTERS), init=-1)
        self.flushed = Signal()
        stack_pointer = Signal(64)
        with m.If(self.sp_write):
            m.d.sync += stack_pointer.eq(self.sp)

        self.held = holder(m, self.cut)
        self.exiting = self.held(self.exits)
        """A VM exit begins."""
        self._accesses(m)
        m.d.comb += self.guest.eq(self.csr.active & self.csr.mode.virt)
        self._connect(m, stack_pointer)
        watch_root(m, self)
        self._verdict(m)
        self._sequence(m)
        if self.cut:
            self._event(m)  # in all states: early in the cycle
        self._lifetimes(m)
        return m

    # --- wiring ------------------------------------------------------------------------------------------

    def _connect(self, m: Module, stack_pointer: Signal) -> None:
        vmcs, csr, settle, boundary = self.vmcs, self.csr, self.settle, self.boundary
        trap, code = self.held(self.trap), self.held(csr.code)
        physical = self.held(csr.physical) & (trap.cause == ExitReason.EXTINT)
        acknowledged = trap.exit & trap.interrupt & physical & self._leaving(ExitControl.ACK)
        m.d.comb += [
            vmcs.csr_value.eq(csr.value),
            csr.number.eq(vmcs.csr_number),
            csr.read.eq(vmcs.csr_read),
            csr.write.eq(vmcs.csr_write),
            csr.data.eq(vmcs.csr_data),
            vmcs.exits.eq(self.exiting),
            vmcs.trap.eq(trap),
            vmcs.acknowledged.eq(acknowledged),
            vmcs.code.eq(code),
            vmcs.nos2.eq(csr.nos2),
            vmcs.sie.eq(csr.guest_sie),
            csr.acknowledge.eq(self.exiting & acknowledged & (code == Interrupt.SSI)),
            csr.extint.eq(self._pin(PinControl.EXTINT)),
            csr.time_offset.eq(self._proc(ProcControl.TIMEOFF)),
            csr.ept.eq(self._proc(ProcControl.EPT) & self.current),
            csr.vpid.eq(self._proc(ProcControl.VPID) & self.current),
            csr.exception_bitmap.eq(vmcs.exception_bitmap),
            csr.outstanding.eq(self.outstanding),
            csr.enter_supervisor.eq(vmcs.supervisor),
            csr.event.eq(boundary.event),
            csr.event_reason.eq(boundary.reason),
            csr.external.eq(vmcs.pending.any()),
            boundary.guest.eq(self.guest),
            boundary.user.eq(csr.mode.privilege == Privilege.U),
            boundary.sie.eq(csr.guest_sie),
            boundary.pin.eq(vmcs.pin),
            boundary.proc.eq(vmcs.proc),
            boundary.outstanding.eq(self.outstanding),
            boundary.tick.eq(csr.tick),
            boundary.timer.eq(vmcs.value),
            boundary.stepped.eq(self.stepped),
            self.steps.eq(self.guest & self._proc(ProcControl.STEP)),
            settle.exits.eq(self.exiting & ~(trap.exit & (trap.cause == ExitReason.ENTRY_FAIL))),
            settle.from_mode.eq(csr.mode),
            settle.sp.eq(stack_pointer),
            settle.saves_timer.eq(self._leaving(ExitControl.SAVE_PREEMPT)),
            settle.timer.eq(boundary.remaining),
            settle.waits.eq(vmcs.waits),
            settle.event_interrupt.eq(vmcs.event_interrupt),
            settle.event_code.eq(vmcs.event_code),
            self.execute.result.eq(self.result),
            self.execute.target.eq(vmcs.value),
            self.execute.cause.eq(vmcs.reason),
            self.execute.interrupt.eq(vmcs.interrupt),
        ]
        # The report of an exit: of the instruction that made it.
        origin = {"pc": Signal(64), "bits": Signal(32), "from_mode": Signal(Mode)}
        with m.If(self.exiting):
            m.d.sync += [
                origin["pc"].eq(trap.pc),
                origin["bits"].eq(trap.instruction),
                origin["from_mode"].eq(self.csr.mode),
            ]
        m.d.comb += [getattr(self.execute, name).eq(value) for name, value in origin.items()]
        m.d.comb += [settle.pc.eq(origin["pc"])]
        # Written behind, whenever nothing else is written.
        m.d.comb += [
            vmcs.write.eq(settle.valid),
            vmcs.write_index.eq(settle.index),
            vmcs.write_value.eq(settle.value),
        ]
        if self.cut:
            busy = Signal()
            m.d.comb += [vmcs.ask.eq(1), self.execute.busy.eq(busy)]
            with m.If(self.exits | self.execute.arrive):
                m.d.sync += busy.eq(self.exits)
            m.d.comb += vmcs.root.eq(self.root)

    def _accesses(self, m: Module) -> None:
        """Where accesses of memory and of root's registers and fences go, and where answers come from."""
        self.access_done, self.access_fault = self.held(self.micro_done), self.held(self.micro_fault)
        self.access_data = self.held(self.micro_data)
        self.request, self.root, self.forget = self.execute.micro, self.csr, self.fence.valid
        if self.cut:
            self.forget = Signal()
            m.d.sync += self.fence.valid.eq(self.forget & ~(self.fence.valid & self.fence.ready))
            m.submodules.micro = micro = MicroSlice()
            self.request = micro.request
            connect(m, micro.access, flipped(self.execute.micro))
            m.d.comb += micro.fault.eq(self.micro_fault | self.access_fault)
            self.root = Signal(RootWrite)

    def _pin(self, bit: PinControl):
        return control(self.vmcs.pin, bit)

    def _proc(self, bit: ProcControl):
        return control(self.vmcs.proc, bit)

    def _leaving(self, bit: ExitControl):
        return self.vmcs.leaving[bit.bit_length() - 1]

    def _verdict(self, m: Module) -> None:
        """What becomes of the instruction in execute."""
        execute, verdict, csr = self.execute, self.verdict, self.csr
        root = ~csr.mode.virt & (csr.mode.privilege == Privilege.S)
        vmfunc = execute.op == VmxOp.VMFUNC
        plain = root & (self.in_vmx | (execute.op == VmxOp.VMXON)) & ~vmfunc & (execute.op != VmxOp.VMCALL)
        allowed = csr.active & Mux(csr.mode.virt, ~vmfunc | self._proc(ProcControl.VMFUNC), plain)
        m.d.comb += [
            verdict.guest.eq(self.guest & execute.valid),
            verdict.mode.eq(csr.mode),
            verdict.proc.eq(self.vmcs.proc),
            verdict.vmx.eq(execute.instruction),
            *(
                getattr(verdict, name).eq(getattr(execute, name))
                for name in ("op", "system", "pause", "csr_valid", "csr_number", "csr_reads", "csr_writes")
            ),
            verdict.csr_register.eq(execute.csr_register),
            execute.exit.eq(verdict.exit),
            execute.reason.eq(verdict.reason),
            execute.qualification.eq(verdict.qualification),
        ]
        with m.If(execute.instruction):
            m.d.comb += execute.illegal.eq(~allowed)

    # --- transitions -------------------------------------------------------------------------------------

    def _flush(self, m: Module):
        """Without VPID, a transition forgets all non-root translations. Returns whether that is done."""
        m.d.comb += self.forget.eq(~self._proc(ProcControl.VPID) & ~self.flushed)
        with m.If(self.fence.valid & self.fence.ready):
            m.d.sync += self.flushed.eq(1)
        if self.cut:
            return ~self.forget
        return ~self.fence.valid | self.fence.ready

    def _exit_states(self, m: Module) -> None:
        vmcs, csr, execute, root = self.vmcs, self.csr, self.execute, self.root
        busy = [] if self.cut else [execute.busy.eq(1)]
        first = self.stale & (-self.stale)[: len(self.stale)]
        with m.State("EXIT"):
            m.d.comb += [*busy, vmcs.read.eq(1), vmcs.index.eq(INDEX["H_SP"])]
            flushed = self._flush(m)
            with m.If(self.stale.any()):
                m.d.comb += [root.write.eq(vmcs.there if self.cut else 1), root.data.eq(vmcs.value)]
                for bit, (index, number) in enumerate(HOST_REGISTERS):
                    with m.If(first[bit]):
                        m.d.comb += [vmcs.index.eq(index), root.number.eq(number)]
                with m.If(first[bit_of("H_SSTATUS")]):
                    low, high = vmcs.value[:_SSTATUS_SIE], vmcs.value[_SSTATUS_SIE + 1 :]
                    m.d.comb += root.data.eq(Cat(low, Const(0, 1), high))
                with self._when_read(m):
                    m.d.sync += self.stale.eq(self.stale & ~first)
            with m.Elif(flushed), self._when_read(m):
                m.d.sync += self.result.eq(vmcs.value)
                m.next = "HOST_PC" if self.cut else "ARRIVE"
        if self.cut:
            self._read_ahead(m, "HOST_PC", "H_PC", "ARRIVE")
        with m.State("ARRIVE"):
            m.d.comb += [
                *busy,
                vmcs.read.eq(1),
                vmcs.index.eq(INDEX["H_PC"]),
                execute.arrive.eq(1),
                csr.leave.eq(1),
                self.drop_reservation.eq(1),
            ]
            m.d.sync += [self.outstanding.eq(0), self.stepped.eq(0), self.halted.eq(0), self.flushed.eq(0)]
            m.next = "IDLE"

    def _read_ahead(self, m: Module, state: str, field: str, then: str) -> None:
        """A state that reads what the state ``then`` has at once, and as long as it asks for nothing else."""
        with m.State(state):
            m.d.comb += [self.vmcs.read.eq(1), self.vmcs.index.eq(INDEX[field])]
            with m.If(self.vmcs.there):
                m.next = then

    def _event(self, m: Module) -> None:
        """What an entry delivers."""
        vmcs, event = self.vmcs, self.execute.event
        m.d.comb += [
            event.interrupt.eq(vmcs.event_interrupt),
            event.cause.eq(vmcs.event_code),
            event.pc.eq(vmcs.value),
            event.tval.eq(self.tval),
        ]

    def _entry_states(self, m: Module) -> None:
        vmcs, csr, execute = self.vmcs, self.csr, self.execute
        self.tval = tval = Signal(64)
        preempts = self._pin(PinControl.PREEMPT)
        enter = "GUEST_PC" if self.cut else "ENTER"

        def go_on() -> None:
            with m.If(vmcs.event_valid):
                m.next = "EVENT"
            with m.Else():
                m.next = enter

        with m.State("STACK"):
            m.d.comb += [vmcs.read.eq(1), vmcs.index.eq(INDEX["G_SP"])]
            with m.If(self._flush(m)), self._when_read(m):
                m.d.sync += [self.result.eq(vmcs.value), self.flushed.eq(0)]
                with m.If(preempts):
                    m.next = "TIMER"
                with m.Else():
                    go_on()
        with m.State("TIMER"):
            m.d.comb += [vmcs.read.eq(1), vmcs.index.eq(INDEX["PREEMPT_TIMER"])]
            with self._when_read(m):
                m.d.comb += self.boundary.start.eq(1)
                go_on()
        with m.State("EVENT"):
            m.d.comb += [vmcs.read.eq(1), vmcs.index.eq(INDEX["ENTRY_TVAL"])]
            with self._when_read(m):
                m.d.sync += tval.eq(vmcs.value)
                m.next = enter
        if self.cut:
            self._read_ahead(m, "GUEST_PC", "G_PC", "ENTER")
        with m.State("ENTER"):
            m.d.comb += [
                vmcs.read.eq(1),
                vmcs.index.eq(INDEX["G_PC"]),
                execute.done.eq(1),
                execute.write.eq(1),
                execute.enter.eq(1),
                execute.deliver.eq(vmcs.event_valid),
                csr.deliver.eq(vmcs.event_valid),
            ]
            if not self.cut:
                self._event(m)
            m.d.comb += csr.enter.eq(execute.completes)
            with m.If(execute.completes):
                m.d.comb += [self.drop_reservation.eq(1), self.settle.enters.eq(vmcs.event_valid)]
                m.d.sync += [
                    self.launched.eq(1),
                    self.outstanding.eq(1),
                    self.stepped.eq(vmcs.event_valid),
                    self.halted.eq(vmcs.waits & ~vmcs.event_valid),
                ]
                m.next = "IDLE"

    def _lifetimes(self, m: Module) -> None:
        """Flags that end or begin outside transitions; what ends them all comes last."""
        csr, execute = self.csr, self.execute
        delivered, faulted = csr.delivered, self.faulted & ~self.exits
        if self.cut:
            # A trap counts in the cycle behind it, in which nothing completes, and V may be 0 already. After
            # one that exits this does not matter.
            with m.If(self.held(self.guest & self.faulted)):
                m.d.sync += self.stepped.eq(0)
            delivered, faulted = self.held(delivered), Const(0)
        with m.If(self.guest):
            with m.If(execute.completes | delivered):
                m.d.sync += self.stepped.eq(1)
            with m.Elif(faulted):
                m.d.sync += self.stepped.eq(0)  # the instruction goes to M, and again when M returns
            with m.If(csr.wake):
                m.d.sync += self.halted.eq(0)
        with m.If(self.held(csr.abandoned)):
            m.d.sync += [self.outstanding.eq(0), self.stepped.eq(0)]
        with m.If(self.held(csr.changed)):
            m.d.sync += [
                self.in_vmx.eq(0),
                self.current.eq(0),
                self.outstanding.eq(0),
                self.stepped.eq(0),
                self.halted.eq(0),
            ]
