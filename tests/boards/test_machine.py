"""What surrounds the core on a board, with the test in the hart's place."""

import pytest
from amaranth.sim import Simulator

from boards.machine import BoardMachine
from rtl.config import SocConfig
from rtl.isa.memory_map import (
    BOOT_ROM,
    DRAM_BASE,
    FINISHER,
    FINISHER_FAIL,
    FINISHER_PASS,
    UART,
    VIRTIO,
)
from rtl.isa.uart import Lsr, Register
from rtl.platform.boot_rom import BOOT_ENTRY_OFFSET
from tests.platform.core_stub import CoreStub, Hart

ENTRY = DRAM_BASE + 0x40
DIVISOR = 16


def run(testbench, *others) -> None:
    """Run ``testbench(ctx, hart, machine)``, with ``others(ctx, machine)`` beside it."""
    core = CoreStub()
    machine = BoardMachine(
        SocConfig(),
        clock_hz=DIVISOR * 1e6,
        baud=1_000_000,
        memory=4096,
        segments={ENTRY: b"Bivisor!"},
        entry=ENTRY,
        core=core,
    )
    simulator = Simulator(machine)
    simulator.add_clock(1e-6)

    async def main(ctx):
        ctx.set(machine.rx, 1)
        await testbench(ctx, Hart(ctx, core.hart), machine)

    simulator.add_testbench(main)
    for other in others:

        async def beside(ctx, other=other):
            await other(ctx, machine)

        simulator.add_testbench(beside)
    simulator.run()


def test_the_program_is_in_memory_and_the_boot_rom_knows_where():
    async def bench(ctx, hart, machine):
        assert await hart.read(BOOT_ROM.base + BOOT_ENTRY_OFFSET, 3) == ENTRY
        assert (await hart.read(ENTRY, 3)).to_bytes(8, "little") == b"Bivisor!"
        await hart.write(DRAM_BASE + 9, 0x5A, 0)
        assert await hart.read(DRAM_BASE + 8, 3) == 0x5A00
        assert await hart.fails(hart.read(DRAM_BASE + 4096, 3))

    run(bench)


def test_the_console_is_the_serial_line():
    sent = []

    async def bench(ctx, hart, machine):
        await hart.write(UART.base + Register.THR, 0x42, 0)
        for bit in (0, *(0x63 >> place & 1 for place in range(8)), 1):
            ctx.set(machine.rx, bit)
            await ctx.tick().repeat(DIVISOR)
        while not await hart.read(UART.base + Register.LSR, 0) & Lsr.DR:
            pass
        assert await hart.read(UART.base + Register.RBR, 0) == 0x63

    async def listen(ctx, machine):
        await ctx.tick().until(~machine.tx)
        await ctx.tick().repeat(DIVISOR // 2)
        for _ in range(10):
            sent.append(ctx.get(machine.tx))
            await ctx.tick().repeat(DIVISOR)

    run(bench, listen)
    assert sent == [0, *(0x42 >> place & 1 for place in range(8)), 1]


@pytest.mark.parametrize(("command", "passed"), [(FINISHER_PASS, 1), (FINISHER_FAIL, 0)])
def test_lights_show_how_the_program_ended(command, passed):
    async def bench(ctx, hart, machine):
        assert not ctx.get(machine.passed) | ctx.get(machine.failed)
        await hart.write(FINISHER.base, command)
        await ctx.tick().repeat(3)
        assert (ctx.get(machine.passed), ctx.get(machine.failed)) == (passed, 1 - passed)

    run(bench)


def test_a_slot_without_a_device_answers_with_an_error():
    async def bench(ctx, hart, machine):
        assert await hart.fails(hart.read(VIRTIO.base, 2))

    run(bench)
