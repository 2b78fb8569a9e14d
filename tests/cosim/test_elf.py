"""Reading ELF files: good ones, and each way to be bad."""

import struct

import pytest

from cosim.elf import read_elf
from cosim.errors import UserError


def elf(*, machine=243, bits=2, kind=2, address=0x8000_0000, data=b"code", memory=16) -> bytes:
    """A smallest ELF64 executable."""
    ident = bytes([0x7F, 69, 76, 70, bits, 1, 1]) + bytes(9)
    header = ident + struct.pack("<HHIQQQIHHHHHH", kind, machine, 1, address, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 7, 120, address, address, len(data), memory, 4096)
    return header + segment + data


def test_segments_and_entry(tmp_path):
    path = tmp_path / "good.elf"
    path.write_bytes(elf())
    program = read_elf(path)
    assert program.entry == 0x8000_0000
    assert [(one.address, one.data, one.size, one.end) for one in program.segments] == [
        (0x8000_0000, b"code", 16, 0x8000_0010)
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"#!/bin/sh\n", "not an ELF file"),
        (b"", "not an ELF file"),
        (b"\x7fELF", "damaged"),
        (elf()[:100], "damaged"),
        (elf()[:122], "damaged"),
        (elf(machine=62), "built for X86_64 64-bit"),
        (elf(kind=1), "not an executable"),
        (elf(memory=0), "nothing to load"),
    ],
)
def test_bad_files(tmp_path, content, message):
    path = tmp_path / "bad.elf"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as error:
        read_elf(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_elf(tmp_path / "none")
    with pytest.raises(UserError, match="is a directory"):
        read_elf(tmp_path)


def test_program_outside_memory(tmp_path):
    path = tmp_path / "far.elf"
    path.write_bytes(elf(address=0x1000))
    with pytest.raises(UserError, match="outside memory"):
        read_elf(path).check_fits(16 << 20)
    path.write_bytes(elf(memory=32 << 20))
    with pytest.raises(UserError, match="give more with --mem"):
        read_elf(path).check_fits(16 << 20)
