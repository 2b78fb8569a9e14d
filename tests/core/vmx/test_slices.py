"""The VMX unit's registers of ``Cuts.vmx``: what they delay stays what it is."""

import random

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.sim import Simulator

from rtl.core.stages import MemoryKind
from rtl.core.vmx.fields import BACKED, COUNT, INDEX
from rtl.core.vmx.slices import MicroSlice
from rtl.core.vmx.vmcs import Vmcs
from rtl.isa.xvmx import EventBits


def simulate(dut: wiring.Component | Module, *benches) -> None:
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    for bench in benches:
        simulator.add_testbench(bench)
    simulator.run()


def test_an_access_is_made_once_and_in_order() -> None:
    dut = MicroSlice()
    rng = random.Random(1)
    wanted = [8 * n for n in range(40)]
    made: list[int] = []

    async def offer(ctx) -> None:
        for address in wanted:
            while rng.random() < 0.4:
                await ctx.tick()
            ctx.set(dut.request.p.address, address)
            ctx.set(dut.request.p.kind, MemoryKind.LOAD)
            ctx.set(dut.request.valid, 1)
            await ctx.tick().until(dut.request.ready)
            ctx.set(dut.request.valid, 0)

    async def take(ctx) -> None:
        while len(made) < len(wanted):
            ctx.set(dut.access.ready, rng.random() < 0.5)
            _, _, ready, valid, address = await ctx.tick().sample(
                dut.access.ready, dut.access.valid, dut.access.p.address
            )
            if ready and valid:
                made.append(address)

    simulate(dut, offer, take)
    assert made == wanted


def test_nothing_is_made_behind_a_failure() -> None:
    dut = MicroSlice()

    async def bench(ctx) -> None:
        ctx.set(dut.request.valid, 1)
        await ctx.tick()
        ctx.set(dut.request.valid, 0)
        assert ctx.get(dut.access.valid)
        ctx.set(dut.fault, 1)
        assert not ctx.get(dut.access.valid)
        await ctx.tick()
        ctx.set(dut.fault, 0)
        assert not ctx.get(dut.access.valid)
        assert ctx.get(dut.request.ready)

    simulate(dut, bench)


def test_fields_later_are_the_same_fields() -> None:
    """Random writes, one per cycle, and reads, through a VMCS with the registers and one without."""
    m = Module()
    m.submodules.plain = plain = Vmcs()
    m.submodules.cut = cut = Vmcs(cut=True)
    rng = random.Random(2)
    registers: dict[bool, dict[int, int]] = {False: {}, True: {}}
    answers = {False: [0, 0], True: [0, 0]}

    def both(ctx, name: str, value: int) -> None:
        for dut in (plain, cut):
            ctx.set(getattr(dut, name), value)

    async def tick(ctx) -> None:
        """A cycle in which backed fields are read and written in a CSR unit of their own, which answers with
        the registers two cycles later."""
        for dut in (plain, cut):
            held = registers[dut is cut]
            number = ctx.get(dut.csr_number)
            answer = held.get(number, 0) if ctx.get(dut.csr_read) else 0
            ctx.set(dut.csr_value, answers[True].pop(0) if dut is cut else answer)
            answers[dut is cut].append(answer)
            if ctx.get(dut.csr_write):
                assert number in BACKED.values()
                held[number] = ctx.get(dut.csr_data)
        await ctx.tick()

    async def bench(ctx) -> None:
        for _ in range(300):
            for _ in range(rng.randrange(4)):
                both(ctx, "write", 1)
                both(ctx, "write_index", rng.choice((rng.randrange(COUNT), INDEX["VIRQ"], INDEX["PIN_CTLS"])))
                both(ctx, "write_value", rng.choice((0, EventBits.VALID | 5, rng.getrandbits(64))))
                await tick(ctx)
            both(ctx, "write", 0)
            await tick(ctx)
            while ctx.get(cut.writing):
                await tick(ctx)
            assert registers[True] == registers[False]
            for name in ("pin", "proc", "leaving", "event_valid", "event_code", "supervisor", "pending"):
                assert ctx.get(getattr(cut, name)) == ctx.get(getattr(plain, name)), name
            both(ctx, "ask", 1)
            for name in ("controls_bad", "host_bad", "guest_bad"):
                assert ctx.get(getattr(cut, name)) == ctx.get(getattr(plain, name)), name
            both(ctx, "read", 1)
            for _ in range(rng.randrange(1, 4)):
                both(ctx, "index", rng.randrange(COUNT))
                cycles = 0
                while not ctx.get(cut.there):
                    cycles += 1
                    assert cycles < 6
                    await tick(ctx)
                ctx.set(plain.csr_value, registers[False].get(ctx.get(plain.csr_number), 0))
                assert ctx.get(cut.value) == ctx.get(plain.value)
                await tick(ctx)
            both(ctx, "read", 0)
            await tick(ctx)

    simulate(m, bench)
    assert len(registers[True]) > 5
