"""Current mode, mstatus, hstatus, vsstatus, and what traps and returns do to them."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.core.csr.registers import ALL_BITS, CsrWrite, Level, csr_layout, on_write
from rtl.core.interface import Mode
from rtl.isa.csr_state import csr_states
from rtl.isa.privilege import Privilege

__all__ = ["Hstatus", "Mstatus", "Status", "Vsstatus"]

Mstatus = csr_layout("mstatus")
Hstatus = csr_layout("hstatus")
Vsstatus = csr_layout("vsstatus")


class Status(wiring.Component):
    """Status registers (Privileged spec 3.1.6; H chapter: hstatus, vsstatus, "Trap Entry", "Trap Return";
    docs/xvmx.md, sections 1, 2, 6, 7).

    Members
    -------
    write: CSR writes
    trap_valid, trap_level, trap_gva: a trap is taken to a level
    xret_valid, xret_machine: mret (1) or sret (0) executes
    hypervisor, xvmx: what is visible; ``changed``: that changes
    enter, enter_supervisor: a VM entry to S or U; with a trap, it is delivered to the guest from there
    leave: a VM exit ends
    outstanding: Xvmx: mret may return to V = 1
    abandons: it returns to V = 0
    root_changes: sstatus of V = 0 changes other than by a write
    mode: current mode
    data_mode: mode of ordinary loads and stores (MPRV)
    hypervisor_mode: mode of HLV, HLVX, HSV accesses
    entering_guest: the xret goes from V = 0 to V = 1
    mstatus, hstatus, vsstatus: registers with their fields
    sstatus: HS-level view of mstatus
    """

    write: In(CsrWrite)
    trap_valid: In(1)
    trap_level: In(Level)
    trap_gva: In(1)
    xret_valid: In(1)
    xret_machine: In(1)
    hypervisor: In(1)
    xvmx: In(1)
    changed: In(1)
    enter: In(1)
    enter_supervisor: In(1)
    leave: In(1)
    outstanding: In(1)
    abandons: Out(1)
    root_changes: Out(1)
    mode: Out(Mode)
    data_mode: Out(Mode)
    hypervisor_mode: Out(Mode)
    entering_guest: Out(1)
    mstatus: Out(Mstatus)
    hstatus: Out(Hstatus)
    vsstatus: Out(Vsstatus)
    sstatus: Out(64)

    def __init__(self, virtual: bool = True):
        self.virtual = virtual
        self._states = csr_states(virtual)
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        mode = Signal(Mode, init={"privilege": Privilege.M, "virt": 0})
        mstatus = self._register("mstatus", Mstatus)
        hstatus = self._register("hstatus", Hstatus)
        vsstatus = self._register("vsstatus", Vsstatus)
        view = self._states["sstatus"]
        m.d.comb += [
            self.mode.eq(mode),
            self.mstatus.eq(mstatus),
            self.hstatus.eq(hstatus),
            self.vsstatus.eq(vsstatus),
            self.sstatus.eq(mstatus.as_value() & (view.writable | view.fixed)),
        ]
        self._effective_modes(m, mode, mstatus, hstatus)
        self._writes(m, mstatus, hstatus, vsstatus)
        self._traps(m, mode, mstatus, hstatus, vsstatus)
        self._returns(m, mode, mstatus, hstatus, vsstatus)
        if self.virtual:
            self._transitions(m, mode, mstatus)
        return m

    def _register(self, name: str, layout) -> Signal:
        state = self._states.get(name)
        return Signal(layout, name=f"{name}_reg", init=layout.from_bits(state.reset if state else 0))

    def _effective_modes(self, m: Module, mode, mstatus, hstatus) -> None:
        m.d.comb += [
            self.data_mode.eq(mode),
            self.hypervisor_mode.privilege.eq(Mux(hstatus.spvp, Privilege.S, Privilege.U)),
            self.hypervisor_mode.virt.eq(int(self.virtual)),
        ]
        with m.If(mstatus.mprv):
            m.d.comb += [
                self.data_mode.privilege.eq(mstatus.mpp),
                self.data_mode.virt.eq(mstatus.mpv & (mstatus.mpp != Privilege.M)),
            ]

    def _writes(self, m: Module, mstatus, hstatus, vsstatus) -> None:
        value = self.write.value
        state, view = self._states["mstatus"], self._states["sstatus"]
        with on_write(m, self.write, "mstatus"):
            m.d.sync += mstatus.eq(value & state.writable | state.fixed)
            with m.If(Mstatus(value).mpp == 2):
                m.d.sync += mstatus.mpp.eq(mstatus.mpp)
            if self.virtual:
                with m.If(~self.hypervisor & ~self.xvmx):
                    m.d.sync += [mstatus.mpv.eq(0), mstatus.gva.eq(0)]
        with on_write(m, self.write, "sstatus"):
            m.d.sync += mstatus.eq(mstatus.as_value() & (ALL_BITS ^ view.writable) | value & view.writable)
        if self.virtual:
            for name, register in (("hstatus", hstatus), ("vsstatus", vsstatus)):
                state = self._states[name]
                with on_write(m, self.write, name):
                    m.d.sync += register.eq(value & state.writable | state.fixed)

    def _traps(self, m: Module, mode, mstatus, hstatus, vsstatus) -> None:
        supervisor = Mux(self.enter, self.enter_supervisor, mode.privilege == Privilege.S)
        with m.If(self.trap_valid), m.Switch(self.trap_level):
            with m.Case(Level.MACHINE):
                m.d.sync += [
                    mstatus.mpp.eq(mode.privilege),
                    mstatus.mpie.eq(mstatus.mie),
                    mstatus.mie.eq(0),
                    mode.privilege.eq(Privilege.M),
                ]
                if self.virtual:
                    m.d.sync += [
                        mstatus.mpv.eq(mode.virt),
                        mstatus.gva.eq(self.trap_gva),
                        mode.virt.eq(0),
                    ]
            with m.Case(Level.HS):
                m.d.sync += [
                    mstatus.spp.eq(supervisor),
                    mstatus.spie.eq(mstatus.sie),
                    mstatus.sie.eq(0),
                    mode.privilege.eq(Privilege.S),
                ]
                if self.virtual:
                    m.d.sync += [
                        hstatus.spv.eq(mode.virt),
                        hstatus.gva.eq(self.trap_gva),
                        mode.virt.eq(0),
                    ]
                    with m.If(mode.virt):
                        m.d.sync += hstatus.spvp.eq(supervisor)
            if self.virtual:
                with m.Case(Level.VS):
                    m.d.sync += [
                        vsstatus.spp.eq(supervisor),
                        vsstatus.spie.eq(vsstatus.sie),
                        vsstatus.sie.eq(0),
                        mode.privilege.eq(Privilege.S),
                    ]

    def _returns(self, m: Module, mode, mstatus, hstatus, vsstatus) -> None:
        """An xRET to a mode below M clears MPRV (3.1.6.3); MPV does not matter for a return to M."""
        below = mstatus.mpp != Privilege.M
        to_virt = mstatus.mpv & below & (self.hypervisor | self.outstanding)
        m.d.comb += [
            self.abandons.eq(
                self.xret_valid
                & ~mode.virt
                & Mux(self.xret_machine, below & ~to_virt, mode.privilege == Privilege.M)
            ),
            self.root_changes.eq(
                (self.trap_valid & (self.trap_level == Level.HS))
                | (self.xret_valid & ~self.xret_machine & ~mode.virt)
            ),
        ]
        # What H has left in hstatus is nothing to the other architectures.
        by_sret = hstatus.spv & self.hypervisor
        m.d.comb += self.entering_guest.eq(~mode.virt & Mux(self.xret_machine, to_virt, by_sret))
        with m.If(self.xret_valid):
            with m.If(self.xret_machine):
                m.d.sync += [
                    mode.privilege.eq(mstatus.mpp),
                    mstatus.mie.eq(mstatus.mpie),
                    mstatus.mpie.eq(1),
                    mstatus.mpp.eq(Privilege.U),
                ]
                if self.virtual:
                    m.d.sync += [mode.virt.eq(to_virt), mstatus.mpv.eq(0)]
                with m.If(mstatus.mpp != Privilege.M):
                    m.d.sync += mstatus.mprv.eq(0)
            with m.Elif(~mode.virt):
                m.d.sync += [
                    mode.privilege.eq(Mux(mstatus.spp, Privilege.S, Privilege.U)),
                    mstatus.sie.eq(mstatus.spie),
                    mstatus.spie.eq(1),
                    mstatus.spp.eq(0),
                    mstatus.mprv.eq(0),
                ]
                if self.virtual:
                    m.d.sync += [mode.virt.eq(by_sret), hstatus.spv.eq(0)]
            if self.virtual:
                with m.Else():
                    m.d.sync += [
                        mode.privilege.eq(Mux(vsstatus.spp, Privilege.S, Privilege.U)),
                        vsstatus.sie.eq(vsstatus.spie),
                        vsstatus.spie.eq(1),
                        vsstatus.spp.eq(0),
                    ]

    def _transitions(self, m: Module, mode, mstatus) -> None:
        with m.If(self.enter):
            m.d.sync += [
                mode.virt.eq(1),
                mode.privilege.eq(Mux(self.trap_valid | self.enter_supervisor, Privilege.S, Privilege.U)),
            ]
        with m.If(self.leave):
            m.d.sync += [mode.virt.eq(0), mode.privilege.eq(Privilege.S)]
        with m.If(self.changed):
            m.d.sync += [mstatus.mpv.eq(0), mstatus.gva.eq(0)]
