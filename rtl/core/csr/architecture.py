"""mvirt: which virtualization architecture is visible."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.core.csr.registers import CsrWrite, Level, on_write
from rtl.isa.csrs import CSRS
from rtl.isa.xvmx import Arch, capabilities

__all__ = ["Architecture", "connect_architecture"]


class Architecture(wiring.Component):
    """docs/xvmx.md, section 1. A hart without Xvmx has no ``mvirt``: its architecture is what is built.

    Parameters
    ----------
    hypervisor, xvmx: what is built

    Members
    -------
    write: CSR writes
    hypervisor: ARCH is 1
    xvmx: ARCH is 2
    hole: U mode reads sstatus
    nos2: no second stage
    changed: ARCH changes at the end of this cycle
    flush: translations change their meaning at the end of this cycle
    mvirt, svmxcap: the registers as read
    """

    write: In(CsrWrite)
    hypervisor: Out(1)
    xvmx: Out(1)
    hole: Out(1)
    nos2: Out(1)
    changed: Out(1)
    flush: Out(1)
    mvirt: Out(64)
    svmxcap: Out(64)

    def __init__(self, hypervisor: bool = True, xvmx: bool = True):
        self.built = [arch for arch, here in ((Arch.H, hypervisor), (Arch.XVMX, xvmx)) if here] + [Arch.NONE]
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if Arch.XVMX not in self.built:
            m.d.comb += self.hypervisor.eq(Arch.H in self.built)
            return m
        fields = {name: CSRS["mvirt"].field(name).lo for name in ("ARCH", "HOLE", "NOS2")}
        arch = Signal(2, init=Arch.H if Arch.H in self.built else Arch.NONE)
        hole, nos2 = Signal(), Signal()
        value = self.write.value
        wanted = Signal(2)
        m.d.comb += [
            wanted.eq(value[fields["ARCH"] : fields["ARCH"] + 2]),
            self.hypervisor.eq(arch == Arch.H),
            self.xvmx.eq(arch == Arch.XVMX),
            self.hole.eq(hole),
            self.nos2.eq(nos2),
            self.mvirt.eq(
                Cat(
                    arch,
                    Const(0, fields["HOLE"] - 2),
                    hole,
                    Const(0, fields["NOS2"] - fields["HOLE"] - 1),
                    nos2,
                )
            ),
            self.svmxcap.eq(Mux(nos2, capabilities(nos2=True), capabilities())),
        ]
        with on_write(m, self.write, "mvirt"):
            m.d.sync += [hole.eq(value[fields["HOLE"]]), nos2.eq(value[fields["NOS2"]])]
            m.d.comb += self.flush.eq(self.changed | (nos2 != value[fields["NOS2"]]))
            with m.If(wanted.matches(*(int(other) for other in self.built))):
                m.d.sync += arch.eq(wanted)
                m.d.comb += self.changed.eq(wanted != arch)
        return m


def connect_architecture(unit, m: Module, status, delegation, level, interrupts, roots, environment) -> None:
    """What mvirt says to the parts of the CSR unit, and what the VMX unit says to them and learns of them
    (``level``: of the trap, see ``Delegation``)."""
    architecture, vmx = unit.architecture, unit.vmx
    time_before = Signal()
    m.d.sync += time_before.eq(unit.time[0])
    for part in (status, interrupts):
        m.d.comb += [
            part.hypervisor.eq(architecture.hypervisor),
            part.xvmx.eq(architecture.xvmx),
        ]
    m.d.comb += [
        delegation.xvmx.eq(architecture.xvmx),
        delegation.exception_bitmap.eq(vmx.exception_bitmap),
        roots.raw.eq(vmx.write),
        roots.nos2.eq(architecture.nos2),
        environment.offset.eq(~architecture.xvmx | vmx.time_offset),
        status.changed.eq(architecture.changed),
        status.enter.eq(vmx.enter),
        status.enter_supervisor.eq(vmx.enter_supervisor),
        status.leave.eq(vmx.leave),
        status.outstanding.eq(vmx.outstanding),
        vmx.active.eq(architecture.xvmx),
        vmx.changed.eq(architecture.changed),
        vmx.nos2.eq(architecture.nos2),
        vmx.mode.eq(status.mode),
        vmx.guest_sie.eq(status.vsstatus.sie),
        vmx.tick.eq(unit.time[0] != time_before),
        vmx.abandoned.eq(status.abandons),
        vmx.delivered.eq(unit.trap.valid & (level == Level.VS)),
        vmx.root_changes.eq(status.root_changes),
    ]
