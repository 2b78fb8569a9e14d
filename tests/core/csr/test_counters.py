"""mcycle, minstret and the programmable counters."""

import pytest

from rtl.config import CoreConfig
from rtl.core.interface import CsrOp
from rtl.isa.causes import INTERRUPT_BIT, Cause
from rtl.isa.csr_state import COUNTERS
from rtl.isa.events import HpmEvent, ModeInhibit
from tests.core.csr.harness import ILLEGAL, VIRTUAL, run


def test_cycle_counts_every_cycle():
    async def test(hart):
        first = await hart.read("mcycle")
        await hart.tick(10)
        assert await hart.read("mcycle") == first + 11
        assert await hart.read("cycle") == first + 12
        await hart.write("mcycle", 1000)
        assert await hart.read("mcycle") == 1000
        await hart.write("mcycle", (1 << 64) - 1)
        await hart.tick()
        assert await hart.read("mcycle") == 0
        await hart.write("mcountinhibit", 1)
        value = await hart.read("mcycle")
        await hart.tick(5)
        assert await hart.read("mcycle") == value

    run(test)


def test_instret_read_includes_older_instructions():
    """An instruction that completes in the cycle of the read is older than the reader."""

    async def test(hart):
        unit, ctx = hart.unit, hart.ctx
        assert await hart.read("minstret") == 0
        ctx.set(unit.retired, 1)
        assert await hart.read("minstret") == 1
        assert await hart.read("instret") == 2
        ctx.set(unit.retired, 0)
        assert await hart.read("minstret") == 2
        assert await hart.read("minstret") == 2

    run(test)


def test_two_instructions_may_complete_in_a_cycle():
    async def test(hart):
        unit, ctx = hart.unit, hart.ctx
        await hart.write("mhpmevent3", HpmEvent.RETIRE)
        await hart.write("mhpmevent4", HpmEvent.RETIRE_SECOND)
        before = await hart.read("minstret")
        ctx.set(unit.retired, 2)
        ctx.set(unit.events.retire, 1)
        ctx.set(unit.events.retire_second, 1)
        await hart.tick(3)
        ctx.set(unit.retired, 0)
        ctx.set(unit.events.retire, 0)
        ctx.set(unit.events.retire_second, 0)
        assert await hart.read("minstret") == before + 6
        assert await hart.read("mhpmcounter3") == 6
        assert await hart.read("mhpmcounter4") == 3

    run(test)


@pytest.mark.parametrize("delay", [0, 3])
@pytest.mark.parametrize("older_retires", [0, 1])
def test_next_instruction_reads_what_was_written(delay, older_retires):
    """The writer's own retirement, ``delay`` + 1 cycles later, is not counted."""

    async def test(hart):
        unit, ctx = hart.unit, hart.ctx
        ctx.set(unit.retired, older_retires)
        await hart.write("minstret", 500)
        ctx.set(unit.retired, 0)
        await hart.tick(delay)
        ctx.set(unit.retired, 1)  # the writer retires while its successor reads
        assert await hart.read("minstret") == 500
        assert await hart.read("minstret") == 501
        ctx.set(unit.retired, 0)
        assert await hart.read("minstret") == 501

    run(test)


def test_instret_inhibit():
    async def test(hart):
        unit, ctx = hart.unit, hart.ctx
        await hart.write("mcountinhibit", 4)
        ctx.set(unit.retired, 1)
        assert await hart.read("minstret") == 1  # the writer still counts, as all counts precede writes
        await hart.tick(5)
        assert await hart.read("minstret") == 1
        await hart.write("mcountinhibit", 0)
        assert await hart.read("minstret") == 1  # and here the writer does not
        assert await hart.read("minstret") == 2

    run(test)


PIPELINE_EVENTS = [
    event
    for event in HpmEvent
    if event not in (HpmEvent.NONE, HpmEvent.CYCLE, HpmEvent.TRAP, HpmEvent.INTERRUPT)
    and not event.name.startswith("VM_")
]


def test_each_core_event_is_counted_by_its_number():
    async def test(hart):
        unit, ctx = hart.unit, hart.ctx
        for event in PIPELINE_EVENTS:
            await hart.write("mhpmevent3", event)
            await hart.write("mhpmevent4", HpmEvent.CYCLE)
            await hart.write("mhpmcounter3", 0)
            await hart.write("mhpmcounter4", 0)
            for other in PIPELINE_EVENTS:
                ctx.set(getattr(unit.events, other.name.lower()), 1)
                await hart.tick()
                ctx.set(getattr(unit.events, other.name.lower()), 0)
            assert await hart.read("mhpmcounter3") == 1, event.name
            assert await hart.read("mhpmcounter4") == len(PIPELINE_EVENTS) + 1
        await hart.write("mhpmevent3", HpmEvent.NONE)
        await hart.write("mhpmevent4", 31)  # a number without an event
        before = await hart.read("mhpmcounter3"), await hart.read("mhpmcounter4")
        ctx.set(unit.events.retire, 1)
        await hart.tick(4)
        assert (await hart.read("mhpmcounter3"), await hart.read("mhpmcounter4")) == before

    run(test)


