"""cocotb tests of the real machine (test_machine.py runs them)."""

import cocotb

from cosim.bench.programs import build_program
from cosim.harness import Machine


@cocotb.test()
async def results_are_in_memory_after_the_end(dut):
    """The program's last stores are in the write-back cache; DMA sees them all the same."""
    machine = Machine(dut)
    program = machine.load(build_program("compute"))
    assert await machine.run(max_cycles=20_000_000) == "exit"
    raw = await machine.read(program.symbols["results"], 16)
    cycles, instructions = (int.from_bytes(raw[at : at + 8], "little") for at in (0, 8))
    # Two instructions a cycle at most.
    assert 0 < instructions <= 2 * cycles < 2 * machine.cycles
    await machine.write(program.symbols["results"], b"12345678")
    assert await machine.read(program.symbols["results"], 8) == b"12345678"
