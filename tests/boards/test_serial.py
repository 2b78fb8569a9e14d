"""The serial line, against itself and against a line driven bit by bit."""

import pytest
from amaranth import Module
from amaranth.lib import wiring
from amaranth.sim import Simulator

from boards.serial import SerialReceiver, SerialTransmitter, divisor

DIVISOR = 8


class Loop(wiring.Component):
    """Transmitter into receiver, whose divisors may differ a little."""

    def __init__(self, receiver_divisor: int = DIVISOR) -> None:
        self.transmitter = SerialTransmitter(DIVISOR)
        self.receiver = SerialReceiver(receiver_divisor)
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        m.submodules.transmitter, m.submodules.receiver = self.transmitter, self.receiver
        m.d.comb += self.receiver.line.eq(self.transmitter.line)
        return m


def run(dut, *benches) -> None:
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    for bench in benches:
        simulator.add_testbench(bench)
    simulator.run()


async def take(ctx, stream, count: int) -> list[int]:
    """The next ``count`` bytes."""
    ctx.set(stream.ready, 1)
    got = []
    while len(got) < count:
        *_, valid, payload = await ctx.tick().sample(stream.valid, stream.payload)
        if valid:
            got.append(payload)
    return got


def test_bytes_arrive_as_sent():
    dut = Loop()
    message = list(b"\x00\xff\x55\xaaBivisor")
    got = []

    async def send(ctx):
        ctx.set(dut.transmitter.bytes.valid, 1)
        for byte in message:
            ctx.set(dut.transmitter.bytes.payload, byte)
            await ctx.tick().until(dut.transmitter.bytes.ready)
        ctx.set(dut.transmitter.bytes.valid, 0)

    async def receive(ctx):
        got.extend(await take(ctx, dut.receiver.bytes, len(message)))

    run(dut, send, receive)
    assert got == message


def frame(byte: int, stop: int = 1) -> list[int]:
    return [0, *(byte >> bit & 1 for bit in range(8)), stop]


@pytest.mark.parametrize(
    ("bits", "expected"),
    [
        (frame(0x41), 0x41),
        ([*frame(0x41, stop=0), 1, 1, *frame(0x42)], 0x42),
    ],
    ids=["one", "after a broken one"],
)
def test_a_line_of_bits(bits, expected):
    dut = SerialReceiver(DIVISOR)
    got = []

    async def drive(ctx):
        ctx.set(dut.line, 1)
        await ctx.tick().repeat(20)
        for bit in bits:
            ctx.set(dut.line, bit)
            await ctx.tick().repeat(DIVISOR)
        ctx.set(dut.line, 1)
        await ctx.tick().repeat(20)

    async def receive(ctx):
        got.extend(await take(ctx, dut.bytes, 1))

    run(dut, drive, receive)
    assert got == [expected]


def test_a_glitch_is_no_start_bit():
    dut = SerialReceiver(DIVISOR)

    async def drive(ctx):
        ctx.set(dut.line, 1)
        await ctx.tick().repeat(20)
        ctx.set(dut.line, 0)
        await ctx.tick().repeat(2)
        ctx.set(dut.line, 1)
        for _ in range(20 * DIVISOR):
            await ctx.tick()
            assert not ctx.get(dut.bytes.valid)

    run(dut, drive)


def test_divisor():
    assert divisor(50e6, 115_200) == 434
    with pytest.raises(ValueError, match="ask for a lower rate"):
        divisor(1e6, 600_000)
