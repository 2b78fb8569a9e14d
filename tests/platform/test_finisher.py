"""Test finisher: the three commands, and that the first one counts."""

import pytest

from rtl.isa.memory_map import FINISHER_FAIL, FINISHER_PASS, FINISHER_RESET
from rtl.platform.finisher import Finisher
from tests.platform.bus import simulate


@pytest.mark.parametrize(
    ("size", "value", "expected"),
    [
        (2, FINISHER_PASS, (1, FINISHER_PASS)),
        (1, FINISHER_PASS, (1, FINISHER_PASS)),
        (2, FINISHER_PASS | 5 << 16, (1, FINISHER_PASS)),
        (2, FINISHER_FAIL | 42 << 16, (1, FINISHER_FAIL | 42 << 16)),
        (2, FINISHER_FAIL | 0xFFFF << 16, (1, FINISHER_FAIL | 0xFFFF << 16)),
        (2, FINISHER_FAIL, (1, FINISHER_FAIL | 1 << 16)),
        (1, FINISHER_FAIL, (1, FINISHER_FAIL | 1 << 16)),
        (2, FINISHER_RESET, (1, FINISHER_RESET)),
        (2, 0x1234, (0, 0)),
        (2, 0, (0, 0)),
    ],
)
def test_command(size, value, expected):
    finisher = Finisher()

    async def testbench(ctx, bus):
        await bus.write(0, value, size)
        assert (ctx.get(finisher.valid), ctx.get(finisher.code)) == expected
        assert await bus.read(0) == 0

    simulate(finisher, testbench)


def test_first_command_counts():
    finisher = Finisher()

    async def testbench(ctx, bus):
        await bus.write(0, FINISHER_FAIL | 3 << 16)
        await bus.write(0, FINISHER_RESET)
        assert (ctx.get(finisher.valid), ctx.get(finisher.code)) == (1, FINISHER_FAIL | 3 << 16)

    simulate(finisher, testbench)


def test_other_offsets_and_sizes_do_nothing():
    finisher = Finisher()

    async def testbench(ctx, bus):
        await bus.write(4, FINISHER_PASS)
        assert await bus.refuses(0, 0, write=True) and await bus.refuses(0, 3, write=True)
        assert not ctx.get(finisher.valid)

    simulate(finisher, testbench)
