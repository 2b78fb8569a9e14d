"""Everything that stands in DRAM when the machine starts: monitor, hypervisor, guests, kernels, device trees.

`native` puts an S-mode program under the monitor, `virtual` puts guests under the hypervisor. Either gives
a `Boot`: segments to write and the entry to start at, with a0 = hart and a1 = device tree, the convention
of the machine's boot ROM and of QEMU. A program is an ELF file or a Linux `Image`.
"""

import os
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from io import BytesIO
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from firmware import bootinfo
from firmware.devicetree import guest_tree, host_tree
from firmware.guests import GUESTS
from rtl.isa.memory_map import DRAM_BASE, DRAM_SIZE_MAX, DRAM_SIZE_MIN

__all__ = [
    "ARCHITECTURES",
    "DEFAULT_GUEST_MEMORY",
    "Boot",
    "Guest",
    "ImageError",
    "hypervisor_elf",
    "native",
    "read_program",
    "small_guest",
    "virtual",
]

DEFAULT_GUEST_MEMORY = 32 << 20
DEFAULT_SLICE = 10_000
"""Time slice in ticks of `time`: one millisecond."""

DEFAULT_SHADOW_TABLES = 512
"""Shadow page tables that all guests share."""
ARCHITECTURES = ("el2", "vmx")
"""The hypervisor's back ends."""

_ALIGNMENT = 2 << 20
_SHADOW_TABLE = 4096 + 2048 + 64
"""Host memory per shadow table: entries, links, description (firmware.hypervisor.shadow.store)."""
_SHADOW_PAGE = 8
"""Host memory per page of guest RAM (firmware.hypervisor.shadow.page)."""
_TREE_ROOM = 64 << 10
"""Space kept at the top of memory for a device tree."""
_RISCV, _EXECUTABLE = "EM_RISCV", ("ET_EXEC", "ET_DYN")
_LINUX_MAGIC, _LINUX_MAGIC_AT = b"RSC\x05", 56

Segment = tuple[int, bytes]


class ImageError(Exception):
    """A program that cannot be started; the text is one line for people."""


@dataclass(frozen=True)
class Boot:
    """What to load: ``segments`` are (address, bytes), the hart starts at ``entry``, a1 = ``device_tree``.

    ``elves`` name the ELF files behind the segments, for symbols; ``memory`` is the DRAM this needs.
    """

    entry: int
    device_tree: int
    segments: tuple[Segment, ...]
    memory: int
    elves: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Guest:
    """One VM: a program (ELF or Linux Image), its memory in bytes, kernel arguments, an initial RAM disk.

    ``small_pages`` makes the hypervisor map 4 KiB pages only.
    """

    program: Path
    memory: int = DEFAULT_GUEST_MEMORY
    bootargs: str = ""
    initrd: Path | None = None
    small_pages: bool = False


@dataclass(frozen=True)
class Program:
    """A program's segments at the addresses it wants, in the memory it will see."""

    entry: int
    segments: tuple[Segment, ...]
    end: int
    elf: Path | None = None


def small_guest(name: str) -> Path:
    """Build one of the small guests (`firmware.guests.GUESTS`); the ELF file."""
    if name not in GUESTS:
        raise ImageError(f"there is no guest {name!r}: choose one of {', '.join(GUESTS)}")
    return _build(f"firmware.guests.{name}")


def _build(module: str) -> Path:
    from firmware.lang import build

    return build(import_module(module).image)


