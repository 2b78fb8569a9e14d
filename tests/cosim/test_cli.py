"""The command line: errors in one line, statuses."""

from pathlib import Path

import pytest

from cosim.cli.main import main
from cosim.cli.terminal import write_json
from cosim.errors import UserError


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run"], "nothing to run"),
        (["run", "--bare", "none.elf"], "no such file"),
        (["run", "--bare", "pyproject.toml"], "not an ELF file"),
        (["run", "--bare", "a.elf", "b.elf"], "--bare runs one program"),
        (["run", "--arch", "other", "a.elf"], "el2"),
        (["run", "--bare", "a.elf", "--json", "/nowhere/out.json"], "there is no folder"),
        (["run", "--bare", "a.elf", "--max-cycles", "0"], "give at least 1"),
        (["run", "none.elf"], "cannot be read"),
        (["run", "pyproject.toml"], "neither an ELF file"),
        (["suite", "/nowhere"], "not a folder"),
        (["suite", "docs"], "no ELF files"),
        (["guest", "nobody"], "there is no guest"),
        (["bench", "nothing"], "there is no figure"),
        (["bench", "luts", "--board"], "luts is no figure of cycles"),
        (["bench", "--board", "--update-docs"], "leave out --board or --update-docs"),
        (["nonsense"], "No such command"),
    ],
)
def test_errors_are_one_line_with_a_status(capfd, arguments, message):
    assert main(arguments) == 2
    error = capfd.readouterr().err.strip()
    assert message in error.splitlines()[-1]
    assert "Traceback" not in error


def test_a_full_disk_is_an_error_and_a_device_stays_one(tmp_path):
    full = Path("/dev/full")
    with pytest.raises(UserError, match="check folder and free space"):
        write_json(full, {"a": 1})
    assert full.is_char_device()
    write_json(tmp_path / "out.json", {"a": 1})
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]
