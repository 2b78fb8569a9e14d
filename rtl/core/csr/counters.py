"""mcycle, minstret and the programmable counters."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.core.csr.registers import CsrWrite, on_write, plain_register
from rtl.core.interface import Events, Mode
from rtl.isa.causes import GUEST_PAGE_FAULTS, Cause
from rtl.isa.csr_state import COUNTERS, csr_states
from rtl.isa.events import EVENT_MASK, HpmEvent, ModeInhibit
from rtl.isa.privilege import Privilege

__all__ = ["Counters"]


def _event_bits(events: wiring.PureInterface) -> Value:
    """All events, at the bit number of their ``HpmEvent``."""
    exception_exit = events.vm_exit & ~events.exit_interrupt
    bits = {
        HpmEvent.NONE: Const(0, 1),
        HpmEvent.CYCLE: Const(1, 1),
        HpmEvent.VM_EXIT_INTERRUPT: events.vm_exit & events.exit_interrupt,
        HpmEvent.VM_EXIT_ECALL: exception_exit & (events.exit_cause == Cause.ECALL_VS),
        HpmEvent.VM_EXIT_GUEST_PAGE_FAULT: exception_exit & events.exit_cause.matches(*GUEST_PAGE_FAULTS),
        HpmEvent.VM_EXIT_VIRTUAL_INSTRUCTION: exception_exit
        & (events.exit_cause == Cause.VIRTUAL_INSTRUCTION),
    }
    return Cat(bits[event] if event in bits else getattr(events, event.name.lower()) for event in HpmEvent)


class Counters(wiring.Component):
    """Privileged spec 3.1.10 (counters), 3.1.12 (mcountinhibit); events of ``rtl.isa.events``.

    The values as read include instructions that retire in the same cycle: they are older than the reader.
    A write wins over the count of its cycle, and the writer's own retirement is not counted, so the next
    instruction reads what was written.

    Members
    -------
    write: CSR writes
    mode: current mode
    retired: how many instructions complete in this cycle (the writer of a CSR always alone)
    events: what happens in this cycle
    mcycle, minstret, mhpmcounter3 ..., mcountinhibit, mhpmevent3 ...: the registers as read
    """

    def __init__(self):
        names = [f"mhpm{kind}{n}" for n in COUNTERS for kind in ("counter", "event")]
        super().__init__(
            {
                "write": In(CsrWrite),
                "mode": In(Mode),
                "retired": In(2),
                "events": In(Events),
                **{name: Out(64) for name in ("mcycle", "minstret", "mcountinhibit", *names)},
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        inhibit = plain_register(m, self.write, csr_states()["mcountinhibit"])
        m.d.comb += self.mcountinhibit.eq(inhibit)
        self._cycle(m, inhibit[0])
        self._instret(m, inhibit[2])
        events = Signal(len(HpmEvent))
        mode_bit = self._mode_bit(m)
        m.d.comb += events.eq(_event_bits(self.events))
        for n in COUNTERS:
            self._programmable(m, n, inhibit[n], events, mode_bit)
        return m

    def _cycle(self, m: Module, inhibit: Value) -> None:
        cycles = Signal(64, reset_less=True)
        m.d.comb += self.mcycle.eq(cycles)
        with m.If(~inhibit):
            m.d.sync += cycles.eq(cycles + 1)
        with on_write(m, self.write, "mcycle"):
            m.d.sync += cycles.eq(self.write.value)

    def _instret(self, m: Module, inhibit: Value) -> None:
        """3.1.10: an instruction's own count comes before what it writes. The writer of minstret or
        mcountinhibit retires after its write, so it must not count on top of the former, and must count as
        before the latter."""
        retired = Signal(64, reset_less=True)
        writer_pending, stopped = Signal(), Signal()
        counts = ~writer_pending & ~stopped
        m.d.comb += self.minstret.eq(retired)
        with m.If(counts):
            m.d.comb += self.minstret.eq(retired + self.retired)
        with m.If(self.retired.any()):
            m.d.sync += [retired.eq(self.minstret), writer_pending.eq(0), stopped.eq(inhibit)]
        with on_write(m, self.write, "minstret"):
            m.d.sync += [retired.eq(self.write.value), writer_pending.eq(1)]

    def _mode_bit(self, m: Module) -> Signal:
        """The mode as one of the inhibit bits, from bit 0 for ``ModeInhibit.VU``."""
        bit = Signal(5)
        virt = self.mode.virt
        names = {
            Privilege.M: (ModeInhibit.M, ModeInhibit.M),
            Privilege.S: (ModeInhibit.HS, ModeInhibit.VS),
            Privilege.U: (ModeInhibit.U, ModeInhibit.VU),
        }
        with m.Switch(self.mode.privilege):
            for privilege, (host, guest) in names.items():
                with m.Case(privilege):
                    m.d.comb += bit.eq(Mux(virt, 1 << (guest - ModeInhibit.VU), 1 << (host - ModeInhibit.VU)))
        return bit

    def _programmable(self, m: Module, n: int, inhibit: Value, events: Value, mode_bit: Value) -> None:
        state = csr_states()[f"mhpmevent{n}"]
        selector = plain_register(m, self.write, state)
        count = Signal(64, name=f"count{n}", reset_less=True)
        stopped = (selector[ModeInhibit.VU : ModeInhibit.M + 1] & mode_bit).any()
        event = events.bit_select(selector & EVENT_MASK, 1)
        m.d.comb += [
            getattr(self, f"mhpmevent{n}").eq(selector),
            getattr(self, f"mhpmcounter{n}").eq(count),
        ]
        both = (selector[:5] == HpmEvent.RETIRE) & self.events.retire_second
        with m.If(selector[:5] != HpmEvent.NONE), m.If(event & ~stopped & ~inhibit):
            m.d.sync += count.eq(count + Cat(~both, both))
        with on_write(m, self.write, f"mhpmcounter{n}"):
            m.d.sync += count.eq(self.write.value)
