"""Events that arise in the CSR unit."""

from amaranth.hdl import Module

from rtl.core.csr.registers import Level
from rtl.core.vmx.record import exit_reason
from rtl.isa.events import EXIT_OF_XVMX

__all__ = ["connect_events"]


def connect_events(unit, m: Module, level, code, status, roots, counters) -> None:
    """The core's events, with those that arise in the CSR unit (``level``, ``code``: of the trap, see
    ``Delegation``); all of them go to the counters."""
    out, trap = unit.events_out, unit.trap
    m.d.comb += [
        out.eq(unit.events),
        out.trap.eq(trap.valid),
        out.interrupt.eq(trap.valid & trap.trap.interrupt),
        out.vm_exit.eq(trap.valid & unit.mode.virt & (level != Level.VS)),
        out.vm_entry.eq((unit.xret.valid & status.entering_guest) | unit.vmx.enter),
        out.exit_interrupt.eq(trap.trap.interrupt),
        out.exit_cause.eq(code),
        out.exit_to_machine.eq(level == Level.MACHINE),
        out.vmid.eq(roots.hgatp.vmid),
        counters.retired.eq(unit.retired),
    ]
    when = m.d.sync if unit.config.cuts.execute else m.d.comb
    when += [counters.events.eq(out), counters.mode.eq(unit.mode)]
    if unit.config.xvmx:
        with m.If(trap.exits):
            m.d.comb += [
                out.exit_interrupt.eq(0),
                out.exit_cause.eq(EXIT_OF_XVMX | exit_reason(trap.trap)),
            ]
