"""What becomes of a control transfer."""

from amaranth import Cat, Const, Module, Mux, Signal, Value

from rtl.core.execute.split_alu import sum_differs
from rtl.core.stages import BranchKind, BranchOp

__all__ = ["resolve"]


def resolve(execute, m: Module, op, taken, address, link):
    """Where execution goes on, whether fetch went elsewhere, and what the predictor learns."""
    control, fetched = op.control, op.fetched
    target = Signal(64)
    mispredict = Signal()
    jalr = control.branch == BranchOp.JALR
    m.d.comb += [
        target.eq(Mux(jalr, Cat(Const(0, 1), address[1:]), fetched.pc + op.immediate)),
    ]
    elsewhere: Value = target != fetched.predicted_target
    if execute.config.cuts.execute:
        elsewhere = sum_differs(Mux(jalr, op.a, fetched.pc), op.immediate, fetched.predicted_target)
    m.d.comb += mispredict.eq((taken != fetched.predicted_taken) | (taken & elsewhere))
    kind = Signal(BranchKind)
    links = (op.rd == 1) | (op.rd == 5)
    with m.If((control.branch == BranchOp.JAL) | jalr):
        m.d.comb += kind.eq(BranchKind.JUMP)
        with m.If(links):
            m.d.comb += kind.eq(BranchKind.CALL)
        with m.Elif(jalr & ((op.rs1 == 1) | (op.rs1 == 5))):
            m.d.comb += kind.eq(BranchKind.RETURN)
    m.d.comb += [
        execute.update.last_parcel.eq(Mux(fetched.compressed, fetched.pc, fetched.pc + 2)),
        execute.update.taken.eq(taken),
        execute.update.target.eq(target),
        execute.update.kind.eq(kind),
        execute.update.link.eq(link),
    ]
    return mispredict, Mux(taken, target, link)
