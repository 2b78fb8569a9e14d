"""Waves: read back with a wave reader, and the save file with its texts."""

from itertools import pairwise

import pytest

from cosim.elf import read_elf
from cosim.job import Job
from cosim.simulate import run_plain
from cosim.waves.reader import Wave
from cosim.waves.savefile import disassemble, symbolic, write_save_file
from tests.cosim.programs import ending, printing, program
from tests.cosim.standin import Op
from tests.isa.build import build_program as isa_program

CYCLE = 10


@pytest.fixture(scope="module")
def wave(standin_trace, tmp_path_factory):
    path = tmp_path_factory.mktemp("wave") / "out.fst"
    records = [(Op.EXIT, 0, 10), (Op.WAIT, 0, 20), (Op.ENTRY, 0, 0), *printing("x"), ending(0)]
    job = Job(program(*records), wave=path)
    return path, run_plain(standin_trace, job)


def test_named_values(wave):
    path, result = wave
    with Wave(path) as reader:
        clock = reader.changes("top.clk")
        rises = [time for time, _, value in clock if value]
        assert len(rises) == pytest.approx(result.cycles, abs=2)
        assert {b - a for a, b in pairwise(rises)} == {CYCLE}
        reasons = [value for _, _, value in reader.changes("top.probe.exit_reason")]
        assert reasons == [0xFF, 10, 0xFF]
        left, back = (time for time, _, _ in reader.changes("top.probe.exit_reason")[1:])
        assert (back - left) // CYCLE == result.exits[0].median
        assert reader.value("top.probe.order", back + 100 * CYCLE) == result.instructions
        printed = reader.changes("top.uart_tx_payload")
        assert printed[-1][2] is not None


def test_window(standin_trace, tmp_path):
    path = tmp_path / "part.fst"
    job = Job(program((Op.WAIT, 0, 1000), ending(0)), wave=path, wave_from=100, wave_to=200)
    run_plain(standin_trace, job)
    with Wave(path) as reader:
        times = [time for time, _, _ in reader.changes("top.clk")]
    assert (max(times) - min(times)) // CYCLE in (100, 101)


def test_save_file_names_groups_and_texts(wave):
    path, _ = wave
    save = write_save_file(path, program(ending(0))).read_text()
    for title in ("fetch", "pipeline", "CSR and trap", "bus"):
        assert f"-{title}\n" in save
    assert "top.probe.mode[2:0]" in save
    texts = path.with_name("out.fst.gtkw.text")
    assert "5 VS" in (texts / "mode.txt").read_text()
    assert "0a ECALL_VS" in (texts / "exit_reason.txt").read_text()
    assert "ff guest runs" in (texts / "exit_reason.txt").read_text()


def test_addresses_and_instructions_become_text():
    assert symbolic([0x100, 0x104, 0x10], {"main": 0x100}) == [(0x100, "main"), (0x104, "main+0x4")]
    assert disassemble(0x00A50513) == "addi a0, a0, 0xa"
    assert disassemble(0x8082) in ("ret", "c.ret", "c.jr ra")
    assert disassemble(0x6C05C573).startswith("hlv.d")
    assert disassemble(0xFFFFFFFF) == "0xffffffff"


def test_machine_wave(simulator_trace, tmp_path):
    """On the real machine: modes, causes and pcs of a program with two-stage translation."""
    elf = isa_program("h_two_stage")
    path = tmp_path / "machine.fst"
    loaded = read_elf(elf)
    result = run_plain(simulator_trace, Job(loaded, memory=128 << 20, wave=path))
    assert (result.outcome, result.code) == ("exit", 0)
    with Wave(path) as reader:
        modes = {value for _, _, value in reader.changes("top.probe.mode")}
        assert {0, 3, 4, 5} <= modes  # U, M, VU, VS
        assert loaded.entry in {value for _, _, value in reader.changes("top.probe.pc")}
        assert reader.names["top.probe.instruction"] == 32
    save = write_save_file(path, loaded).read_text()
    assert "-MMU\n" in save
    texts = (tmp_path / "machine.fst.gtkw.text" / "pc.txt").read_text()
    assert "_start" in texts
