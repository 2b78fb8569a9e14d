"""Which exception or interrupt an operation in execute raises (Privileged spec, "mcause", priority table)."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.core.interface import Mode, SystemOp, Trap
from rtl.core.stages import ExecuteOp
from rtl.isa.causes import Cause
from rtl.isa.htinst import PSEUDO_READ, PSEUDO_WRITE
from rtl.isa.paging import PA_BITS
from rtl.isa.privilege import Privilege
from rtl.mmu.interface import FaultKind

__all__ = ["ExceptionUnit"]


class ExceptionUnit(wiring.Component):
    """Combinational. Priority: interrupt, fetch fault, illegal or virtual instruction, ecall and ebreak.

    Of an operation with a companion only an interrupt can stop both; it comes before the older one.

    Members
    -------
    operation, mode: what executes, and where
    csr_illegal, csr_virtual, system_illegal, system_virtual: verdicts of the CSR unit
    interrupt_valid, interrupt_cause: interrupt to take before this operation
    interrupt_exit: it is a VM exit, and the cause its reason
    vmx_illegal, vmx_exit, vmx_reason, vmx_qualification, vmx_abort, vmx_address: verdict of the VMX unit
    valid, trap: the operation traps
    refetch: the bits came from a wrong prediction; fetch the instruction again (wins over all but interrupts)
    kill: the operation has no other effect (it traps or is fetched again)
    """

    operation: In(ExecuteOp)
    mode: In(Mode)
    csr_illegal: In(1)
    csr_virtual: In(1)
    system_illegal: In(1)
    system_virtual: In(1)
    interrupt_valid: In(1)
    interrupt_cause: In(6)
    interrupt_exit: In(1)
    vmx_illegal: In(1)
    vmx_exit: In(1)
    vmx_reason: In(6)
    vmx_qualification: In(32)
    vmx_abort: In(1)
    vmx_address: In(PA_BITS)
    valid: Out(1)
    trap: Out(Trap)
    refetch: Out(1)
    kill: Out(1)

    def elaborate(self, platform) -> Module:
        m = Module()
        op, trap = self.operation, self.trap
        fetched, control = op.fetched, op.control
        bits = Signal(32)
        m.d.comb += [
            bits.eq(Mux(fetched.compressed, fetched.instruction[:16], fetched.instruction)),
            self.kill.eq(self.valid | self.refetch),
        ]
        with m.If(self.valid):
            m.d.comb += [
                trap.pc.eq(fetched.pc),
                trap.instruction.eq(bits),
                trap.compressed.eq(fetched.compressed),
            ]
        # What happens before an instruction happens before its companion, too, if that is the older one. (An
        # instruction that makes a VMX abort itself has none.)
        boundary = self.vmx_abort | self.interrupt_valid
        with m.If(boundary & op.companion.valid & op.companion.older):
            m.d.comb += trap.pc.eq(op.companion.pc)
        with m.If(self.vmx_abort):
            m.d.comb += [self.valid.eq(1), trap.cause.eq(Cause.VMX_ABORT), trap.tval.eq(self.vmx_address)]
        with m.Elif(self.interrupt_valid):
            m.d.comb += [
                self.valid.eq(1),
                trap.interrupt.eq(1),
                trap.cause.eq(self.interrupt_cause),
                trap.exit.eq(self.interrupt_exit),
            ]
        with m.Elif(fetched.bad_prediction):
            m.d.comb += self.refetch.eq(1)
        with m.Elif(fetched.fault_valid):
            m.d.comb += [
                self.valid.eq(1),
                trap.tval.eq(fetched.pc + Mux(fetched.fault_second, 2, 0)),
                trap.gva.eq(self.mode.virt),
                trap.gpa.eq(fetched.fault.gpa),
                trap.rights.eq(fetched.fault.rights),
                trap.misconfigured.eq(fetched.fault.misconfigured),
                trap.implicit.eq(fetched.fault.implicit),
                trap.implicit_write.eq(fetched.fault.implicit_write),
            ]
            self._fetch_cause(m, fetched.fault, trap)
        with m.Elif(control.illegal | self.csr_illegal | self.system_illegal | self.vmx_illegal):
            m.d.comb += [self.valid.eq(1), trap.cause.eq(Cause.ILLEGAL_INSTRUCTION), trap.tval.eq(bits)]
        with m.Elif(self.csr_virtual | self.system_virtual):
            m.d.comb += [self.valid.eq(1), trap.cause.eq(Cause.VIRTUAL_INSTRUCTION), trap.tval.eq(bits)]
        with m.Elif(self.vmx_exit):
            m.d.comb += [
                self.valid.eq(1),
                trap.exit.eq(1),
                trap.cause.eq(self.vmx_reason),
                trap.tval.eq(self.vmx_qualification),
            ]
        with m.Elif(control.system == SystemOp.ECALL):
            m.d.comb += self.valid.eq(1)
            with m.Switch(self.mode.privilege):
                with m.Case(Privilege.M):
                    m.d.comb += trap.cause.eq(Cause.ECALL_M)
                with m.Case(Privilege.S):
                    m.d.comb += trap.cause.eq(Mux(self.mode.virt, Cause.ECALL_VS, Cause.ECALL_HS))
                with m.Default():
                    m.d.comb += trap.cause.eq(Cause.ECALL_U)
        with m.Elif(control.system == SystemOp.EBREAK):
            m.d.comb += [
                self.valid.eq(1),
                trap.cause.eq(Cause.BREAKPOINT),
                trap.tval.eq(fetched.pc),
                trap.gva.eq(self.mode.virt),
            ]
        return m

    def _fetch_cause(self, m: Module, fault, trap) -> None:
        with m.Switch(fault.kind):
            with m.Case(FaultKind.ACCESS):
                m.d.comb += trap.cause.eq(Cause.FETCH_ACCESS)
            with m.Case(FaultKind.PAGE):
                m.d.comb += trap.cause.eq(Cause.FETCH_PAGE_FAULT)
            with m.Case(FaultKind.GUEST_PAGE):
                m.d.comb += trap.cause.eq(Cause.FETCH_GUEST_PAGE_FAULT)
                with m.If(fault.implicit):
                    m.d.comb += trap.tinst.eq(Mux(fault.implicit_write, PSEUDO_WRITE, PSEUDO_READ))
