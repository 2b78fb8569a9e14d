"""What leaves the execute stage besides the results of its own units."""

from amaranth import Cat, Const, Module, Mux

from rtl.core.interface import CsrOp
from rtl.core.stages import MemoryKind
from rtl.core.vmx.interface import VmxOp

__all__ = ["STACK_POINTER", "replace_by_vmx", "tell_companion", "tell_vmx", "transformed"]

STACK_POINTER = 2
"""x2, which VM exits and entries switch."""


def tell_vmx(execute, m: Module, op, valid, commit, exceptions, phases) -> None:
    """The VMX unit learns what stands in ``execute``."""
    vmx, control, fetched = execute.vmx, op.control, op.fetched
    fetched_well = valid & ~fetched.bad_prediction & ~fetched.fault_valid
    csr_legal = execute.csr.valid & ~execute.csr.illegal & ~execute.csr.virtual
    kill = exceptions.kill
    if phases is None:
        stands, interrupted = ~exceptions.interrupt_valid, exceptions.interrupt_valid
    else:
        # What acts must not make the unit begin anything.
        stands = Mux(phases.acting, ~phases.kill, ~phases.held & (phases.looked | ~phases.special))
        interrupted = phases.interrupted & ~phases.acting
        checked = phases.checked
        csr_legal = execute.csr.valid & phases.looked & ~checked.csr_illegal & ~checked.csr_virtual
        kill = phases.kill
    m.d.comb += [
        vmx.valid.eq(fetched_well & stands),
        vmx.interrupted.eq(valid & interrupted),
        vmx.completes.eq(commit & ~kill),
        vmx.clear.eq(execute.result.ready & ~execute.memory_fault),
        vmx.leaves.eq(commit | execute.memory_fault),
        vmx.instruction.eq(control.vmx),
        vmx.op.eq(VmxOp(op.expanded[25:29])),
        vmx.a.eq(op.a),
        vmx.b.eq(op.b),
        vmx.system.eq(control.system),
        vmx.pause.eq(control.pause),
        vmx.csr_valid.eq(csr_legal),
        vmx.csr_number.eq(execute.csr.number),
        vmx.csr_writes.eq(execute.csr.write),
        vmx.csr_reads.eq((control.csr != CsrOp.WRITE) | (op.rd != 0)),
        vmx.csr_register.eq(Mux(execute.csr.write, op.rs1, op.rd)),
        vmx.micro.ready.eq(execute.result.ready & execute.index_ready),
    ]


def replace_by_vmx(execute, m: Module) -> None:
    """What goes to memory on the VMX unit's account: an access, or the end of a VM exit."""
    vmx, out = execute.vmx, execute.result.p
    with m.If(vmx.micro.valid):
        m.d.comb += [
            execute.index_valid.eq(1),
            execute.index.eq(vmx.micro.p.address[:12]),
            execute.result.valid.eq(execute.index_ready),
            out.micro.eq(1),
            out.companion.valid.eq(0),
            out.rd_write.eq(0),
            out.kind.eq(vmx.micro.p.kind),
            out.amo.eq(vmx.micro.p.amo),
            out.size.eq(vmx.micro.p.size),
            out.unsigned.eq(1),
            out.hypervisor.eq(0),
            out.vaddr.eq(vmx.micro.p.address),
            out.wdata.eq(vmx.micro.p.data),
        ]
    with m.If(vmx.arrive):
        m.d.comb += [
            execute.result.valid.eq(1),
            out.pc.eq(vmx.pc),
            out.instruction.eq(vmx.bits),
            out.compressed.eq(0),
            out.mode.eq(vmx.from_mode),
            out.rd.eq(STACK_POINTER),
            out.rd_write.eq(1),
            *([] if execute.config.cuts.execute else [out.result.eq(vmx.result)]),  # it is that already
            out.kind.eq(MemoryKind.NONE),
            out.multiply.eq(0),
            out.trap.eq(1),
            out.companion.valid.eq(0),
            out.vm_exit.eq(1),
            out.interrupt.eq(vmx.interrupt),
            out.cause.eq(vmx.cause),
        ]


def tell_companion(execute, m: Module, op, valid, kill, mispredict, redirected, alu) -> None:
    """The companion's result, forwarded and passed on."""
    companion, out = op.companion, execute.result.p.companion
    split = execute.config.cuts.execute
    if split:
        m.d.comb += alu.source.eq(companion.a)
    m.d.comb += [
        alu.op.eq(companion.alu),
        alu.word.eq(companion.word),
        alu.a.eq(companion.a),
        alu.b.eq(companion.b),
        out.valid.eq(companion.valid & ~kill & (companion.older | ~mispredict)),
        out.older.eq(companion.older),
        out.pc.eq(companion.pc),
        out.instruction.eq(companion.instruction),
        out.rd.eq(companion.rd),
        out.result.eq(alu.result),
        # In the cycle of a redirect nobody behind survives who could use a dead companion's result.
        execute.forward[1].valid.eq(
            valid & companion.valid & companion.rd.any() & (companion.older | ~redirected)
        ),
        execute.forward[1].rd.eq(companion.rd),
        execute.forward[1].ready.eq(~alu.shifts if split else 1),
        execute.forward[1].data.eq(alu.quick if split else alu.result),
    ]


def transformed(op):
    """htinst of a load, store, AMO or hypervisor access, with a zero address offset (rtl.isa.htinst)."""
    word = op.expanded
    opcode, rd, funct3, rs2, top = word[:7], word[7:12], word[12:15], word[20:25], word[25:32]
    is_load = opcode == 0x03
    is_store = opcode == 0x23
    return Cat(
        opcode[0],
        opcode[1] & ~op.fetched.compressed,
        opcode[2:],
        Mux(is_store, 0, rd),
        funct3,
        Const(0, 5),
        Mux(is_load, 0, rs2),
        Mux(is_load | is_store, 0, top),
    )
