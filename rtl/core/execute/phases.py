"""What an operation goes through in execute with ``Cuts.execute``."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from rtl.core.interface import SystemOp, Trap
from rtl.core.stages import ExecuteOp

__all__ = ["Checks", "Phases", "connect_phases", "judge", "take"]


class Checks(data.Struct):
    """Verdicts of the CSR unit (illegal-instruction or virtual-instruction exception) and of the VMX unit."""

    csr_illegal: 1
    csr_virtual: 1
    system_illegal: 1
    system_virtual: 1
    vmx_illegal: 1
    vmx_exit: 1
    vmx_reason: 6
    vmx_qualification: 32


class Phases(wiring.Component):
    """Registers between what an operation may do and what it does.

    An ordinary operation (arithmetic, loads, stores, control transfers) leaves in one cycle. A *special*
    one, whose verdict is deep, goes through four phases, with registers alone between one and the next: LOOK,
    one cycle, for the CSR unit's checks; CHECK, for the verdicts that depend on them; JUDGE, which of them
    all counts; ACT, in which it is known what happens. CHECK and JUDGE take turns until all verdicts stand
    and the older operations are done. A trap acts for two cycles: where it goes is known in the second.

    An interrupt is decided on in the CSR unit, which gives it a cycle later. Then every operation is *held*,
    and the interrupt *stands* if in the cycle of the decision the operation was here already, for then
    nothing older can have changed what was decided on; it acts as a special operation does. From CHECK to
    JUDGE the decision stays. After whatever
    makes interrupts possible, as after a CSR write, the next operation is held for a cycle, until that has
    been looked at (Privileged spec 3.1.9).

    Members
    -------
    takes, arrives: the operation that comes next
    illegal: the one in execute is no instruction
    stands: there is one in execute
    clear: the memory stage is empty or finishes, and does not fault
    leaves: the operation goes, or dies, at the end of this cycle
    wait, abort: of the VMX unit; for an ordinary operation they count a cycle later
    disturbs: what interrupts depend on changes at the end of this cycle, other than in ACT
    interrupt: the decision of the cycle before
    started: no interrupt comes before the operation any more
    lasts: it may be a trap in the end that none of the verdicts tells
    finished: the unit that computes the result, if one does, is done
    wakes: what the operation waits for in ACT happens
    checks, checked: verdicts of the CSR unit; as registered
    found, found_refetch, found_trap: what becomes of the operation by this cycle's verdicts
    special: it is no ordinary operation
    may_act: its effects may begin, if it is not killed
    may_leave: it may leave, as far as this unit knows
    looked: LOOK is over
    held: it must not leave, nor begin, for an interrupt may come before it
    interrupted: an interrupt comes before it
    keep: the decision must stay
    acting: ACT
    ends: its last cycle, if it is not ``released`` that the operation waits for
    released: what it waits for has happened
    valid, refetch, kill, trap: in ACT, the operation traps, is fetched again, has no other effect
    acts: in ACT, it has its effect
    """

    takes: In(1)
    arrives: In(ExecuteOp)
    illegal: In(1)
    stands: In(1)
    clear: In(1)
    leaves: In(1)
    wait: In(1)
    abort: In(1)
    disturbs: In(1)
    interrupt: In(1)
    started: In(1)
    lasts: In(1)
    finished: In(1, init=1)
    wakes: In(1)
    checks: In(Checks)
    checked: Out(Checks)
    found: In(1)
    found_refetch: In(1)
    found_trap: In(Trap)
    special: Out(1)
    may_act: Out(1)
    may_leave: Out(1)
    looked: Out(1)
    held: Out(1)
    interrupted: Out(1)
    keep: Out(1)
    acting: Out(1)
    ends: Out(1)
    released: Out(1)
    valid: Out(1)
    refetch: Out(1)
    kill: Out(1)
    acts: Out(1)
    trap: Out(Trap)

    def elaborate(self, platform) -> Module:
        m = Module()
        control, fetched = self.arrives.control, self.arrives.fetched
        judging, judges, twice, disturbed, settled, cleared = (Signal() for _ in range(6))
        waits, waited, finished, told = (Signal() for _ in range(4))
        with m.If(self.takes):
            # That it is no instruction is known too late to be looked at here.
            m.d.sync += told.eq(
                Cat(
                    control.csr,
                    control.system,
                    control.vmx,
                    control.fence_i,
                    control.divide,
                    control.pause,
                    fetched.fault_valid,
                    fetched.bad_prediction,
                ).any()
            )
        m.d.comb += [
            self.special.eq(told | self.illegal),
            self.held.eq((self.interrupt | disturbed) & ~self.started),
            self.interrupted.eq(self.interrupt & settled & ~self.started),
            judges.eq(
                judging
                & (self.special | self.held | self.abort)
                & cleared
                & ~waits
                & (self.found | self.found_refetch | finished)
                & (~self.held | self.interrupted | self.abort)
            ),
            self.keep.eq(self.looked & ~judging),
            self.may_act.eq(self.acting | ~self.special),
            self.may_leave.eq(Mux(self.acting, ~twice, ~(self.special | self.held | waited))),
            self.ends.eq(self.acting & ~twice),
            self.kill.eq(self.valid | self.refetch),
        ]
        m.d.sync += [
            disturbed.eq((self.acting & self.leaves) | self.disturbs),
            waits.eq(self.wait),
            waited.eq(self.wait | self.abort),
            finished.eq(self.finished),
            self.checked.eq(self.checks),
            self.looked.eq(self.stands),
            judging.eq(self.stands & self.looked & ~judging & ~self.acting),
            cleared.eq(self.stands & self.clear),
            twice.eq(judges & (self.found | self.lasts)),
        ]
        with m.If(~self.keep):  # of the decision that is there
            m.d.sync += settled.eq(self.stands & self.clear)
        with m.If(judges):
            m.d.sync += self.acting.eq(1)
        with m.If(~self.acting):
            m.d.sync += [
                self.valid.eq(judges & self.found),
                self.refetch.eq(judges & self.found_refetch),
                self.acts.eq(judges & ~self.found & ~self.found_refetch),
            ]
        with m.If(~self.acting):
            m.d.sync += self.trap.eq(self.found_trap)
        with m.If(self.acting & self.wakes):
            m.d.sync += self.released.eq(1)
        with m.If(self.leaves):
            m.d.sync += [
                self.looked.eq(0),
                judging.eq(0),
                settled.eq(0),
                self.acting.eq(0),
                self.valid.eq(0),
                self.refetch.eq(0),
                self.acts.eq(0),
                self.released.eq(0),
            ]
        return m


def judge(execute, m: Module, op, exceptions, phases: Phases | None, started) -> None:
    """What the exception unit looks at: this cycle's verdicts, or with ``phases`` the registered ones."""
    csr, system, vmx = execute.csr, execute.system, execute.vmx
    m.d.comb += [
        exceptions.operation.eq(op),
        exceptions.mode.eq(execute.mode),
        exceptions.interrupt_cause.eq(execute.interrupt_cause),
        exceptions.interrupt_exit.eq(execute.interrupt_exit),
    ]

    def verdict(name: str, check) -> None:
        if phases is None:
            m.d.comb += getattr(exceptions, name).eq(check)
        else:
            m.d.comb += getattr(phases.checks, name).eq(check)
            m.d.comb += getattr(exceptions, name).eq(getattr(phases.checked, name))

    for name in ("illegal", "exit", "reason", "qualification"):
        verdict(f"vmx_{name}", getattr(vmx, name))
    m.d.comb += [exceptions.vmx_abort.eq(vmx.abort), exceptions.vmx_address.eq(vmx.address)]
    for name in ("illegal", "virtual"):
        verdict(f"csr_{name}", csr.valid & getattr(csr, name))
    for name in ("illegal", "virtual"):
        verdict(f"system_{name}", getattr(system, name))
    if phases is None:
        m.d.comb += exceptions.interrupt_valid.eq(execute.interrupt_valid & ~started)
    else:
        m.d.comb += exceptions.interrupt_valid.eq(phases.interrupted)


