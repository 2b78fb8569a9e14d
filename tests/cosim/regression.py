"""cocotb tests that test_harness.py runs in the simulator."""

import cocotb

from cosim.harness import Machine
from tests.cosim.programs import ending, printing, program
from tests.cosim.standin import Op


@cocotb.test()
async def good_dialogue(dut):
    """Loads, waits for a prompt, types, and sees the echo and the end."""
    machine = Machine(dut)
    machine.load(program(*printing("> "), (Op.ECHO, 0, 0), (Op.ECHO, 0, 0), ending(3)))
    assert await machine.run(until="> ", max_cycles=100_000) == "until"
    before = machine.cycles
    assert await machine.run(max_cycles=1000) == "limit"
    assert machine.cycles == before + 1000
    machine.send("ok")
    assert await machine.run() == "exit"
    assert machine.console == "> ok"
    assert machine.result("exit").code == 3
    assert machine.instructions == 5


@cocotb.test()
async def bad_expectation(dut):
    """Fails on purpose."""
    machine = Machine(dut)
    machine.load(program(ending(0)))
    await machine.run()
    assert machine.console == "something else"
