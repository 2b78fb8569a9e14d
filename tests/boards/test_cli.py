"""What ``bivisor synth`` says about wrong options: one line each."""

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
