"""Who may access which CSR and execute which privileged instruction."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from rtl.core.interface import Mode, SystemOp
from rtl.isa.csr_state import CsrState, csr_states
from rtl.isa.privilege import Privilege

__all__ = ["AccessCheck", "AccessRule", "Controls", "SystemCheck", "access_rule"]


class Controls(data.Struct):
    """The CSR bits that allow or forbid."""

    tvm: 1
    tw: 1
    tsr: 1
    hu: 1
    vtvm: 1
    vtw: 1
    vtsr: 1
    timer: 1
    """stimecmp, vstimecmp below M: mcounteren.TM and menvcfg.STCE."""
    vs_timer: 1
    """stimecmp in VS: hcounteren.TM and henvcfg.STCE."""


class AccessRule(enum.Enum, shape=3):
    """``Legality`` for the hardware, with one more for a number that is no register."""

    ABSENT = 0
    NUMBER = 1
    COUNTER = 2
    SATP = 3
    HGATP = 4
    STIMECMP = 5
    VSTIMECMP = 6


def access_rule(state: CsrState) -> AccessRule:
    """The rule of a register that exists."""
    return AccessRule.__members__[state.legality.name]


class AccessCheck(wiring.Component):
    """CSR access (Privileged spec 2.1, 3.1.11; H chapter "Trap Cause Codes"; Sstc).

    Members
    -------
    number, write: the access, by the instruction's own number (before vs* stands in for s*)
    mode, controls: current state
    mcounteren, hcounteren, scounteren: counter enables
    illegal, virtual: the exception, if any (never both)
    """

    number: In(12)
    write: In(1)
    mode: In(Mode)
    controls: In(Controls)
    mcounteren: In(32)
    hcounteren: In(32)
    scounteren: In(32)
    illegal: Out(1)
    virtual: Out(1)

    def __init__(self, hypervisor: bool = True):
        self.hypervisor = hypervisor
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        rule = self._rule(m)
        machine = self.mode.privilege == Privilege.M
        supervisor = self.mode.privilege == Privilege.S
        virt, controls = self.mode.virt, self.controls
        level = self.number[8:10]  # 0 U, 1 S, 2 HS, 3 M
        counter = self.number[:5]

        # What would be illegal in HS too (with TVM = 0) is illegal everywhere below M, never virtual.
        never, closed, withheld = Signal(), Signal(), Signal()
        m.d.comb += never.eq((rule == AccessRule.ABSENT) | (self.write & (self.number[10:12] == 3)))
        with m.Switch(rule):
            with m.Case(AccessRule.COUNTER):
                m.d.comb += closed.eq(~self.mcounteren.bit_select(counter, 1))
            with m.Case(AccessRule.STIMECMP, AccessRule.VSTIMECMP):
                m.d.comb += closed.eq(~controls.timer)

        # What the privilege or a control keeps from this mode: virtual if V = 1, illegal if not.
        below = Mux(supervisor, virt & level[1], level != 0)
        with m.Switch(rule):
            with m.Case(AccessRule.COUNTER):
                m.d.comb += withheld.eq(
                    (virt & ~self.hcounteren.bit_select(counter, 1))
                    | (~supervisor & ~self.scounteren.bit_select(counter, 1))
                )
            with m.Case(AccessRule.SATP):
                m.d.comb += withheld.eq(Mux(virt, controls.vtvm, controls.tvm))
            with m.Case(AccessRule.HGATP):
                m.d.comb += withheld.eq(controls.tvm)
            with m.Case(AccessRule.STIMECMP):
                m.d.comb += withheld.eq(virt & ~controls.vs_timer)

        always_illegal = never | (~machine & (closed | (level == 3)))
        refused = ~machine & (below | withheld)
        m.d.comb += [
            self.illegal.eq(always_illegal | (refused & ~virt)),
            self.virtual.eq(~always_illegal & refused & virt),
        ]
        return m

    def _rule(self, m: Module) -> Signal:
        numbers: dict[AccessRule, list[int]] = {}
        for state in csr_states(self.hypervisor).values():
            numbers.setdefault(access_rule(state), []).append(state.csr.number)
        rule = Signal(AccessRule)
        with m.Switch(self.number):
            for kind, members in numbers.items():
                with m.Case(*members):
                    m.d.comb += rule.eq(kind)
        return rule


class SystemCheck(wiring.Component):
    """Privileged instructions (Privileged spec 3.1.6.6, 3.3; Svinval; H chapter "Hypervisor Instructions",
    "Trap Cause Codes"). WFI never waits before it traps: the time limit of TW and VTW is zero.

    Members
    -------
    op: the instruction
    mode, controls: current state
    illegal, virtual: the exception, if any (never both)
    """

    op: In(SystemOp)
    mode: In(Mode)
    controls: In(Controls)
    illegal: Out(1)
    virtual: Out(1)

    def __init__(self, hypervisor: bool = True):
        self.hypervisor = hypervisor
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        machine = self.mode.privilege == Privilege.M
        supervisor = self.mode.privilege == Privilege.S
        user = self.mode.privilege == Privilege.U
        virt, controls = self.mode.virt, self.controls

        def check(illegal: Value, virtual: Value | int) -> None:
            m.d.comb += [self.illegal.eq(illegal), self.virtual.eq(virtual)]

        def supervisor_instruction(hs_control: Value | int, vs_control: Value | int) -> None:
            """Legal in S unless the control of HS or VS forbids it."""
            check(~virt & (user | (supervisor & hs_control)), virt & (user | vs_control))

        with m.If(self.op != SystemOp.NONE), m.Switch(self.op):
            with m.Case(SystemOp.MRET):
                check(~machine, 0)
            with m.Case(SystemOp.SRET):
                supervisor_instruction(controls.tsr, controls.vtsr)
            with m.Case(SystemOp.WFI):
                check(
                    ~machine & (controls.tw | (~virt & user)),
                    ~controls.tw & virt & (user | controls.vtw),
                )
            with m.Case(SystemOp.SFENCE_VMA, SystemOp.SINVAL_VMA):
                supervisor_instruction(controls.tvm, controls.vtvm)
            with m.Case(SystemOp.SFENCE_INVAL):
                supervisor_instruction(0, 0)
            with m.Case(SystemOp.HFENCE_VVMA, SystemOp.HINVAL_VVMA):
                check(~virt & user, virt) if self.hypervisor else check(1, 0)
            with m.Case(SystemOp.HFENCE_GVMA, SystemOp.HINVAL_GVMA):
                if self.hypervisor:
                    check(~virt & (user | (supervisor & controls.tvm)), virt)
                else:
                    check(1, 0)
            with m.Case(SystemOp.HYPERVISOR_ACCESS):
                check(~virt & user & ~controls.hu, virt) if self.hypervisor else check(1, 0)
        return m
