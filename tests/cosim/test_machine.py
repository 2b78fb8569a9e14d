"""The real machine through the simulators: bare programs, suites, the hypervisor's demo, memory access."""

import shutil

from cosim.bench.figures import FIGURES, measure
from cosim.bench.programs import build_program
from cosim.cli.main import main
from cosim.elf import read_elf
from cosim.job import Job
from cosim.simulate import run_cocotb, run_plain, run_regression
from cosim.suite import Rules, find_programs, run_suite, write_signature
from tests.isa.build import build_program as isa_program
from tests.isa.build import build_source


def test_simulators_agree_to_the_cycle(simulator):
    job = Job(read_elf(build_program("transitions")))
    plain, cocotb = run_plain(simulator, job), run_cocotb(simulator, job)
    assert plain.code == cocotb.code == 0
    assert (plain.cycles, plain.events, plain.exits) == (cocotb.cycles, cocotb.events, cocotb.exits)


def test_suite_tells_pass_from_fail(simulator, tmp_path):
    shutil.copy(isa_program("rv64c"), tmp_path / "rv64c.elf")
    (tmp_path / "notes.txt").write_text("not a program")
    (tmp_path / "broken.elf").write_bytes(b"\x7fELF")
    verdicts = list(
        run_suite(simulator, find_programs(tmp_path), jobs=2, rules=Rules(16 << 20, max_cycles=1 << 20))
    )
    assert [bool(verdict.problem) for verdict in verdicts] == [True, False]
    assert verdicts[0].problem.startswith("the ELF file is damaged")
    assert main(["suite", str(tmp_path)]) == 1


_IDLES = """
.globl _start
_start:
    la a0, text
    li a1, 0x10000000
1:  lbu a2, 0(a0)
    beqz a2, 2f
    sb a2, 0(a1)
    addi a0, a0, 1
    j 1b
2:  wfi
    j 2b
text: .asciz "3 tests: all good\\n"
"""


def test_suite_judges_by_what_is_printed(simulator, tmp_path):
    """Some suites never power off: they print their verdict and idle."""
    elf = build_source("idles", _IDLES)

    def problem(**rules):
        rules = Rules(16 << 20, max_cycles=20_000, logs=tmp_path, **rules)
        return next(run_suite(simulator, [elf], jobs=1, rules=rules)).problem

    assert problem(until="all good") == ""
    assert (tmp_path / (elf.name + ".log")).read_text().startswith("3 tests: all good")
    assert problem(until="all good", fail_on=("bad", "3 tests")) == "printed '3 tests'"
    assert problem(until="all good", fail_on=("bad",)) == ""
    assert problem(until="never printed").startswith("still running")
    assert problem().endswith("if it only idles, see --until")


def test_signature_format(tmp_path):
    write_signature(tmp_path / "s", bytes([1, 2, 3, 4, 0xEF, 0xBE, 0xAD, 0xDE, 9]))
    assert (tmp_path / "s").read_text() == "04030201\ndeadbeef\n00000009\n"


def test_limit_has_its_own_status(capfd, tmp_path):
    elf = build_program("endless")
    assert main(["run", "--bare", str(elf), "--max-cycles", "5000"]) == 3
    error = capfd.readouterr().err
    assert "still running after 5,000 cycles" in error.splitlines()[-1]


def test_memory_is_seen_through_the_cache(simulator, tmp_path):
    run_regression(simulator, "tests.cosim.machine_regression", folder=tmp_path)


def test_demo_runs_two_guests_at_once(capfd, tmp_path):
    out = tmp_path / "out.json"
    assert main(["run", "--demo", "--json", str(out)]) == 0
    console = capfd.readouterr().out
    assert "[vm0] hello: done" in console
    assert "[vm1] primes: done" in console
    assert "ECALL_VS" in console
    assert '"reason": "ECALL_VS"' in out.read_text()


def test_transitions_meet_their_goals(simulator):
    names = [name for name in FIGURES if FIGURES[name].source == "transitions"]
    values = measure(names, lambda line: None)
    assert {name: value for name, value in values.items() if not FIGURES[name].met(value)} == {}


def test_translation_costs_are_pinned(simulator):
    """Cycle counts are exact: change a figure only on purpose."""
    pinned = {
        "tlb_miss_sv39": 4,
        "tlb_miss_g_only": 4,
        "tlb_miss_two_stage": 6,
        "l2_tlb_hit_cycles": 1.7812,
        "walk_two_stage_uncached_cycles": 32,
        "walk_two_stage_near_cycles": 22,
        "two_stage_miss_cold_lat20_cycles": 72,
    }
    assert measure(list(pinned), lambda line: None) == pinned
