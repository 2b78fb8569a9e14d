"""Interrupt registers, supervisor timers, and the choice of the interrupt to take."""

from contextlib import nullcontext

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from rtl.core.csr.registers import CsrWrite, on_write, plain_register
from rtl.core.interface import CsrOp, InterruptLines, Mode
from rtl.isa.causes import INTERRUPT_PRIORITY, VS_INTERRUPTS, Interrupt
from rtl.isa.csr_state import M_INTERRUPTS, S_INTERRUPTS, csr_states
from rtl.isa.privilege import Privilege

__all__ = ["Interrupts"]

Pending = data.FlexibleLayout(13, {bit.name.lower(): data.Field(1, bit) for bit in Interrupt})
"""The interrupt bits of ``mip`` and ``mie``."""

_VALUES = ("mie", "mip", "sie", "sip", "hie", "hip", "hvip", "vsie", "vsip", "stimecmp", "vstimecmp")


class Interrupts(wiring.Component):
    """Privileged spec 3.1.9 (mip, mie), 12.1.3 (sip, sie); H chapter (hvip, hip, hie, vsip, vsie); Sstc;
    docs/xvmx.md, section 5. With Xvmx, hvip holds VIRQ and the VS-level bits of mie G_SIE.

    STIP and VSTIP of the timers reach interrupts one cycle after the comparison (the specification lets them
    be late), but reads of the pending registers show the comparison itself.

    Parameters
    ----------
    virtual: what is built
    short: choose without looking first whether there is anything, which only spares the simulator work

    Members
    -------
    write: CSR writes; with ``op`` and ``operand`` of the instruction for the SEIP bit of mip
    mode, m_enable, hs_enable, vs_enable: current mode; MIE, SIE of sstatus, SIE of vsstatus
    mideleg, hideleg: delegation
    lines: interrupt inputs
    time, guest_time: mtime, and mtime + htimedelta
    stce, vs_stce: stimecmp is in use (menvcfg.STCE), vstimecmp is too (henvcfg.STCE)
    hypervisor, xvmx: what is visible
    extint: physical interrupts exit from V = 1 (Xvmx)
    external: the guest's interrupt file holds something (Xvmx)
    event: something else than an interrupt makes V = 1 exit now (Xvmx)
    acknowledge: clear mip.SSIP
    valid, cause: an interrupt is to be taken now; its bit number in ``mip``
    exit, physical: it is a VM exit of Xvmx; because of a physical interrupt, ``cause``
    wake: something is pending and locally enabled (WFI ends)
    mie ... vstimecmp: values of the registers as read
    software: the bits of mip that software holds there
    """

    def __init__(self, virtual: bool = True, short: bool = False):
        self.virtual = virtual
        self.short = short
        super().__init__(
            {
                "write": In(CsrWrite),
                "op": In(CsrOp),
                "operand": In(64),
                "mode": In(Mode),
                "m_enable": In(1),
                "hs_enable": In(1),
                "vs_enable": In(1),
                "mideleg": In(64),
                "hideleg": In(64),
                "lines": In(InterruptLines),
                "time": In(64),
                "guest_time": In(64),
                "stce": In(1),
                "vs_stce": In(1),
                "hypervisor": In(1),
                "xvmx": In(1),
                "extint": In(1),
                "external": In(1),
                "event": In(1),
                "acknowledge": In(1),
                "exit": Out(1),
                "physical": Out(1),
                "valid": Out(1),
                "cause": Out(6),
                "wake": Out(1),
                "software": Out(64),
                **{name: Out(64) for name in _VALUES},
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        timer, vs_timer = self._timers(m)
        # The same flags a cycle later: keeps the comparators off the path from an interrupt to fetch.
        timer_taken, vs_timer_taken = Signal(), Signal()
        m.d.sync += [timer_taken.eq(timer), vs_timer_taken.eq(vs_timer)]

        software, hvip = self._software(m)
        shown, taken = Signal(13), Signal(13)
        for pending, s_timer, v_timer in ((shown, timer, vs_timer), (taken, timer_taken, vs_timer_taken)):
            sources = {
                Interrupt.SSI: software.ssi,
                Interrupt.VSSI: hvip[Interrupt.VSSI],
                Interrupt.MSI: self.lines.msip,
                Interrupt.STI: Mux(self.stce, s_timer, software.sti),
                Interrupt.VSTI: hvip[Interrupt.VSTI] | v_timer,
                Interrupt.MTI: self.lines.mtip,
                Interrupt.SEI: software.sei | self.lines.seip,
                Interrupt.VSEI: hvip[Interrupt.VSEI],
                Interrupt.MEI: self.lines.meip,
            }
            m.d.comb += pending.eq(Cat(sources.get(n, Const(0, 1)) for n in range(13)))
            if self.virtual:
                self._shared(m, pending, sources)

        enabled = self._enables(m)
        self._views(m, shown, enabled, software, hvip)
        self._choice(m, taken & enabled)
        return m

    def _shared(self, m: Module, pending: Value, sources: dict) -> None:
        """Xvmx: what the guest sees besides VIRQ and its timer."""
        with m.If(self.xvmx):
            m.d.comb += pending[Interrupt.VSEI].eq(sources[Interrupt.VSEI] | self.external)
        with m.If(self.xvmx & ~self.extint):
            for guest, own in ((Interrupt.VSSI, Interrupt.SSI), (Interrupt.VSTI, Interrupt.STI)):
                m.d.comb += pending[guest].eq(sources[guest] | (sources[own] & self.mideleg[own]))
            seen = sources[Interrupt.SEI] & self.mideleg[Interrupt.SEI]
            m.d.comb += pending[Interrupt.VSEI].eq(sources[Interrupt.VSEI] | self.external | seen)

    def _timers(self, m: Module) -> tuple[Signal, Signal]:
        """Sstc: pending while time >= stimecmp; for VS while time + htimedelta >= vstimecmp."""
        states = csr_states(self.virtual)
        timer, vs_timer = Signal(), Signal()
        stimecmp = plain_register(m, self.write, states["stimecmp"])
        m.d.comb += [self.stimecmp.eq(stimecmp), timer.eq(self.stce & (self.time >= stimecmp))]
        if self.virtual:
            vstimecmp = plain_register(m, self.write, states["vstimecmp"])
            m.d.comb += [
                self.vstimecmp.eq(vstimecmp),
                vs_timer.eq(self.vs_stce & (self.guest_time >= vstimecmp)),
            ]
        return timer, vs_timer

    def _software(self, m: Module) -> tuple[Signal, Signal]:
        """The pending bits that software writes: those of mip at S level, and hvip."""
        value = self.write.value
        software = Signal(Pending)
        hvip = Signal(13)
        with on_write(m, self.write, "mip"):
            m.d.sync += software.ssi.eq(value[Interrupt.SSI])
            with m.If(~self.stce):
                m.d.sync += software.sti.eq(value[Interrupt.STI])
            # 3.1.9: the read of a read-modify-write sees only the software bit, not the line.
            with m.Switch(self.op):
                bit = self.operand[Interrupt.SEI]
                with m.Case(CsrOp.SET):
                    m.d.sync += software.sei.eq(software.sei | bit)
                with m.Case(CsrOp.CLEAR):
                    m.d.sync += software.sei.eq(software.sei & ~bit)
                with m.Default():
                    m.d.sync += software.sei.eq(bit)
        with on_write(m, self.write, "sip"), m.If(self.mideleg[Interrupt.SSI]):
            m.d.sync += software.ssi.eq(value[Interrupt.SSI])
        if self.virtual:
            with on_write(m, self.write, "hvip"):
                m.d.sync += hvip.eq(value & VS_INTERRUPTS)
            for alias in ("mip", "hip"):
                with on_write(m, self.write, alias), m.If(self.hypervisor):
                    m.d.sync += hvip[Interrupt.VSSI].eq(value[Interrupt.VSSI])
            with on_write(m, self.write, "vsip"), m.If(self.hideleg[Interrupt.VSSI]):
                m.d.sync += hvip[Interrupt.VSSI].eq(value[Interrupt.SSI])
                shared = self.xvmx & ~self.extint & self.mideleg[Interrupt.SSI]
                with m.If(shared & ~value[Interrupt.SSI]):
                    m.d.sync += software.ssi.eq(0)
            with m.If(self.acknowledge):
                m.d.sync += software.ssi.eq(0)
        return software, hvip

    def _enables(self, m: Module) -> Signal:
        """mie, and the registers that show parts of it."""
        states = csr_states(self.virtual)
        enabled = Signal(13)
        value = self.write.value

        def change(name: str, new: Value, mask: Value) -> None:
            with on_write(m, self.write, name):
                m.d.sync += enabled.eq(enabled & ~mask | new & mask)

        own = Const(S_INTERRUPTS | M_INTERRUPTS, 13)
        change("mie", value, Mux(self.hypervisor, Const(states["mie"].writable, 13), own))
        change("sie", value, (self.mideleg & S_INTERRUPTS)[:13])
        if self.virtual:
            change("hie", value, Const(states["hie"].writable, 13))
            change("vsie", value << 1, (self.hideleg & VS_INTERRUPTS)[:13])
        return enabled

    def _views(self, m: Module, pending: Value, enabled: Value, software, hvip: Value) -> None:
        s_view = self.mideleg & S_INTERRUPTS
        seen = Mux(self.hypervisor, (1 << 13) - 1, S_INTERRUPTS | M_INTERRUPTS)
        m.d.comb += [
            self.mip.eq(pending & seen),
            self.mie.eq(enabled & seen),
            self.software.eq(software.as_value()),
            self.sip.eq(pending & s_view),
            self.sie.eq(enabled & s_view),
        ]
        if self.virtual:
            hs_mask = csr_states()["hie"].writable
            m.d.comb += [
                self.hvip.eq(hvip),
                self.hip.eq(pending & hs_mask),
                self.hie.eq(enabled & hs_mask),
                self.vsip.eq((pending & self.hideleg) >> 1),
                self.vsie.eq((enabled & self.hideleg) >> 1),
            ]

    def _choice(self, m: Module, pending: Value) -> None:
        """H chapter, hip/hie: M-level first, then HS, then VS; a level is open if the mode is below it, or is
        it with its xIE set. VS-level interrupts wait while V = 0."""
        privilege, virt = self.mode.privilege, self.mode.virt
        machine = privilege == Privilege.M
        user = privilege == Privilege.U
        candidates, to_m, to_hs, to_vs = Signal(13), Signal(13), Signal(13), Signal(13)
        relevant = Signal(13)
        m.d.comb += relevant.eq(pending)
        if self.virtual:
            with m.If(~self.hypervisor & ~virt):  # VS-level bits are what another ARCH left, or the guest's
                m.d.comb += relevant.eq(pending & (S_INTERRUPTS | M_INTERRUPTS))
            with m.If(self.xvmx & virt & ~self.extint):
                m.d.comb += relevant.eq(pending & ~(self.mideleg & S_INTERRUPTS)[:13])
        pending = relevant
        m.d.comb += self.wake.eq((pending != 0) | self.event)
        with nullcontext() if self.short else m.If(self.wake):
            with m.If(~machine | self.m_enable):
                m.d.comb += to_m.eq(pending & ~self.mideleg)
            with m.If(~machine & (virt | user | self.hs_enable)):
                m.d.comb += to_hs.eq(pending & self.mideleg & ~self.hideleg)
            with m.If(virt & (user | self.vs_enable)):
                m.d.comb += to_vs.eq(pending & self.hideleg)
            m.d.comb += [
                candidates.eq(Mux(to_m != 0, to_m, Mux(to_hs != 0, to_hs, to_vs))),
                self.valid.eq((candidates != 0) | self.event),
                self.physical.eq(self.xvmx & virt & (to_m == 0) & ~self.event & (to_hs != 0)),
                self.exit.eq(self.physical | (self.event & (to_m == 0))),
            ]
            for interrupt in reversed(INTERRUPT_PRIORITY):
                with m.If(candidates[interrupt]):
                    m.d.comb += self.cause.eq(interrupt)
