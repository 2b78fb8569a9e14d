"""What is loaded where, and bad programs told in one line."""

import struct
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from firmware import bootinfo
from firmware.guests import GUESTS
from firmware.images import Guest, ImageError, native, small_guest, virtual
from firmware.lang import build

MEGA = 1 << 20


def elf(
    machine: int = 243, bits: int = 2, address: int = 0x8020_0000, kind: int = 2, size: int = 16
) -> bytes:
    """A minimal ELF file with one segment."""
    header = b"\x7fELF" + bytes([bits, 1, 1]) + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", kind, machine, 1, address, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return header + struct.pack("<IIQQQQQQ", 1, 5, 120, address, address, size, size, 8) + bytes(size)


def linux(size: int = 256, image_size: int = 4096) -> bytes:
    """The header of a kernel Image."""
    header = struct.pack("<IIQQQIIQ", 0, 0, 0x20_0000, image_size, 0, 2, 0, 0) + b"RISCV\0\0\0" + b"RSC\x05"
    return header.ljust(size, b"\xaa")


def write(folder: Path, content: bytes) -> Path:
    path = folder / "program"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "neither an ELF file nor"),
        (b"#!/bin/sh\n", "neither an ELF file nor"),
        (b"\x7fELF", "damaged ELF"),
        (elf()[:70], "damaged ELF"),
        (elf(machine=62), "another machine (EM_X86_64, 64 bits)"),
        (elf(machine=243, kind=1), "nothing to load"),
        (elf(address=0x1000), "outside memory"),
        (elf(address=0x8000_0000 + 33 * MEGA), "outside memory"),
        (linux(image_size=64 * MEGA), "needs memory up to"),
    ],
)
@pytest.mark.parametrize("boot", [lambda p: native(p, memory=32 * MEGA), lambda p: virtual([Guest(p)])])
def test_bad_programs(tmp_path, content, text, boot):
    with pytest.raises(ImageError) as error:
        boot(write(tmp_path, content))
    message = str(error.value)
    assert text in message and "\n" not in message and str(tmp_path / "program") in message


def test_missing_file_and_bad_numbers(tmp_path):
    good = write(tmp_path, elf())
    for call, text in [
        (lambda: native(tmp_path / "nothing"), "cannot be read"),
        (lambda: native(good, initrd=tmp_path / "nothing"), "cannot be read"),
        (lambda: native(good, memory=4096 * 3 + 1), "multiple of 4096"),
        (lambda: native(good, memory=8 * MEGA), "16 to 1024"),
        (lambda: virtual([]), "1 to 8"),
        (lambda: virtual([Guest(good)] * 9), "1 to 8"),
        (lambda: virtual([Guest(good, memory=512 * MEGA)] * 2), "at most 1024"),
        (lambda: virtual([Guest(good, memory=2 * MEGA)]), "outside memory"),
        (lambda: native(good, bootargs="x" * 70000), "device tree"),
        (lambda: small_guest("nobody"), "there is no guest 'nobody'"),
    ]:
        with pytest.raises(ImageError, match=text) as error:
            call()
        assert "\n" not in str(error.value)


def check_apart(segments) -> None:
    """No two segments overlap."""
    ends = 0
    for address, raw in sorted(segments):
        assert address >= ends and raw
        ends = address + len(raw)


def test_guests_stand_apart_each_in_its_own_memory(tmp_path):
    kernel = write(tmp_path, linux())
    disk = tmp_path / "disk"
    disk.write_bytes(b"d" * 10000)
    boot = virtual([Guest(kernel, 16 * MEGA, "quiet", disk), Guest(kernel, 8 * MEGA + 4096), Guest(kernel)])
    check_apart(boot.segments)
    memory = dict(boot.segments)
    info = struct.unpack("<21Q", memory[bootinfo.HYPERVISOR_INFO])
    assert info[:3] == (bootinfo.HYPERVISOR_MAGIC, bootinfo.FLAG_TAG_LINES, 3)
    first, second, third = info[6:11], info[11:16], info[16:21]
    assert [vm[0] for vm in (first, second, third)] == [0x8020_0000, 0x8120_0000, 0x81C0_0000]
    assert all(vm[2] == 0x8020_0000 for vm in (first, second, third)), "Linux is entered 2 MiB into RAM"
    assert memory[0x8040_0000] == linux()
    assert memory[0x8020_0000 + first[3] - 0x8000_0000][:4] == b"\xd0\x0d\xfe\xed"
    assert boot.memory == 0x81C0_0000 + 32 * MEGA - 0x8000_0000
    assert [raw for _, raw in boot.segments if raw == disk.read_bytes()]


def test_native_kernel_and_its_tree(tmp_path):
    boot = native(write(tmp_path, linux()), memory=32 * MEGA)
    check_apart(boot.segments)
    memory = dict(boot.segments)
    info = struct.unpack("<13Q", memory[bootinfo.MONITOR_INFO])
    assert info[:5] == (bootinfo.MONITOR_MAGIC, 0, 0x8020_0000, boot.device_tree, 0x8200_0000)
    assert memory[boot.device_tree][:4] == b"\xd0\x0d\xfe\xed"


@pytest.mark.parametrize("name", GUESTS)
def test_every_small_guest_boots_either_way(name):
    path = small_guest(name)
    assert path in virtual([Guest(path)]).elves and path in native(path).elves


def test_hypervisor_is_small_and_leaves_gp_and_tp_alone():
    import firmware.hypervisor

    path = build(firmware.hypervisor.image)
    with path.open("rb") as file:
        image = ELFFile(file)
        sizes = {s.name: s["sh_size"] for s in image.iter_sections()}
        assert sizes[".text"] + sizes.get(".rodata", 0) < 12 << 10
        end = max(s["p_vaddr"] + s["p_memsz"] for s in image.iter_segments() if s["p_type"] == "PT_LOAD")
    assert end <= bootinfo.HYPERVISOR_INFO
