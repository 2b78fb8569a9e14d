"""Which instructions and events make the guest exit (docs/xvmx.md, section 5)."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.core.interface import Mode, SystemOp
from rtl.core.vmx.interface import VmxOp
from rtl.isa.csrs import CSRS
from rtl.isa.privilege import Privilege
from rtl.isa.xvmx import ExitReason, PinControl, ProcControl

__all__ = ["BoundaryEvents", "InstructionExits", "control"]


def control(word: Value, bit: PinControl | ProcControl) -> Value:
    """One control of a field."""
    return word[bit.bit_length() - 1]


class InstructionExits(wiring.Component):
    """Combinational. What the instruction would raise on a plain machine comes first, elsewhere.

    Members
    -------
    guest: an instruction stands in execute, with V = 1 and Xvmx
    mode, proc: current mode; PROC_CTLS
    vmx, op, system, pause: which instruction
    csr_valid, csr_number, csr_reads, csr_writes, csr_register: a CSR access
    bitmap_says: what CSR_BITMAP says of it
    exit, reason, qualification: the exit
    asks_bitmap: a CSR access for which CSR_BITMAP must be looked at
    """

    guest: In(1)
    mode: In(Mode)
    proc: In(len(ProcControl))
    vmx: In(1)
    op: In(VmxOp)
    system: In(SystemOp)
    pause: In(1)
    csr_valid: In(1)
    csr_number: In(12)
    csr_reads: In(1)
    csr_writes: In(1)
    csr_register: In(5)
    bitmap_says: In(1)
    exit: Out(1)
    reason: Out(6)
    qualification: Out(32)
    asks_bitmap: Out(1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        with m.If(self.guest):
            with m.If(self.vmx):
                self._when(m, self.op == VmxOp.VMCALL, ExitReason.VMCALL)
                others = (self.op != VmxOp.VMCALL) & (self.op != VmxOp.VMFUNC)
                self._when(m, others, ExitReason.VMX_INSTR)
            with m.If(self.csr_valid):
                self._csr(m)
            with m.If(self.pause):
                self._when(m, self._on(ProcControl.PAUSE), ExitReason.PAUSE)
            with m.Switch(self.system):
                with m.Case(SystemOp.ECALL):
                    self._when(m, self.mode.privilege == Privilege.S, ExitReason.ECALL_S)
                with m.Case(SystemOp.WFI):
                    self._when(m, self._on(ProcControl.WFI), ExitReason.WFI)
                with m.Case(SystemOp.SRET):
                    self._when(m, self._on(ProcControl.SRET), ExitReason.SRET)
                with m.Case(SystemOp.SFENCE_VMA, SystemOp.SINVAL_VMA):
                    self._when(m, self._on(ProcControl.SFENCE), ExitReason.SFENCE)
        return m

    def _on(self, bit: ProcControl) -> Value:
        return control(self.proc, bit)

    def _when(self, m: Module, condition: Value, reason: ExitReason) -> None:
        with m.If(condition):
            m.d.comb += [self.exit.eq(1), self.reason.eq(reason)]

    def _csr(self, m: Module) -> None:
        written = self._on(ProcControl.SATPW) & self.csr_writes
        read = self._on(ProcControl.SATPR) & self.csr_reads
        satp = (self.csr_number == CSRS["satp"].number) & (written | read)
        time = (self.csr_number == CSRS["time"].number) & self.csr_reads & self._on(ProcControl.TIME)
        with m.If(satp):
            m.d.comb += self.qualification.eq(Cat(self.csr_writes, Const(0, 7), self.csr_register))
            self._when(m, Const(1), ExitReason.SATP)
        with m.Elif(time):
            self._when(m, Const(1), ExitReason.TIME)
        with m.Elif(self._on(ProcControl.CSRBM)):
            place = Cat(self.csr_number, self.csr_writes, Const(0, 3), self.csr_register)
            m.d.comb += [self.asks_bitmap.eq(1), self.qualification.eq(place)]
            self._when(m, self.bitmap_says, ExitReason.CSR)


class BoundaryEvents(wiring.Component):
    """STEP, PREEMPT and INTWIN, in this order: what makes the guest exit between two instructions.

    Members
    -------
    guest, user, sie: V = 1 under Xvmx; in U; sstatus.SIE
    pin, proc: controls
    outstanding, tick: an entry has not ended; mtime has changed
    start, timer: the timer starts; from this value
    remaining: its value
    stepped: an instruction has completed, or an event was delivered
    event, reason: an exit is due, and why
    """

    guest: In(1)
    user: In(1)
    sie: In(1)
    pin: In(len(PinControl))
    proc: In(len(ProcControl))
    outstanding: In(1)
    tick: In(1)
    start: In(1)
    timer: In(32)
    remaining: Out(32)
    stepped: In(1)
    event: Out(1)
    reason: Out(6)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        remaining = Signal(32)
        expired = Signal(init=1)
        m.d.comb += self.remaining.eq(remaining)
        with m.If(self.start):
            m.d.sync += [remaining.eq(self.timer), expired.eq(self.timer == 0)]
        with m.Elif(self.outstanding & self.tick & ~expired):
            m.d.sync += [remaining.eq(remaining - 1), expired.eq(remaining == 1)]
        with m.If(self.guest):
            step = control(self.proc, ProcControl.STEP) & self.stepped
            preempt = control(self.pin, PinControl.PREEMPT) & expired
            window = control(self.proc, ProcControl.INTWIN) & (self.user | self.sie)
            m.d.comb += [
                self.event.eq(step | preempt | window),
                self.reason.eq(
                    Mux(step, ExitReason.STEP, Mux(preempt, ExitReason.PREEMPT, ExitReason.INTWIN))
                ),
            ]
        return m
