"""Counting by parts: records that are made up, whose every cycle is known."""

from cosim.compare.parts import Part
from cosim.compare.rows import EMPTY, ROWS, SWITCH
from cosim.compare.samples import Sample, operations, switches, typical
from cosim.lockstep.records import Retired
from cosim.observe import RETIRE_WORDS

SYMBOLS = {symbol: 0x1000 + 8 * n for n, row in enumerate((EMPTY, *ROWS)) for symbol in [row.begin]}
SYMBOLS |= {row.end: address + 4 for row in (EMPTY, *ROWS) for address in [SYMBOLS[row.begin]]}
SYMBOLS["guest_trap"] = 0x5000
CALL, END = SYMBOLS["begin_hypercall"], SYMBOLS["end_hypercall"]
STUB, CHOICE, WORK = 0x100, 0x200, 0x300
COST = 44
"""Cycles of `exit_and_entry`."""


class Fixed:
    """Parts by the hundreds of the address; the hypervisor is fetched from below 0x1000."""

    def inside(self, address: int) -> bool:
        return address < 0x1000

    def part(self, address: int) -> Part:
        return {1: Part.STATE, 2: Part.DISPATCH}.get(address >> 8, Part.HANDLER)


def record(cycle: int, pc: int, virt: int = 1, **fields: int) -> Retired:
    return Retired(cycle, (0,) * RETIRE_WORDS).replaced(pc=pc, virt=virt, privilege=1, **fields)


def exit_and_entry(cycle: int, **fields: int) -> list[Retired]:
    """The trap, four instructions on the other side, and what is first in the guest again."""
    host = [(3, STUB), (13, CHOICE), (30, WORK), (35, STUB), (37, STUB)]
    trap = record(cycle, CALL + 2, trap=1, **fields)
    return [trap, *(record(cycle + at, pc, 0) for at, pc in host), record(cycle + COST, END)]


def test_each_cycle_has_its_part():
    stream = [record(10, 0x900), record(100, CALL), *exit_and_entry(102), record(200, 0x900)]
    (sample,) = operations(stream, SYMBOLS, Fixed())["hypercall"]
    assert sample.cycles == {
        Part.GUEST: 2,
        Part.TRANSITION: 3 + 2 + 7,  # the way out, the instruction that enters, the way in
        Part.STATE: 5,
        Part.DISPATCH: 10,
        Part.HANDLER: 17,
    }
    assert (sample.total, sample.instructions, sample.exits) == (46, 5, 1)


def test_a_host_kernel_in_vs_mode_is_not_the_guest():
    """It has V = 1 and may use the guest's own virtual addresses; where it is fetched from tells it."""
    kernel = {"fetch_paddr": 0x300}
    stream = [record(100, CALL, fetch_paddr=0x9000), record(102, CALL + 2, trap=1, fetch_paddr=0x9002)]
    stream += [record(105, STUB, 0), record(106, STUB, 0)]  # the way out, and sret to the kernel
    stream += [record(109, CALL, **kernel), record(119, WORK, **kernel), record(120, WORK, trap=1)]
    stream += [record(123, STUB, 0), record(124, STUB, 0), record(131, END, fetch_paddr=0x9004)]
    (sample,) = operations(stream, SYMBOLS, Fixed())["hypercall"]
    assert sample.cycles == {
        Part.GUEST: 2,
        Part.TRANSITION: 3 + (1 + 3) + 3 + (1 + 7),  # to the lowvisor, the kernel, the lowvisor, the guest
        Part.STATE: 0,
        Part.DISPATCH: 0,
        Part.HANDLER: 10 + 1,
    }
    assert (sample.instructions, sample.exits) == (6, 1)


def test_what_ends_in_the_handler():
    begin = SYMBOLS["begin_page_fault"]
    stream = [record(5, begin), record(9, begin + 4, trap=1), record(12, 0x5000), record(20, begin + 8)]
    (sample,) = operations(stream, SYMBOLS, Fixed())["page_fault"]
    assert (sample.total, sample.instructions, sample.exits) == (7, 0, 0)


def test_natively_only_machine_mode_is_not_the_program():
    stream = [record(5, CALL, 0), record(6, CALL + 2, 0, trap=1)]
    stream += [record(16, STUB, 0).replaced(privilege=3), record(18, END, 0)]
    (sample,) = operations(stream, SYMBOLS, None)["hypercall"]
    assert sample.cycles[Part.HANDLER] == 10 and sample.cycles[Part.GUEST] == 3


def test_a_switch_is_from_interrupt_to_guest():
    stream = [*exit_and_entry(100, interrupt=1), *exit_and_entry(200), *exit_and_entry(300, interrupt=1)]
    first, second = switches(stream, Fixed())
    assert (first.total, first.instructions, first.exits) == (COST, 5, 1) and first == second


def test_the_median_is_a_sample():
    samples = [Sample(n, dict.fromkeys(Part, n)) for n in (9, 3, 5)]
    cell = typical(samples, empty=1)
    assert (cell.cycles, cell.instructions, cell.least, cell.most) == (24, 5, 14, 44)
    assert cell.parts[Part.GUEST] == 4 and cell.parts[Part.STATE] == 5
    assert SWITCH in ROWS
