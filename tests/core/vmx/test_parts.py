"""The small parts of the VMX unit: what is written behind, boundary events, where fields are."""

from amaranth.sim import Simulator

from rtl.core.vmx.exits import BoundaryEvents
from rtl.core.vmx.fields import BACKED, GROUPS, HOST_REGISTERS, INDEX, masks
from rtl.core.vmx.settle import Settle
from rtl.isa.csrs import CSRS
from rtl.isa.xvmx import FIELDS, EventBits, ExitReason, Group, PinControl, ProcControl


def simulate(dut, bench) -> None:
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


def test_every_field_has_one_place():
    assert sorted(INDEX.values()) == list(range(len(FIELDS)))
    for group, (base, count) in GROUPS.items():
        assert [INDEX[f.name] for f in FIELDS.values() if f.group == group] == list(range(base, base + count))
    assert BACKED[INDEX["G_SATP"]] == CSRS["vsatp"].number
    assert len(set(BACKED.values())) == len(BACKED)
    assert not BACKED.keys() & masks().keys()
    assert not any(
        FIELDS[name].group in (Group.HOST, Group.READ_ONLY) for name in FIELDS if INDEX[name] in BACKED
    )
    assert len(HOST_REGISTERS) == 8


def test_an_exit_is_written_behind():
    dut = Settle()
    written = []

    async def bench(ctx):
        ctx.set(dut.exits, 1)
        ctx.set(dut.from_mode, {"privilege": 1, "virt": 1})
        ctx.set(dut.sp, 0x5555)
        ctx.set(dut.saves_timer, 1)
        ctx.set(dut.timer, 99)
        ctx.set(dut.event_interrupt, 1)
        ctx.set(dut.event_code, 5)
        ctx.set(dut.enters, 1)
        await ctx.tick()
        ctx.set(dut.exits, 0)
        ctx.set(dut.enters, 0)
        ctx.set(dut.pc, 0x8000_1234)
        while ctx.get(dut.busy):
            written.append((ctx.get(dut.index), ctx.get(dut.value)))
            await ctx.tick()
            ctx.set(dut.sp, 0)  # the host's by now
        assert not ctx.get(dut.valid)

    simulate(dut, bench)
    assert written == [
        (INDEX["G_SP"], 0x5555),
        (INDEX["G_PC"], 0x8000_1234),
        (INDEX["G_PRIV"], 1),
        (INDEX["PREEMPT_TIMER"], 99),
        (INDEX["ENTRY_EVENT"], EventBits.INTERRUPT | 5),
    ]


def test_boundary_events_in_their_order():
    dut = BoundaryEvents()

    async def bench(ctx):
        ctx.set(dut.guest, 1)
        ctx.set(dut.outstanding, 1)
        ctx.set(dut.pin, PinControl.PREEMPT)
        ctx.set(dut.timer, 3)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        for left in (3, 2, 1):
            assert (ctx.get(dut.remaining), ctx.get(dut.event)) == (left, 0)
            ctx.set(dut.tick, 0)
            await ctx.tick()
            assert ctx.get(dut.remaining) == left, "only mtime counts"
            ctx.set(dut.tick, 1)
            await ctx.tick()
        assert (ctx.get(dut.event), ctx.get(dut.reason)) == (1, ExitReason.PREEMPT)
        await ctx.tick()
        assert ctx.get(dut.remaining) == 0
        ctx.set(dut.proc, ProcControl.STEP | ProcControl.INTWIN)
        ctx.set(dut.sie, 1)
        assert ctx.get(dut.reason) == ExitReason.PREEMPT
        ctx.set(dut.stepped, 1)
        assert ctx.get(dut.reason) == ExitReason.STEP
        ctx.set(dut.stepped, 0)
        ctx.set(dut.pin, 0)
        assert (ctx.get(dut.event), ctx.get(dut.reason)) == (1, ExitReason.INTWIN)
        ctx.set(dut.sie, 0)
        assert not ctx.get(dut.event)
        ctx.set(dut.user, 1)
        assert ctx.get(dut.event)
        ctx.set(dut.guest, 0)
        assert not ctx.get(dut.event)

    simulate(dut, bench)
