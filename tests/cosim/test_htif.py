"""HTIF on the real machine: characters, system calls and exits, through the cache-coherent DMA port."""

import subprocess
import sys
from pathlib import Path

import pytest

from cosim.elf import read_elf
from cosim.job import Job
from cosim.simulate import run_cocotb, run_plain

HERE = Path(__file__).parent
LINK = HERE.parent.parent / "cosim" / "bench" / "programs" / "link.ld"


@pytest.mark.parametrize("define", ["WHOLE", "HALVES"])
@pytest.mark.parametrize("run", [run_plain, run_cocotb])
def test_htif(simulator, tmp_path, define, run):
    elf = tmp_path / "htif.elf"
    command = [sys.executable, "-m", "ziglang", "cc", "-target", "riscv64-freestanding-none", "-nostdlib"]
    command += ["-mcpu=baseline_rv64-d-f", f"-D{define}", f"-Wl,-T,{LINK}"]
    subprocess.run([*command, str(HERE / "htif_program.S"), "-o", str(elf)], check=True)
    result = run(simulator, Job(read_elf(elf), max_cycles=200_000))
    assert (result.outcome, result.code, result.console) == ("exit", 42, "Ahtif!\n")
