"""The C++ machine around the design: memory, console, endings, exit accounting."""

import pytest

from cosim.errors import UserError
from cosim.job import Job, parse_size
from cosim.simulate import run_cocotb, run_plain
from tests.cosim.programs import BASE, ending, printing, program
from tests.cosim.standin import Op

RUNNERS = pytest.mark.parametrize("run", [run_plain, run_cocotb])


@RUNNERS
def test_prints_and_ends_with_its_code(standin, run):
    result = run(standin, Job(program(*printing("hello\n"), ending(5))))
    assert (result.outcome, result.code, result.console) == ("exit", 5, "hello\n")
    assert result.instructions == result.events["retire"] == 7


@RUNNERS
def test_both_simulators_agree_to_the_cycle(standin, run):
    result = run(standin, Job(program(*printing("a"), (Op.WAIT, 0, 1000), ending(0))))
    reference = run_plain(standin, Job(program(*printing("a"), (Op.WAIT, 0, 1000), ending(0))))
    assert result.cycles == reference.cycles


@RUNNERS
def test_finisher(standin, run):
    assert run(standin, Job(program((Op.FINISH, 0, 0x5555)))).code == 0
    assert run(standin, Job(program((Op.FINISH, 0, 7 << 16 | 0x3333)))).code == 7
    assert run(standin, Job(program((Op.FINISH, 0, 0x7777)))).outcome == "reset"


@RUNNERS
def test_stops_at_the_limit(standin, run):
    result = run(standin, Job(program((Op.HALT, 0, 0)), max_cycles=12345))
    assert (result.outcome, result.cycles) == ("limit", 12345)


@RUNNERS
def test_stops_at_the_text(standin, run):
    result = run(standin, Job(program(*printing("abab!xyz"), (Op.HALT, 0, 0)), until="ab!", max_cycles=99999))
    assert (result.outcome, result.console) == ("until", "abab!")


def test_output_without_newline_comes_out(standin):
    chunks = []
    run_cocotb(standin, Job(program(*printing("$ "), (Op.HALT, 0, 0)), max_cycles=50_000), chunks.append)
    assert b"".join(chunks) == b"$ "


@pytest.mark.parametrize("latency", [0, 2, 20])
def test_memory_latency_counts_exactly(standin, latency):
    records = program((Op.STORE, BASE + 0x8000, 1), (Op.STORE, BASE + 0x8008, 2), ending(0))
    base = run_plain(standin, Job(records, latency=1))
    other = run_plain(standin, Job(records, latency=latency))
    # Each of three records is fetched by a burst, and each of three stores waits for its response.
    assert other.cycles - base.cycles == (latency - 1) * (3 + 3)


def test_exits_are_counted_by_cause_with_their_cycles(standin):
    records = []
    for cause, wait in ((10, 5), (10, 5), (10, 50), (21, 7)):
        records += [(Op.EXIT, 0, cause), (Op.WAIT, 0, wait), (Op.ENTRY, 0, 0)]
    result = run_plain(standin, Job(program(*records, ending(0))))
    ecall, fault = sorted(result.exits, key=lambda one: one.cause)
    assert (ecall.reason, ecall.count, fault.reason, fault.count) == (
        "ECALL_VS",
        3,
        "LOAD_GUEST_PAGE_FAULT",
        1,
    )
    assert ecall.maximum - ecall.median == 45
    assert fault.median - ecall.median == 2
    assert ecall.histogram == {ecall.median: 2, ecall.maximum: 1}


def test_exit_without_entry_has_no_cycles(standin):
    result = run_plain(standin, Job(program((Op.EXIT, 0, 10), ending(0))))
    assert (result.exits[0].count, result.exits[0].median) == (1, None)


def test_refuses_memory_sizes(standin):
    with pytest.raises(UserError, match="give 16M to 1G"):
        run_plain(standin, Job(program(ending(0)), memory=1 << 20))


def test_sizes():
    assert [parse_size(text) for text in ("16M", "1g", "4096", "0x10", "64MiB")] == [
        16 << 20,
        1 << 30,
        4096,
        16,
        64 << 20,
    ]
    with pytest.raises(UserError, match="write for example"):
        parse_size("much")


def test_result_survives_json(standin):
    result = run_plain(standin, Job(program((Op.EXIT, 0, 10), (Op.ENTRY, 0, 0), ending(1))))
    assert type(result).from_json(result.to_json()) == result
