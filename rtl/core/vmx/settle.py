"""What a transition writes to the VMCS behind the scenes, one field per cycle."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.core.interface import Mode
from rtl.core.vmx.fields import INDEX, INDEX_BITS
from rtl.isa.xvmx import EventBits

__all__ = ["Settle"]


class Settle(wiring.Component):
    """Members
    -------
    exits: a VM exit begins that saves the guest's group; ``from_mode`` is its mode
    pc: the address of the exit, from the next cycle on
    sp: the guest's x2, until the exit ends
    saves_timer, timer, waits: write the timer's value; write G_ACTIVITY back to 0
    enters: an entry delivers the event ``event_interrupt``, ``event_code``, which is then no more valid
    claims, claim_index, claim_value: one word of the guest's interrupt file changes
    busy: not all is written yet
    valid, index, value: a field to write in this cycle
    """

    exits: In(1)
    from_mode: In(Mode)
    pc: In(64)
    sp: In(64)
    saves_timer: In(1)
    timer: In(32)
    waits: In(1)
    enters: In(1)
    event_interrupt: In(1)
    event_code: In(6)
    claims: In(1)
    claim_index: In(INDEX_BITS)
    claim_value: In(64)
    busy: Out(1)
    valid: Out(1)
    index: Out(INDEX_BITS)
    value: Out(64)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        interrupt = EventBits.INTERRUPT.bit_length() - 1
        privilege = Signal(1)
        timer = Signal(32)
        event = Cat(self.event_code, Const(0, interrupt - 6), self.event_interrupt, Const(0, 1))
        # x2 first: it is the host's soon.
        writes = {
            "sp": (INDEX["G_SP"], self.sp),
            "pc": (INDEX["G_PC"], self.pc),
            "privilege": (INDEX["G_PRIV"], privilege),
            "activity": (INDEX["G_ACTIVITY"], 0),
            "timer": (INDEX["PREEMPT_TIMER"], timer),
            "event": (INDEX["ENTRY_EVENT"], event),
            "claim": (self.claim_index, self.claim_value),
        }
        pending = Signal(len(writes))
        due = {name: pending[n] for n, name in enumerate(writes)}
        m.d.comb += [self.busy.eq(pending != 0), self.valid.eq(self.busy)]
        with m.If(self.busy):
            for n, (index, value) in enumerate(writes.values()):
                with m.If(pending[n]) if n == 0 else m.Elif(pending[n]):
                    m.d.comb += [self.index.eq(index), self.value.eq(value)]
                    m.d.sync += pending[n].eq(0)
        with m.If(self.exits):
            m.d.sync += [
                privilege.eq(self.from_mode.privilege),
                timer.eq(self.timer),
                due["sp"].eq(1),
                due["pc"].eq(1),
                due["privilege"].eq(1),
                due["activity"].eq(self.waits),
                due["timer"].eq(self.saves_timer),
            ]
        with m.If(self.enters):
            m.d.sync += due["event"].eq(1)
        with m.If(self.claims):
            m.d.sync += due["claim"].eq(1)
        return m
