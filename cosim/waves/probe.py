"""Signals for the reader of a wave: the retire and event ports held and put together, one meaning each."""

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from rtl.core.interface import Events, Retire
from rtl.isa.paging import PA_BITS

__all__ = ["EXIT_NONE", "Probe"]

EXIT_NONE = 0xFF
"""``exit_reason`` while a guest runs."""


class Probe(wiring.Component):
    """Changes nothing in the design; in trace builds only.

    Internal signals, all named for the wave (``top.probe.*``)
    ----------------------------------------------------------
    pc, instruction, mode: of the last instruction that retired or trapped; mode is privilege and V * 4
    order: how many instructions have retired
    cause: of the last trap; bit 6 tells an interrupt
    exit_reason: cause of the exit that is being handled, bit 6 tells an interrupt, bit 7 an exit of
        Xvmx by its reason; EXIT_NONE with V = 1
    memory_address, memory_data: of the last load or store that retired
    """

    retire: In(Retire)
    events: In(Events)

    def elaborate(self, platform) -> Module:
        m = Module()
        retire, events = self.retire, self.events
        pc = Signal(64)
        instruction = Signal(32)
        mode = Signal(3)
        order = Signal(64)
        cause = Signal(7)
        exit_reason = Signal(8, init=EXIT_NONE)
        memory_address = Signal(PA_BITS)
        memory_data = Signal(64)
        with m.If(retire.valid):
            m.d.sync += [
                pc.eq(retire.pc),
                instruction.eq(retire.instruction),
                mode.eq(Cat(retire.mode.privilege, retire.mode.virt)),
            ]
            with m.If(retire.trap):
                m.d.sync += cause.eq(Cat(retire.cause, retire.interrupt))
            with m.Else():
                m.d.sync += order.eq(order + 1 + retire.companion.valid)
                with m.If(retire.mem_read | retire.mem_write):
                    m.d.sync += [memory_address.eq(retire.mem_paddr), memory_data.eq(retire.mem_data)]
        with m.If(events.vm_exit):
            m.d.sync += exit_reason.eq(
                Cat(events.exit_cause[:6], events.exit_interrupt, events.exit_cause[6])
            )
        with m.Elif(events.vm_entry):
            m.d.sync += exit_reason.eq(EXIT_NONE)
        return m
