"""Who may access which CSR and execute which privileged instruction."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from rtl.core.interface import Mode, SystemOp
from rtl.isa.csr_state import CsrState, csr_states
from rtl.isa.csrs import CSRS
from rtl.isa.privilege import Privilege

__all__ = ["AccessCheck", "AccessRule", "Controls", "SystemCheck", "Visible", "access_rule"]


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


class Visible(data.Struct):
    """What ``mvirt`` makes visible."""

    hypervisor: 1
    """ARCH = 1: the H extension."""
    xvmx: 1
    """ARCH = 2: Xvmx."""
    hole: 1
    """sstatus can be read, and written without effect, in U mode."""


class AccessRule(enum.Enum, shape=3):
    """``Legality`` for the hardware, with one more for a number that is no register."""

    ABSENT = 0
    NUMBER = 1
    COUNTER = 2
    SATP = 3
    HGATP = 4
    STIMECMP = 5
    VSTIMECMP = 6
    NONROOT = 7


def access_rule(state: CsrState) -> AccessRule:
    """The rule of a register that exists."""
    return AccessRule.__members__[state.legality.name]


class AccessCheck(wiring.Component):
    """CSR access (Privileged spec 2.1, 3.1.11; H chapter "Trap Cause Codes"; Sstc; docs/xvmx.md 1, 2, 11).

    Members
    -------
    number, write: the access, by the instruction's own number (before vs* stands in for s*)
    mode, controls: current state
    visible: what exists
    mcounteren, hcounteren, scounteren: counter enables
    illegal, virtual: the exception, if any (never both)
    dropped: a write has no effect
    """

    number: In(12)
    write: In(1)
    mode: In(Mode)
    controls: In(Controls)
    visible: In(Visible)
    mcounteren: In(32)
    hcounteren: In(32)
    scounteren: In(32)
    illegal: Out(1)
    virtual: Out(1)
    dropped: Out(1)

    def __init__(self, hypervisor: bool = True, xvmx: bool = True):
        self.hypervisor = hypervisor
        self.xvmx = xvmx
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        rule = self._rule(m)
        hidden = self._hidden(m)
        machine = self.mode.privilege == Privilege.M
        supervisor = self.mode.privilege == Privilege.S
        virt, controls = self.mode.virt, self.controls
        level = self.number[8:10]  # 0 U, 1 S, 2 HS, 3 M
        counter = self.number[:5]

        # What would be illegal in HS too (with TVM = 0) is illegal everywhere below M, never virtual.
        never, closed, withheld = Signal(), Signal(), Signal()
        m.d.comb += never.eq((rule == AccessRule.ABSENT) | hidden | (self.write & (self.number[10:12] == 3)))
        with m.Switch(rule):
            with m.Case(AccessRule.NONROOT):
                m.d.comb += closed.eq(~virt)
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

        m.d.comb += self.dropped.eq(
            self.visible.hole & (self.mode.privilege == Privilege.U) & (self.number == CSRS["sstatus"].number)
        )
        always_illegal = never | ((~machine | (rule == AccessRule.NONROOT)) & closed)
        always_illegal = always_illegal | (~machine & (level == 3))
        refused = ~machine & (below | withheld) & ~self.dropped
        virtual = virt & self.visible.hypervisor
        m.d.comb += [
            self.illegal.eq(always_illegal | (refused & ~virtual)),
            self.virtual.eq(~always_illegal & refused & virtual),
        ]
        return m

    def _hidden(self, m: Module) -> Signal:
        """The number is of a register that exists under another architecture only."""
        states = csr_states(self.hypervisor, self.xvmx).values()
        by_level = [state for state in states if state.csr.privilege == 2]
        assert all(state.hypervisor for state in by_level)
        others = [state.csr.number for state in states if state.hypervisor and state not in by_level]
        hidden = Signal()
        with m.If(~self.visible.hypervisor & ((self.number[8:10] == 2) | self.number.matches(*others))):
            m.d.comb += hidden.eq(1)
        with m.If(~self.visible.xvmx & self.number.matches(*(s.csr.number for s in states if s.xvmx))):
            m.d.comb += hidden.eq(1)
        return hidden

    def _rule(self, m: Module) -> Signal:
        numbers: dict[AccessRule, list[int]] = {}
        for state in csr_states(self.hypervisor, self.xvmx).values():
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
    hypervisor: the H extension is visible; without it there is no virtual-instruction exception
    illegal, virtual: the exception, if any (never both)
    """

    op: In(SystemOp)
    mode: In(Mode)
    controls: In(Controls)
    hypervisor: In(1)
    illegal: Out(1)
    virtual: Out(1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        machine = self.mode.privilege == Privilege.M
        supervisor = self.mode.privilege == Privilege.S
        user = self.mode.privilege == Privilege.U
        virt, controls = self.mode.virt, self.controls

        def check(illegal: Value, virtual: Value | int) -> None:
            m.d.comb += [
                self.illegal.eq(illegal | (Cat(virtual) & ~self.hypervisor)),
                self.virtual.eq(virtual & self.hypervisor),
            ]

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
                check(~self.hypervisor | (~virt & user), virt)
            with m.Case(SystemOp.HFENCE_GVMA, SystemOp.HINVAL_GVMA):
                check(~self.hypervisor | (~virt & (user | (supervisor & controls.tvm))), virt)
            with m.Case(SystemOp.HYPERVISOR_ACCESS):
                check(~self.hypervisor | (~virt & user & ~controls.hu), virt)
        return m