def test_virtualization_events():
    """Exits by reason, as the hypervisor's statistics read them."""
    selected = dict(
        zip(
            COUNTERS,
            (
                HpmEvent.TRAP,
                HpmEvent.INTERRUPT,
                HpmEvent.VM_EXIT,
                HpmEvent.VM_ENTRY,
                HpmEvent.VM_EXIT_INTERRUPT,
                HpmEvent.VM_EXIT_ECALL,
                HpmEvent.VM_EXIT_GUEST_PAGE_FAULT,
                HpmEvent.VM_EXIT_VIRTUAL_INSTRUCTION,
            ),
            strict=True,
        )
    )

    async def test(hart):
        for n, event in selected.items():
            await hart.write(f"mhpmevent{n}", event)
        await hart.write("medeleg", 1 << Cause.LOAD_PAGE_FAULT)
        await hart.write("hedeleg", 1 << Cause.LOAD_PAGE_FAULT)
        causes = [
            Cause.ECALL_VS,
            Cause.ECALL_VS,
            Cause.FETCH_GUEST_PAGE_FAULT,
            Cause.LOAD_GUEST_PAGE_FAULT,
            Cause.STORE_GUEST_PAGE_FAULT,
            Cause.VIRTUAL_INSTRUCTION,
            INTERRUPT_BIT | 7,
            INTERRUPT_BIT | 11,
        ]
        for cause in causes:
            await hart.enter("VS")
            await hart.trap(Cause.LOAD_PAGE_FAULT)  # stays in the guest: no exit
            await hart.trap(cause)
        await hart.trap(Cause.ECALL_M)
        counts = {event: await hart.read(f"mhpmcounter{n}") for n, event in selected.items()}
        assert counts == {
            HpmEvent.TRAP: 17,
            HpmEvent.INTERRUPT: 2,
            HpmEvent.VM_EXIT: 8,
            HpmEvent.VM_ENTRY: 8,
            HpmEvent.VM_EXIT_INTERRUPT: 2,
            HpmEvent.VM_EXIT_ECALL: 2,
            HpmEvent.VM_EXIT_GUEST_PAGE_FAULT: 3,
            HpmEvent.VM_EXIT_VIRTUAL_INSTRUCTION: 1,
        }

    run(test)


@pytest.mark.parametrize("mode", ["M", "HS", "U", "VS", "VU"])
def test_mode_inhibit(mode):
    """Bit 62:58 of an event register stops the counter in one mode only."""

    async def test(hart):
        for n, bit in zip(COUNTERS, ModeInhibit, strict=False):
            await hart.write(f"mhpmevent{n}", (1 << bit) | HpmEvent.CYCLE)
        if mode != "M":
            await hart.enter(mode)
        before = {n: hart.ctx.get(hart.unit.snapshot)[f"mhpmcounter{n}"] for n in COUNTERS}
        await hart.tick(7)
        after = {n: hart.ctx.get(hart.unit.snapshot)[f"mhpmcounter{n}"] for n in COUNTERS}
        for n, bit in zip(COUNTERS, ModeInhibit, strict=False):
            assert after[n] - before[n] == (0 if bit.name == mode else 7), bit.name

    run(test, CoreConfig(observe=True))


def test_programmable_counter_inhibit_and_user_copy():
    async def test(hart):
        await hart.write("mhpmevent10", HpmEvent.CYCLE)
        await hart.write("mhpmcounter10", 5)
        await hart.tick(4)
        assert await hart.read("hpmcounter10") == 9
        await hart.write("mcountinhibit", 1 << 10)
        value = await hart.read("mhpmcounter10")
        await hart.tick(4)
        assert await hart.read("mhpmcounter10") == value

    run(test)


def test_counter_enables():
    """mcounteren, hcounteren, scounteren through the unit (the whole matrix is in test_access)."""

    async def test(hart):
        await hart.write("mcounteren", 0b100)
        await hart.enter("VS")
        assert await hart.access("cycle") == ILLEGAL
        assert await hart.access("instret") == VIRTUAL
        await hart.trap(Cause.ECALL_M)
        await hart.write("hcounteren", 0b100)
        await hart.enter("VS")
        assert await hart.access("instret") == ""
        assert await hart.access("instret", write=True) == ILLEGAL
        await hart.csr("scounteren", CsrOp.WRITE, 0)
        await hart.trap(Cause.ECALL_M)
        await hart.enter("VU")
        assert await hart.access("instret") == VIRTUAL
        await hart.trap(Cause.ECALL_M)
        await hart.enter("U")
        assert await hart.access("instret") == ILLEGAL

    run(test)
