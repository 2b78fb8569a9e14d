"""Which compiler builds the measuring programs."""

from pathlib import Path

import pytest

from cosim.bench.figures import notes_on
from cosim.bench.programs import build_program, clang, find_gcc
from cosim.elf import read_elf
from cosim.errors import UserError


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A path with nothing but a GCC that cannot compile."""
    gcc = tmp_path / "riscv64-unknown-elf-gcc"
    gcc.write_text(
        '#!/bin/sh\n[ "$1" = -dumpfullversion ] && echo 99.1 && exit\necho error: tired >&2; exit 1\n'
    )
    gcc.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    find_gcc.cache_clear()
    yield gcc
    find_gcc.cache_clear()


def test_kernels_are_measured_with_a_gcc(stranger: Path) -> None:
    assert notes_on(["kernels_per_mhz", "luts"]) == {"kernels_per_mhz": "riscv64-unknown-elf-gcc 99.1"}
    with pytest.raises(UserError, match=r"kernels.c does not build with riscv64-unknown-elf-gcc 99.1: error"):
        build_program("kernels", find_gcc())


def test_kernels_are_measured_with_clang_if_there_is_no_gcc(stranger: Path) -> None:
    stranger.unlink()
    assert find_gcc() is None
    assert notes_on(["kernels_per_mhz", "kernels_per_mhz_clang"]) == {"kernels_per_mhz": clang().name}


def test_both_compilers_build_the_same_program() -> None:
    compilers = [clang(), *filter(None, [find_gcc()])]
    programs = {build_program("kernels", compiler) for compiler in compilers}
    assert len(programs) == len(compilers)
    for path in programs:
        assert {"results", "tohost", "_start"} <= set(read_elf(path).symbols)


def test_a_program_needs_a_source() -> None:
    with pytest.raises(UserError, match="no measuring program 'nothing'"):
        build_program("nothing")