@cache
def hypervisor_elf(
    arch: str = "el2", *, shadow: bool = False, hosted: bool = False, split: bool = False
) -> Path:
    """Build the hypervisor: an architecture, nested or shadow paging, one of the designs; the ELF file.

    In a process of its own: the variant is chosen when the package is imported.
    """
    if arch not in ARCHITECTURES:
        raise ImageError(f"there is no architecture {arch!r}: choose one of {', '.join(ARCHITECTURES)}")
    environment = {
        **os.environ,
        "BIVISOR_ARCH": arch,
        "BIVISOR_PAGING": "shadow" if shadow else "nested",
        "BIVISOR_DESIGN": "split" if split else "hosted" if hosted else "type1",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    command = [sys.executable, "-m", "firmware.hypervisor"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise ImageError(f"the hypervisor for {arch} cannot be built: {lines[-1]}")
    return Path(done.stdout.strip())


def read_program(path: Path, base: int, size: int) -> Program:
    """Read an ELF or Linux Image that must fit into ``size`` bytes of memory at ``base``."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(f"{path}: cannot be read ({error.strerror or error})") from None
    if data[:4] == b"\x7fELF":
        program = _read_elf(path, data)
    elif data[_LINUX_MAGIC_AT : _LINUX_MAGIC_AT + 4] == _LINUX_MAGIC:
        program = _read_linux(data, base)
    else:
        raise ImageError(
            f"{path}: neither an ELF file nor a RISC-V Linux Image; give a program built for riscv64"
        )
    for address, raw in program.segments:
        if address < base or address + len(raw) > base + size:
            raise ImageError(
                f"{path}: a segment at {address:#x}..{address + len(raw):#x} is outside memory "
                f"{base:#x}..{base + size:#x}; link it elsewhere or give more memory"
            )
    if program.end > base + size:
        raise ImageError(
            f"{path}: needs memory up to {program.end:#x}, there is {base + size:#x}; give more memory"
        )
    return program


def _read_elf(path: Path, data: bytes) -> Program:
    try:
        elf = ELFFile(BytesIO(data))
        machine, bits, kind = elf["e_machine"], elf.elfclass, elf["e_type"]
        loads = [s for s in elf.iter_segments() if s["p_type"] == "PT_LOAD" and s["p_memsz"]]
        segments = tuple((s["p_paddr"], s.data()) for s in loads if s["p_filesz"])
        ends = [s["p_paddr"] + s["p_memsz"] for s in loads]
    except (ELFError, struct.error, ValueError, KeyError, OverflowError) as error:
        raise ImageError(f"{path}: damaged ELF file ({error})") from None
    if machine != _RISCV or bits != 64:
        raise ImageError(f"{path}: built for another machine ({machine}, {bits} bits); build it for riscv64")
    if kind not in _EXECUTABLE or not segments:
        raise ImageError(f"{path}: nothing to load; link it as an executable")
    return Program(elf["e_entry"], segments, max(ends), path)


def _read_linux(data: bytes, base: int) -> Program:
    """A kernel Image's header says where it stands and how much it needs (Linux, boot-image-header)."""
    text_offset, image_size = struct.unpack_from("<QQ", data, 8)
    start = base + text_offset if base == DRAM_BASE else base
    return Program(start, ((start, data),), start + max(image_size, len(data)))


def _top_of_memory(
    path: Path, program: Program, end: int, initrd: Path | None
) -> tuple[int, tuple[int, int] | None, tuple[Segment, ...]]:
    """Place device tree and RAM disk below ``end``: tree's address, RAM disk's range and segment."""
    tree_at = end - _TREE_ROOM
    lowest = tree_at
    disk: tuple[int, int] | None = None
    segments: tuple[Segment, ...] = ()
    if initrd is not None:
        try:
            raw = initrd.read_bytes()
        except OSError as error:
            raise ImageError(f"{initrd}: cannot be read ({error.strerror or error})") from None
        lowest = (tree_at - len(raw)) & ~0xFFF
        disk = (lowest, lowest + len(raw))
        segments = ((lowest, raw),)
    if program.end > lowest:
        raise ImageError(
            f"{path}: the program up to {program.end:#x}, its RAM disk and its device tree do not fit "
            f"below {end:#x}; give more memory"
        )
    return tree_at, disk, segments


def _blob(tree: bytes) -> bytes:
    if len(tree) > _TREE_ROOM:
        raise ImageError(
            f"the device tree has {len(tree)} bytes, more than {_TREE_ROOM}; shorten the arguments"
        )
    return tree


def _check_memory(size: int, what: str) -> None:
    if size % 4096:
        raise ImageError(f"{what} memory of {size} bytes: give a multiple of 4096")


def _monitor(
    flags: int, entry: int, argument: int, memory: int, events: Sequence[int]
) -> tuple[Path, list[Segment]]:
    """The monitor and its information block."""
    elf = _build("firmware.monitor")
    program = read_program(elf, bootinfo.MONITOR_BASE, bootinfo.MONITOR_SIZE)
    if program.end > bootinfo.MONITOR_INFO:
        raise ImageError(f"{elf}: the monitor is too big for its {bootinfo.MONITOR_SIZE} bytes")
    events = [*events, *[0] * bootinfo.HPM_COUNTERS][: bootinfo.HPM_COUNTERS]
    info = struct.pack(
        f"<{5 + bootinfo.HPM_COUNTERS}Q",
        bootinfo.MONITOR_MAGIC,
        flags,
        entry,
        argument,
        DRAM_BASE + memory,
        *events,
    )
    return elf, [*program.segments, (bootinfo.MONITOR_INFO, info)]


def native(
    path: Path,
    *,
    memory: int = 64 << 20,
    bootargs: str = "",
    initrd: Path | None = None,
    hardware_ad: bool = False,
    events: Sequence[int] = (),
) -> Boot:
    """Boot an S-mode program, for example a Linux Image, straight under the monitor.

    ``memory`` is the machine's DRAM in bytes. The program sees all but the first 2 MiB. ``hardware_ad``
    switches hardware updates of A and D bits on; ``events`` program mhpmevent3 and up.
    """
    _check_memory(memory, "the machine's")
    if not DRAM_SIZE_MIN <= memory <= DRAM_SIZE_MAX:
        raise ImageError(
            f"memory of {memory >> 20} MiB: the machine has {DRAM_SIZE_MIN >> 20} to {DRAM_SIZE_MAX >> 20}"
        )
    reserved = bootinfo.NATIVE_ENTRY - DRAM_BASE
    end = DRAM_BASE + memory
    program = read_program(path, bootinfo.NATIVE_ENTRY, memory - reserved)
    tree_at, disk, segments = _top_of_memory(path, program, end, initrd)
    flags = bootinfo.FLAG_HARDWARE_AD if hardware_ad else 0
    monitor_elf, monitor = _monitor(flags, program.entry, tree_at, memory, events)
    tree = _blob(host_tree(memory, bootargs, disk, reserved).to_blob())
    return Boot(
        entry=bootinfo.MONITOR_BASE,
        device_tree=tree_at,
        segments=(*monitor, *program.segments, *segments, (tree_at, tree)),
        memory=memory,
        elves=tuple(elf for elf in (monitor_elf, program.elf) if elf),
    )


def virtual(
    guests: Sequence[Guest],
    *,
    slice_ticks: int = DEFAULT_SLICE,
    hardware_ad: bool = False,
    tag_lines: bool | None = None,
    events: Sequence[int] = (),
    arch: str = "el2",
    shadow: bool = False,
    no_second_stage: bool = False,
    vpid: bool = True,
    hosted: bool = False,
    split: bool = False,
    shadow_tables: int = DEFAULT_SHADOW_TABLES,
) -> Boot:
    """Boot guests under the hypervisor, which runs them at once, in turns of ``slice_ticks``.

    ``tag_lines`` puts each VM's name before its console lines; the default is to do so if there are several.
    ``arch`` is one of `ARCHITECTURES`; with ``shadow`` there is no second stage, but ``shadow_tables`` page
    tables made by the hypervisor. ``no_second_stage`` takes the second stage from the hart itself, and
    implies ``shadow``. ``vpid`` says whether translations are tagged with their VM; only vmx can do without.
    With ``hosted`` every exit goes through a host kernel's own context (`firmware.hypervisor.host`), and with
    ``split`` this kernel runs in VS mode (`firmware.hypervisor.el2.lowvisor`); only el2 can do that.
    """
    shadow = shadow or no_second_stage
    if not vpid and arch != "vmx":
        raise ImageError(f"{arch} always tags translations with their VM; VPID is an option of vmx")
    if split and arch != "el2":
        raise ImageError(f"{arch} has no split design: a host kernel of its own needs no VS mode; use hosted")
    if split and hosted:
        raise ImageError("hosted and split are two designs; choose one")
    if not 1 <= len(guests) <= bootinfo.MAX_VMS:
        raise ImageError(f"{len(guests)} guests: the hypervisor runs 1 to {bootinfo.MAX_VMS}")
    elf = hypervisor_elf(arch, shadow=shadow, hosted=hosted, split=split)
    hypervisor = read_program(
        elf, bootinfo.HYPERVISOR_BASE, bootinfo.HYPERVISOR_INFO - bootinfo.HYPERVISOR_BASE
    )
    segments = list(hypervisor.segments)
    elves = [elf]
    backing = bootinfo.POOL_END
    described: list[int] = []
    for guest in guests:
        program, loaded, tree_at = _guest_segments(guest)
        segments += [(address - DRAM_BASE + backing, raw) for address, raw in loaded]
        flags = bootinfo.FLAG_4K_PAGES if guest.small_pages else 0
        described += [backing, guest.memory, program.entry, tree_at, flags]
        elves += [program.elf] if program.elf else []
        backing += (guest.memory + _ALIGNMENT - 1) & -_ALIGNMENT
    pool, pool_end = bootinfo.POOL_BASE, bootinfo.POOL_END
    if shadow:
        pool, pool_end = backing, backing + _shadow_memory(guests, shadow_tables)
        backing = pool_end
    memory = max((backing - DRAM_BASE + 0xFFFFF) & -0x100000, DRAM_SIZE_MIN)
    if memory > DRAM_SIZE_MAX:
        raise ImageError(f"the guests need {memory >> 20} MiB, the machine has at most {DRAM_SIZE_MAX >> 20}")
    if tag_lines is None:
        tag_lines = len(guests) > 1
    flags = (bootinfo.FLAG_HARDWARE_AD if hardware_ad else 0) | (bootinfo.FLAG_TAG_LINES if tag_lines else 0)
    flags |= 0 if vpid else bootinfo.FLAG_NO_VPID
    info = struct.pack(
        f"<{6 + len(described)}Q",
        bootinfo.HYPERVISOR_MAGIC,
        flags,
        len(guests),
        slice_ticks,
        pool,
        pool_end,
        *described,
    )
    segments.append((bootinfo.HYPERVISOR_INFO, info))
    monitor_flags = bootinfo.FLAG_TRAP_ACCESS_FAULTS | (flags & bootinfo.FLAG_HARDWARE_AD)
    monitor_flags |= bootinfo.FLAG_XVMX if arch == "vmx" else 0
    monitor_flags |= bootinfo.FLAG_NO_SECOND_STAGE if no_second_stage else 0
    monitor_elf, monitor = _monitor(monitor_flags, hypervisor.entry, bootinfo.HYPERVISOR_INFO, memory, events)
    return Boot(bootinfo.MONITOR_BASE, 0, (*monitor, *segments), memory, (monitor_elf, *elves))


def _shadow_memory(guests: Sequence[Guest], tables: int) -> int:
    """Bytes for shadow tables, and for what is known of each page and 2 MiB of RAM."""
    pages = sum(2 * 4096 + _SHADOW_PAGE * (g.memory // 4096 + g.memory // (2 << 20)) for g in guests)
    return (pages + tables * _SHADOW_TABLE + 4095) & -4096


def _guest_segments(guest: Guest) -> tuple[Program, list[Segment], int]:
    """A guest's program, what to place in its RAM (at guest addresses), and its device tree's address."""
    _check_memory(guest.memory, "a guest's")
    program = read_program(guest.program, DRAM_BASE, guest.memory)
    tree_at, disk, segments = _top_of_memory(guest.program, program, DRAM_BASE + guest.memory, guest.initrd)
    tree = _blob(guest_tree(guest.memory, guest.bootargs, disk).to_blob())
    return program, [*program.segments, *segments, (tree_at, tree)], tree_at
