"""Programs, tohost, the commit log, the command line and its errors."""

import io
from pathlib import Path

import pytest

from cosim.errors import UserError
from cosim.model import Machine, run
from cosim.model.__main__ import main
from tests.isa.build import build_program, build_source
from tests.isa.qemu import run_on_qemu
from tests.qemu import needs_qemu

_FAILS = '#include "harness.h"\nBASIC_PROGRAM\nTEST 42\nj fail\n'


def _build(text: str) -> Path:
    return build_source("snippet", f'#include "harness.h"\nBASIC_PROGRAM\n{text}\n')


def test_a_failing_program_is_seen_to_fail() -> None:
    elf = build_source("failing", _FAILS)
    assert run(elf).status == 42


@needs_qemu
def test_a_failing_program_is_seen_to_fail_on_qemu() -> None:
    assert run_on_qemu(build_source("failing", _FAILS)) == 128 + 42


@pytest.mark.parametrize(
    "stores",
    [
        "sw a0, 0(a1)\nsw x0, 4(a1)",
        "sw x0, 4(a1)\nsw a0, 0(a1)",
        "sw a0, 0(a1)",
        "sd a0, 0(a1)",
    ],
)
def test_tohost_by_one_or_two_stores(stores: str) -> None:
    result = run(_build(f"la a1, tohost\nli a0, 7\n{stores}\n1: j 1b"), limit=1000)
    assert result.status == 3


def test_putchar_by_two_stores() -> None:
    text = (
        "la a1, tohost\nli a0, 'A'\nli a2, 0x01010000\nsw a0, 0(a1)\nsw a2, 4(a1)\n"
        "1: ld a3, 0(a1)\nbnez a3, 1b\nPASS"
    )
    result = run(_build(text), limit=1000)
    assert (result.status, result.console) == (0, b"A")


def test_write_system_call() -> None:
    text = """
    la a1, tohost
    la a0, block
    la a2, message
    sd a2, 16(a0)
    sd a0, 0(a1)
1:  la a3, fromhost
    ld a3, 0(a3)
    beqz a3, 1b
    ld a4, 0(a0)
    CHECK a4, 6
    PASS
    .data
    .align 6
block: .dword 64, 1, 0, 6
message: .ascii "hello\\n"
"""
    result = run(_build(text), limit=1000)
    assert (result.status, result.console) == (0, b"hello\n")


def test_uart_prints_and_finisher_ends() -> None:
    text = (
        "li a0, 0x10000000\nli a1, 'x'\nsb a1, 0(a0)\nlbu a2, 5(a0)\nandi a2, a2, 0x20\nbeqz a2, fail\n"
        "li a0, 0x100000\nli a1, 0x5555\nsw a1, 0(a0)"
    )
    result = run(_build(text), limit=1000)
    assert (result.status, result.console) == (0, b"x")


def test_commit_log_has_spikes_format() -> None:
    log = io.StringIO()
    text = (
        ".option norvc\nli a0, 5\ncsrw mscratch, a0\nla a1, tohost + 16\nsw a0, 0(a1)\nlw x9, 0(a1)\n"
        ".option rvc\nc.nop\nPASS"
    )
    run(_build(text), limit=1000, trace=log)
    lines = log.getvalue().splitlines()
    assert lines[1] == "core   0: 3 0x" + lines[1][14:30] + " (0x00500513) x10 0x0000000000000005"
    assert lines[2].endswith("(0x34051073) c832_mscratch 0x0000000000000005")
    store, load, nop = lines[5], lines[6], lines[7]
    address = store.split(" mem ")[1].split()[0]
    assert store.endswith(f"mem {address} 0x00000005")
    assert load.endswith(f"x9  0x0000000000000005 mem {address}")
    assert nop.endswith("(0x0001)")


def test_limit_ends_a_run_without_status() -> None:
    result = run(_build("1: j 1b"), limit=500)
    assert result.status is None
    assert result.instructions >= 500


def test_command_line_gives_the_programs_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(build_program("rv64i_jump"))]) == 0
    assert main([str(build_source("failing", _FAILS))]) == 42
    assert main([str(_build("1: j 1b")), "--max-instructions", "100"]) == 124
    assert "did not end within" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"hello", "not an ELF file"), (b"", "not an ELF file")],
)
def test_not_an_elf(tmp_path: Path, content: bytes, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "program"
    path.write_bytes(content)
    assert main([str(path)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_missing_file_and_foreign_elf(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        run(tmp_path / "absent.elf")
    foreign = bytearray(build_program("rv64i_jump").read_bytes())
    foreign[18:20] = (62).to_bytes(2, "little")
    path = tmp_path / "x86.elf"
    path.write_bytes(foreign)
    with pytest.raises(UserError, match="built for X86_64"):
        run(path)


def test_segment_outside_memory() -> None:
    text = '.section .far, "aw", @nobits\n.zero 32 << 20\n.text\nPASS'
    with pytest.raises(UserError, match="outside memory"):
        run(_build(text), memory=16 << 20)


def test_memory_size_is_checked() -> None:
    with pytest.raises(UserError, match="16 MiB to 1 GiB"):
        Machine(1 << 20)
