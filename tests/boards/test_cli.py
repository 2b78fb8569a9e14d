"""What ``bivisor synth`` says about wrong options: one line each."""

import json

import pytest

from cosim.cli.main import main


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--board", "foo"], "there is no board 'foo': choose from ulx3s"),
        (["--mhz", "51.3"], "no PLL setting makes 51.3 MHz of 25 MHz; ask for a multiple of 5 MHz"),
        (["--memory", "100K"], "size must be a power of two of at least 4096 bytes, not 102400"),
        (["--memory", "x"], "x: not a size"),
        (["--program", "nowhere.elf"], "nowhere.elf: no such file"),
    ],
)
def test_wrong_options(options, said, tmp_path, capfd):
    assert main(["synth", "--folder", str(tmp_path), *options]) == 2
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("bivisor: ")]
    assert len(lines) == 1 and said in lines[0]


def test_the_boards_hart_runs_the_hypervisor_with_the_simulators_devices(tmp_path):
    """Its console and disk reach memory, which on the boards nothing but the hart does."""
    kept = tmp_path / "bench.json"
    assert main(["bench", "--board", "hypercall_cycles", "--json", str(kept)]) == 0
    assert json.loads(kept.read_text())["hypercall_cycles"] > 65
