"""The CSR unit: control and status registers, traps and returns, interrupts, counters."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from rtl.config import CoreConfig
from rtl.core.csr.accounting import connect_events
from rtl.core.csr.architecture import Architecture, connect_architecture
from rtl.core.csr.counters import Counters
from rtl.core.csr.delegation import Delegation
from rtl.core.csr.environment import GUEST_SCOUNTEREN, GUEST_SENVCFG, Environment
from rtl.core.csr.interrupts import Interrupts
from rtl.core.csr.legality import AccessCheck, Controls, SystemCheck
from rtl.core.csr.pmp import PmpRegisters, is_pmp
from rtl.core.csr.registered import decision, found_number, handler, old_value, read_in_steps
from rtl.core.csr.registers import ALL_BITS, CsrWrite, Level
from rtl.core.csr.snapshot import snapshot_layout, state_layout
from rtl.core.csr.status import Status
from rtl.core.csr.translation import TranslationRegisters
from rtl.core.csr.trap_registers import LEVEL_REGISTERS, TrapRegisters
from rtl.core.interface import (
    CsrOp,
    CsrPort,
    Events,
    InterruptLines,
    Mode,
    SystemPort,
    TrapPort,
    XretPort,
)
from rtl.core.vmx.interface import VmxCsrPort
from rtl.isa.csr_state import COUNTERS, csr_states, visible_states
from rtl.isa.csrs import CSRS, VS_ALIASES
from rtl.isa.paging import PMP_ENTRIES, AtpMode
from rtl.isa.privilege import Privilege
from rtl.isa.xvmx import Arch, ExitReason
from rtl.mmu.interface import PmpEntry, TranslationContext

__all__ = ["CsrUnit"]


class CsrUnit(wiring.Component):
    """Architectural state besides the integer registers and the pc.

    At most one of ``csr.commit``, ``trap.valid`` and ``xret.valid`` is up in a cycle; each takes effect at
    its end. ``csr``, ``system``, ``trap.vector`` and ``xret.target`` answer combinationally.

    Parameters
    ----------
    config: the hart; ``hypervisor`` builds the H extension, ``xvmx`` Xvmx, ``observe`` the snapshot

    Members
    -------
    csr: CSR instruction in execute
    system: check of a privileged instruction
    trap: trap to take; its ``cause`` is ``interrupt_cause`` for an interrupt
    trap_cause: cause number as the handler's xcause gets it, while ``trap`` stands
    xret: mret, sret
    lines: interrupt inputs
    time: mtime
    retired: how many instructions complete in this cycle, older than the one in execute
    events, events_out: events of the core; the same with those that arise here filled in
    mode, data_mode, hypervisor_mode: of fetches; of ordinary loads and stores; of HLV, HLVX, HSV
    interrupt_valid, interrupt_cause: an interrupt must be taken now; its bit number in mip (so a VS-level
        interrupt is 2, 6 or 10 here, whoever handles it)
    interrupt_exit: it is a VM exit of Xvmx; ``interrupt_cause`` is its reason
    vmx: to the VMX unit (nothing is connected without one)
    wfi_wake: an interrupt is pending and locally enabled, whatever the global enables and delegation
    translation, pmp: state that address translation and protection depend on
    pmp_changed: pmp, or what translations mean, may change at the end of this cycle
    acting, keep: with ``Cuts.execute`` only: the instruction acts; the interrupt must stay. ``csr.rdata`` is
        then of the second cycle before ``acting``, ``csr.refetch`` and what ``vmx`` is told of the interrupt
        of the last. ``trap.trap`` stands a cycle before ``trap.valid`` (``late_vectors``: before it ends)
    snapshot: every register as M mode would read it (only with ``config.observe``)
    state: what only instructions, traps and returns change, for lockstep (only with ``config.observe``)
    """

    def __init__(self, config: CoreConfig):
        self.config = config
        self._states = csr_states(config.virtual, config.xvmx)
        ports = {
            "csr": In(CsrPort),
            "system": In(SystemPort),
            "trap": In(TrapPort),
            "trap_cause": Out(6),
            "xret": In(XretPort),
            "lines": In(InterruptLines),
            "time": In(64),
            "retired": In(2),
            "events": In(Events),
            "events_out": Out(Events),
            "mode": Out(Mode),
            "data_mode": Out(Mode),
            "hypervisor_mode": Out(Mode),
            "interrupt_valid": Out(1),
            "interrupt_cause": Out(6),
            "interrupt_exit": Out(1),
            "vmx": Out(VmxCsrPort),
            "wfi_wake": Out(1),
            "translation": Out(TranslationContext),
            "pmp": Out(PmpEntry).array(PMP_ENTRIES),
            "pmp_changed": Out(1),
        }
        if config.cuts.execute:
            ports |= {"acting": In(1), "keep": In(1)}
        if config.observe:
            ports["snapshot"] = Out(snapshot_layout(config.hypervisor, config.xvmx))
            ports["state"] = Out(state_layout(config.hypervisor, config.xvmx))
        super().__init__(ports)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        hypervisor, xvmx, virtual = self.config.hypervisor, self.config.xvmx, self.config.virtual
        m.submodules.architecture = self.architecture = architecture = Architecture(hypervisor, xvmx)
        m.submodules.status = status = Status(virtual)
        m.submodules.delegation = delegation = Delegation(virtual)
        late = self.config.cuts.late_vectors
        m.submodules.levels = levels = TrapRegisters(virtual, self.config.observe, late)
        m.submodules.interrupts = interrupts = Interrupts(virtual, self.config.cuts.execute)
        m.submodules.counters = counters = Counters()
        m.submodules.pmp = pmp = PmpRegisters()
        m.submodules.roots = roots = TranslationRegisters(virtual)
        m.submodules.environment = environment = Environment(virtual, xvmx)
        m.submodules.access = access = AccessCheck(hypervisor, xvmx)
        m.submodules.system_check = system_check = SystemCheck()
        writers = [architecture, status, delegation, levels, interrupts, counters, pmp, roots, environment]

        self._modes(m, status, [delegation, interrupts, access, system_check])
        self._checks(m, status, environment, access, system_check)
        level, code = handler(self, m, delegation)
        number = self._substituted(m)
        m.d.comb += levels.number.eq(number)
        connect_architecture(self, m, status, delegation, level, interrupts, roots, environment)
        values = self._values(status, delegation, levels, interrupts, counters, pmp, roots, environment)
        value = self._read(m, number, values, environment)
        self._write(m, value, number, access, writers)
        self._traps(m, status, delegation, levels, level, code)
        self._interrupts(m, status, delegation, environment, interrupts)
        self._memory(m, status, roots, environment, pmp)
        connect_events(self, m, level, code, status, roots, counters)
        if self.config.observe:
            self._observe(m, values | {n: getattr(levels, n) for n in levels.signature.members}, interrupts)
        return m

    def _observe(self, m: Module, values: dict[str, Value], interrupts: Interrupts) -> None:
        for name in self.snapshot.shape().members:
            m.d.comb += getattr(self.snapshot, name).eq(values[name])
        values = values | {"mode": Cat(self.mode.privilege, self.mode.virt), "mip": interrupts.software}
        for name in self.state.shape().members:
            m.d.comb += getattr(self.state, name).eq(values[name])

    def _modes(self, m: Module, status: Status, users: list[wiring.Component]) -> None:
        m.d.comb += [
            self.mode.eq(status.mode),
            self.data_mode.eq(status.data_mode),
            self.hypervisor_mode.eq(status.hypervisor_mode),
            *(user.mode.eq(status.mode) for user in users),
        ]

    def _checks(
        self,
        m: Module,
        status: Status,
        environment: Environment,
        access: AccessCheck,
        system_check: SystemCheck,
    ) -> None:
        controls = Signal(Controls)
        mstatus, hstatus = status.mstatus, status.hstatus
        time_enable = CSRS["mcounteren"].field("TM").lo
        m.d.comb += [
            *(getattr(controls, name).eq(getattr(mstatus, name)) for name in ("tvm", "tw", "tsr")),
            controls.timer.eq(environment.mcounteren[time_enable] & environment.menvcfg.stce),
            controls.vs_timer.eq(environment.hcounteren[time_enable] & environment.henvcfg.stce),
            access.controls.eq(controls),
            access.number.eq(self.csr.number),
            access.write.eq(self.csr.write),
            *(
                getattr(access, name).eq(getattr(environment, name))
                for name in ("mcounteren", "hcounteren", "scounteren")
            ),
            access.visible.hypervisor.eq(self.architecture.hypervisor),
            access.visible.xvmx.eq(self.architecture.xvmx),
            access.visible.hole.eq(self.architecture.hole),
            system_check.hypervisor.eq(self.architecture.hypervisor),
            system_check.controls.eq(controls),
            system_check.op.eq(self.system.op),
            self.system.illegal.eq(system_check.illegal),
            self.system.virtual.eq(system_check.virtual),
            self.csr.illegal.eq(access.illegal),
            self.csr.virtual.eq(access.virtual),
        ]
        # hstatus has no say over the guest of Xvmx.
        with m.If(~self.architecture.xvmx):
            m.d.comb += [
                getattr(controls, name).eq(getattr(hstatus, name)) for name in ("hu", "vtvm", "vtw", "vtsr")
            ]
        with m.Else():
            m.d.comb += [access.hcounteren.eq(-1), controls.vs_timer.eq(controls.timer)]
            with m.If(self.mode.virt):
                m.d.comb += access.scounteren.eq(environment.guest_scounteren)

    def _substituted(self, m: Module) -> Signal:
        """The number after vs* stands in for s* in V = 1 (0x1xx becomes 0x2xx)."""
        number = Signal(12)
        m.d.comb += number.eq(self.csr.number)
        if self.config.virtual:
            replaced = [CSRS[name].number for name in VS_ALIASES]
            own = [CSRS[name].number for name in ("scounteren", "senvcfg")]
            matches = self.csr.number.matches(*replaced)
            if self.config.xvmx:
                matches = matches | (self.architecture.xvmx & self.csr.number.matches(*own))
            with m.If(self.mode.virt & matches):
                m.d.comb += number[8:10].eq(0b10)
        if self.config.cuts.execute and not self.config.in_steps:
            found, number = found_number(m, number), Signal(12)
            m.d.comb += number.eq(found)
        if self.config.xvmx:
            with m.If(self.vmx.read):
                m.d.comb += number.eq(self.vmx.number)
        return found_number(m, number) if self.config.in_steps else number

    def _values(
        self, status, delegation, levels, interrupts, counters, pmp, roots, environment
    ) -> dict[str, Value]:
        """What each register reads as; those that read as a constant are not listed."""
        parts = (self.architecture, status, delegation, interrupts, counters, pmp, roots, environment)
        values: dict[str, Value] = {}
        for name in self._states:
            for part in parts:
                if name in part.signature.members:
                    values[name] = Value.cast(getattr(part, name))
        for kind, names in LEVEL_REGISTERS.items():
            values |= {name: getattr(levels, kind) for name in names if CSRS[name].name in self._states}
        values |= {f"hpmcounter{n}": values[f"mhpmcounter{n}"] for n in COUNTERS}
        values["cycle"], values["instret"] = values["mcycle"], values["minstret"]
        values["time"] = Mux(self.mode.virt, environment.guest_time, self.time)
        misa = [csr_states(there)["misa"].fixed for there in (True, False)]
        values["misa"] = Mux(self.architecture.hypervisor, *misa)
        for name in ("medeleg", "mideleg"):
            other = visible_states(Arch.NONE)[name]
            seen = Mux(self.architecture.hypervisor, ALL_BITS, other.writable | other.fixed)
            values[name] = values[name] & seen
        if self.config.xvmx:
            identity = self.vmx.identity
            values["stopei"] = Cat(identity, Const(0, 8), identity)
        return values

    def _read(self, m: Module, number: Signal, values: dict[str, Value], environment: Environment) -> Signal:
        """A case on the upper four bits of the number, then one on the lower eight; 0 without an instruction,
        so that the simulator looks only when there is one."""
        constants = {name: state.fixed for name, state in self._states.items() if name not in values}
        constants["mhartid"] = self.config.hart_id
        values = values | {name: constant for name, constant in constants.items() if constant}
        everything = {CSRS[name].number: value for name, value in values.items()}
        if self.config.xvmx:
            everything |= {
                GUEST_SCOUNTEREN: environment.guest_scounteren,
                GUEST_SENVCFG: environment.guest_senvcfg,
            }
        groups: dict[int, dict[int, Value]] = {}
        for each, register in everything.items():
            groups.setdefault(each >> 8, {})[each & 0xFF] = register
        value = Signal(64) if self.config.cuts.execute else self.csr.rdata
        if self.config.in_steps:
            read_in_steps(m, number, groups, value)
        else:
            with m.If(self.csr.valid | self.vmx.read), m.Switch(number[8:]):
                for group, registers in groups.items():
                    with m.Case(group), m.Switch(number[:8]):
                        for low, register in registers.items():
                            with m.Case(low):
                                m.d.comb += value.eq(register)
        m.d.comb += self.vmx.value.eq(value)
        return value

    def _write(self, m: Module, value: Signal, number: Signal, access: AccessCheck, writers) -> None:
        bus = CsrWrite.create(path=("write",))
        enable = self.csr.commit & self.csr.write
        if self.config.cuts.execute:
            dropped = old_value(self, m, value, access.dropped)
            m.d.comb += bus.enable.eq(enable & ~dropped)  # what is illegal does not commit
        else:
            m.d.comb += bus.enable.eq(enable & ~access.illegal & ~access.virtual & ~access.dropped)
        with m.Switch(self.csr.op):
            with m.Case(CsrOp.SET):
                m.d.comb += bus.value.eq(self.csr.rdata | self.csr.operand)
            with m.Case(CsrOp.CLEAR):
                m.d.comb += bus.value.eq(self.csr.rdata & ~self.csr.operand)
            with m.Default():
                m.d.comb += bus.value.eq(self.csr.operand)
        m.d.comb += [
            bus.number.eq(number),
            self.vmx.root_write.eq(bus.enable),
            self.vmx.root_number.eq(bus.number),
        ]
        if self.config.xvmx:
            with m.If(self.vmx.write):
                m.d.comb += [bus.enable.eq(1), bus.number.eq(self.vmx.number), bus.value.eq(self.vmx.data)]
        for writer in writers:
            connect(m, bus, writer.write)

    def _traps(self, m: Module, status: Status, delegation: Delegation, levels, level, code) -> None:
        trap, xret = self.trap.trap, self.xret
        m.d.comb += [
            delegation.interrupt.eq(trap.interrupt),
            delegation.cause.eq(trap.cause),
            delegation.exit.eq(trap.exit),
            delegation.enter.eq(self.vmx.deliver),
            self.trap.exits.eq(self.trap.valid & (level == Level.NONE)),
            status.trap_valid.eq(self.trap.valid),
            status.trap_level.eq(level),
            status.trap_gva.eq(trap.gva),
            status.xret_valid.eq(xret.valid),
            status.xret_machine.eq(xret.machine),
            levels.trap_valid.eq(self.trap.valid),
            levels.trap.eq(trap),
            levels.trap_level.eq(level),
            levels.trap_code.eq(code),
            levels.return_level.eq(Mux(xret.machine, Level.MACHINE, Mux(self.mode.virt, Level.VS, Level.HS))),
            self.trap.vector.eq(levels.vector),
            self.trap_cause.eq(code),
            self.xret.target.eq(levels.return_address),
        ]

    def _interrupts(self, m: Module, status, delegation, environment, interrupts: Interrupts) -> None:
        m.d.comb += [
            interrupts.op.eq(self.csr.op),
            interrupts.operand.eq(self.csr.operand),
            interrupts.m_enable.eq(status.mstatus.mie),
            interrupts.hs_enable.eq(status.mstatus.sie),
            interrupts.vs_enable.eq(status.vsstatus.sie),
            interrupts.mideleg.eq(delegation.mideleg),
            interrupts.hideleg.eq(delegation.hideleg),
            interrupts.lines.eq(self.lines),
            interrupts.time.eq(self.time),
            interrupts.guest_time.eq(environment.guest_time),
            interrupts.stce.eq(environment.menvcfg.stce),
            interrupts.vs_stce.eq(
                Mux(self.architecture.xvmx, environment.menvcfg.stce, environment.henvcfg.stce)
            ),
            interrupts.extint.eq(self.vmx.extint),
            interrupts.external.eq(self.vmx.external),
            interrupts.event.eq(self.vmx.event),
            interrupts.acknowledge.eq(self.vmx.acknowledge),
            environment.time.eq(self.time),
            self.vmx.wake.eq(interrupts.wake),
            self.wfi_wake.eq(interrupts.wake),
        ]
        found = {
            "valid": interrupts.valid,
            "cause": interrupts.cause,
            "exit": interrupts.exit,
            "physical": interrupts.physical,
            "code": interrupts.cause,
        }
        reason = Mux(interrupts.physical, ExitReason.EXTINT, self.vmx.event_reason)
        if self.config.cuts.execute:
            found = decision(self, m, found | {"cause": reason})
            found["cause"] = Mux(found["exit"], found["cause"], found["code"])
        m.d.comb += [
            self.interrupt_valid.eq(found["valid"]),
            self.interrupt_cause.eq(found["cause"]),
            self.interrupt_exit.eq(found["exit"]),
            self.vmx.physical.eq(found["physical"]),
            self.vmx.code.eq(found["code"]),
        ]
        if not self.config.cuts.execute:
            with m.If(interrupts.exit):
                m.d.comb += self.interrupt_cause.eq(reason)

    def _memory(self, m: Module, status, roots, environment, pmp: PmpRegisters) -> None:
        fetch_root = (self.csr.number == CSRS["satp"].number) & (self.mode.privilege == Privilege.S)
        m.d.comb += [
            self.translation.satp.eq(roots.satp),
            self.translation.vsatp.eq(roots.vsatp),
            self.translation.hgatp.eq(roots.hgatp),
            self.translation.adue.eq(environment.menvcfg.adue),
            self.translation.vs_adue.eq(environment.henvcfg.adue),
            self.translation.mxr.eq(status.mstatus.mxr),
            self.translation.sum.eq(status.mstatus.sum),
            self.translation.vs_mxr.eq(status.vsstatus.mxr),
            self.translation.vs_sum.eq(status.vsstatus.sum),
            *(ours.eq(theirs) for ours, theirs in zip(self.pmp, pmp.pmp, strict=True)),
            self.pmp_changed.eq(pmp.changed | self.architecture.flush),
        ]
        when = m.d.sync if self.config.cuts.execute else m.d.comb
        when += self.csr.refetch.eq(self.csr.write & (fetch_root | is_pmp(self.csr.number)))
        if self.config.xvmx:
            with m.If(self.csr.number == CSRS["mvirt"].number):
                when += self.csr.refetch.eq(self.csr.write)
            with m.If(self.architecture.xvmx):
                m.d.comb += [
                    self.translation.hgatp.mode.eq(Mux(self.vmx.ept, roots.hgatp.mode, AtpMode.BARE)),
                    self.translation.hgatp.vmid.eq(Mux(self.vmx.vpid, roots.hgatp.vmid, 0)),
                    self.translation.vs_adue.eq(environment.menvcfg.adue),
                    # Root's MXR is not the guest's; only loads look at it.
                    self.translation.mxr.eq(status.mstatus.mxr & ~status.data_mode.virt),
                ]