def connect_phases(execute, m: Module, phases: Phases, op, valid, commit, exceptions, started) -> None:
    """What the phases depend on, but for ``finished``."""
    vmx, system = execute.vmx, op.control.system
    m.d.comb += [
        phases.takes.eq(execute.operation.ready),
        phases.arrives.eq(execute.operation.p),
        phases.illegal.eq(op.control.illegal),
        phases.stands.eq(valid),
        phases.clear.eq(execute.result.ready & ~execute.memory_fault),
        phases.leaves.eq(commit | execute.memory_fault),
        phases.lasts.eq(op.control.vmx),
        phases.wait.eq(vmx.wait),
        phases.abort.eq(vmx.abort),
        phases.disturbs.eq(execute.memory_fault | vmx.busy | (execute.steps & commit)),
        phases.interrupt.eq(execute.interrupt_valid),
        phases.started.eq(started),
        phases.wakes.eq(
            Mux(system == SystemOp.WFI, execute.wfi_wake, execute.fence.valid & execute.fence.ready)
        ),
        phases.found.eq(exceptions.valid),
        phases.found_refetch.eq(exceptions.refetch),
        phases.found_trap.eq(exceptions.trap),
        execute.acting.eq(phases.acting),
        execute.keep.eq(phases.keep),
    ]


def take(execute, m: Module, op, valid, redirected, steers, plain, mispredict) -> None:
    """The operation register, and the redirect, which ``steers`` asks for besides a branch. Whether that is
    mispredicted comes late, and is looked at last."""
    stays, ready = ~(execute.memory_fault | execute.trap.exits), execute.operation.ready
    may = plain & ~redirected & ~execute.memory_fault
    comes = Mux(ready, execute.operation.valid & ~steers, valid)
    m.d.comb += execute.redirect.valid.eq(steers | (may & mispredict))
    m.d.sync += [
        valid.eq(stays & comes & ~(may & ready & mispredict)),
        redirected.eq(stays & ~ready & (redirected | steers | (may & mispredict))),
    ]
    with m.If(ready):
        m.d.sync += op.eq(execute.operation.p)
