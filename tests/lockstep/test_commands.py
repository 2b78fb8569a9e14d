"""The commands in lockstep: guests and host calls agree; a fault gives a report, a command and a wave."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from cosim.build import Build, Variant, build
from cosim.cli.main import main
from cosim.elf import read_elf
from cosim.job import Job
from cosim.lockstep.explain import WAVE_CYCLES
from cosim.lockstep.run import compare_job, run_lockstep
from cosim.model import csrs
from cosim.model.decode import Decoded
from cosim.model.execute import Action
from cosim.model.hart import Hart
from cosim.model.xvmx.architectures import MAKERS_OF
from cosim.waves.reader import Wave
from rtl.isa.xvmx import Arch
from tests.isa.build import build_program

_HTIF = Path(__file__).parents[1] / "cosim" / "htif_program.S"
_LINK = Path(__file__).parents[2] / "cosim" / "bench" / "programs" / "link.ld"


@pytest.fixture(scope="module")
def observing() -> Build:
    return build(Variant.OBSERVE)


_DESIGNS = ["stress --split", "paging --split", "stress --hosted"]
_ON_XVMX = ["stress --arch vmx", "paging --arch vmx", "calls --arch vmx --no-ept", "paging --arch vmx --nos2"]


@pytest.mark.parametrize(
    "guest", ["hello", "calls", "stress", "stress --nos2", "paging", "paging --no-ept", *_DESIGNS, *_ON_XVMX]
)
def test_a_guest_under_the_hypervisor(guest: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    result = tmp_path / "result.json"
    assert main(["run", "--guest", *guest.split(), "--lockstep", "--json", str(result), "-q"]) == 0
    shown = capsys.readouterr()
    assert "done" in shown.out
    compared = int(re.sub(r"\D", "", re.search(r"([\d,]+) instructions and traps agree", shown.err)[1]))
    found = json.loads(result.read_text())
    assert found["outcome"] == "exit" and found["exits"]
    assert compared >= found["instructions"] > 20_000


@pytest.mark.parametrize("define", ["WHOLE", "HALVES"])
def test_host_calls(observing: Build, tmp_path: Path, define: str) -> None:
    """The host's answers reach memory from outside the hart."""
    elf = tmp_path / "htif.elf"
    command = [sys.executable, "-m", "ziglang", "cc", "-target", "riscv64-freestanding-none", "-nostdlib"]
    command += ["-mcpu=baseline_rv64-d-f", f"-D{define}", f"-Wl,-T,{_LINK}"]
    subprocess.run([*command, str(_HTIF), "-o", str(elf)], check=True)
    result = compare_job(observing, Job(read_elf(elf), max_cycles=200_000)).result
    assert result is not None
    assert (result.outcome, result.code, result.console) == ("exit", 42, "Ahtif!\n")


def test_suite(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for name in ("rv64c", "h_csr"):
        (tmp_path / f"{name}.elf").write_bytes(build_program(name).read_bytes())
    assert main(["suite", str(tmp_path), "--lockstep", "--jobs", "2", "--signature"]) == 1
    assert "begin_signature" in capsys.readouterr().out
    assert main(["suite", str(tmp_path), "--lockstep", "--jobs", "1"]) == 0
    assert "2 of 2 passed" in capsys.readouterr().out


@pytest.fixture
def wrong_model(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A model whose 150th mulhu and all after it are wrong."""
    make = MAKERS_OF[Arch.H]["mulhu"]
    uses = count()

    def wrong(hart: Hart, decoded: Decoded) -> Action:
        act = make(hart, decoded)

        def wrongly() -> None:
            act()
            if decoded.rd and next(uses) >= 150:
                hart.x[decoded.rd] ^= 0x10

        return wrongly

    monkeypatch.setitem(MAKERS_OF[Arch.H], "mulhu", wrong)
    yield


@pytest.mark.usefixtures("wrong_model", "simulator_trace")
def test_a_mismatch_is_reported_whole(capsys: pytest.CaptureFixture) -> None:
    elf = build_program("rv64m_multiply")
    command = ["run", "--bare", str(elf), "--lockstep", "--mem", "32M"]
    assert main(command) == 1
    said = capsys.readouterr().err
    at = int(re.search(r"disagree after \d+ instructions, in cycle (\d+):", said)[1])
    assert at > WAVE_CYCLES
    assert re.search(r"destination: hardware x\d+ = 0x\w+, model x\d+ = 0x\w+", said)
    # The way there: twenty lines of cycle, mode, pc, symbol, bits, text; the last one is to blame.
    rows = [line for line in said.splitlines() if re.match(r"│ \d+ +│ M ", line)]
    assert len(rows) == 20
    assert str(at) in rows[-1] and "mulhu" in rows[-1]
    assert any(re.search(r"│ \w+\+0x\w+ +│", row) for row in rows), rows[-1]
    # Both sides, with the one register that differs marked.
    marked = [line for line in said.splitlines() if "≠ │ x" in line]
    assert len(marked) == 1
    assert "│ mstatus" in said
    # The command, and the wave with its save file.
    again = re.search(r"again: bivisor (.*)", said)[1]
    assert set(shlex.split(again)) == set(command)
    save = Path(re.search(r"wave of the last \d+ cycles: gtkwave (.*)", said)[1])
    assert save.is_file()
    with Wave(save.with_suffix("")) as wave:
        times = [time for time, _, _ in wave.changes("top.probe.order")]
        cycles = [time // 10 for time in times]
        assert at - WAVE_CYCLES - 1 <= cycles[0] <= at - WAVE_CYCLES // 2
        assert at - 20 <= cycles[-1] <= at + 20


@pytest.mark.usefixtures("simulator_trace")
def test_a_wrong_register_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """A privileged register that only the model writes."""
    write = csrs.CsrFile.replace

    def wrong(file: csrs.CsrFile, name: str, mask: int, new: int) -> None:
        mxr = (1 << 19) * (name == "vsstatus")
        write(file, name, mask | mxr, new | mxr)

    monkeypatch.setattr(csrs.CsrFile, "replace", wrong)
    with pytest.raises(AssertionError) as caught:
        run_lockstep(build_program("h_delegation"))
    said = str(caught.value)
    assert re.search(r"vsstatus: hardware 0x\w+, model 0x\w+", said)
    assert "≠ │ vsstatus" in said
    assert "again: bivisor run --bare" in said
