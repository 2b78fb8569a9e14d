"""``bivisor run``: guests under the hypervisor, or one program on the bare machine."""

import os
import sys
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from cosim.build import Build, Variant
from cosim.cli.terminal import (
    built,
    errors,
    output,
    print_mismatch,
    result_tables,
    this_command,
    working,
    write_json,
)
from cosim.elf import Program, Segment, read_elf
from cosim.errors import UserError
from cosim.job import BARE_MEMORY, Job, parse_size
from cosim.result import Result
from cosim.simulate import run_cocotb

__all__ = ["run"]

_LIMIT = 2_000_000_000
_STATUS_LIMIT = 3
_STATUS_RESET = 4


class Architecture(Enum):
    """The hypervisor's back ends, as --arch names them."""

    EL2 = "el2"
    VMX = "vmx"


def run(
    context: typer.Context,
    programs: Annotated[
        list[Path] | None, typer.Argument(metavar="PROGRAM...", help="ELF files or Linux Images, one per VM")
    ] = None,
    guest: Annotated[
        list[str] | None, typer.Option(help="a guest by name: linux, or one of the small ones; repeatable")
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="two small guests at once")] = False,
    bare: Annotated[bool, typer.Option("--bare", help="no hypervisor: the program has the machine")] = False,
    monitor: Annotated[
        bool, typer.Option("--monitor", help="with --bare: start the program in S mode under the monitor")
    ] = False,
    arch: Annotated[
        Architecture, typer.Option(help="what virtualizes: el2 (the H extension) or vmx (Xvmx)")
    ] = Architecture.EL2,
    no_ept: Annotated[
        bool, typer.Option("--no-ept", help="shadow page tables instead of a second stage")
    ] = False,
    no_vpid: Annotated[
        bool, typer.Option("--no-vpid", help="with --arch vmx: every transition forgets the translations")
    ] = False,
    nos2: Annotated[
        bool, typer.Option("--nos2", help="the same, on a hart without a second stage (mvirt.NOS2)")
    ] = False,
    hosted: Annotated[
        bool, typer.Option("--hosted", help="every exit goes through a host kernel's context, as in KVM")
    ] = False,
    split: Annotated[
        bool,
        typer.Option(
            "--split", help="el2: the host kernel itself is in VS mode, as KVM's on ARM without VHE"
        ),
    ] = False,
    mem: Annotated[
        str | None, typer.Option(help="memory of each guest (32M), or of the bare machine (256M)")
    ] = None,
    append: Annotated[str | None, typer.Option(help="kernel arguments of a Linux guest")] = None,
    initrd: Annotated[Path | None, typer.Option(help="initial RAM disk of a Linux guest")] = None,
    disk: Annotated[
        list[Path] | None, typer.Option(help="file behind a virtio block device of the machine; repeatable")
    ] = None,
    mem_latency: Annotated[int, typer.Option(help="cycles from an address to its first data, less one")] = 1,
    max_cycles: Annotated[int, typer.Option(help="stop there")] = _LIMIT,
    lockstep: Annotated[
        bool, typer.Option("--lockstep", help="compare every instruction with the golden model")
    ] = False,
    until: Annotated[str | None, typer.Option(help="stop when the console has printed this text")] = None,
    wave: Annotated[
        Path | None, typer.Option(help="write an FST wave, and a GTKWave save file next to it")
    ] = None,
    wave_from: Annotated[int, typer.Option(help="first cycle in the wave")] = 0,
    wave_to: Annotated[int | None, typer.Option(help="last cycle in the wave")] = None,
    json: Annotated[Path | None, typer.Option(help="write the result")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="the console only, no tables")] = False,
) -> int:
    """Run guests under the hypervisor on the simulated machine; or with --bare one program without it.

    The exit status is the program's own; 3 if --max-cycles came first, 4 after a reset; 1 if --lockstep finds
    that hardware and model disagree.
    """
    if bare and (arch is not Architecture.EL2 or no_ept or no_vpid or nos2 or hosted or split):
        raise UserError(
            "--arch, --no-ept, --no-vpid, --nos2, --hosted and --split choose the hypervisor; "
            "drop them or --bare"
        )
    if max_cycles < 1:
        raise UserError(f"--max-cycles {max_cycles}: give at least 1")
    for path in (wave, json):
        if path is not None and not path.absolute().parent.is_dir():
            raise UserError(f"{path}: there is no folder {path.absolute().parent}; make it first")
    size = parse_size(mem) if mem else None
    named = list(guest or []) + (["hello", "primes"] if demo else [])
    how = {
        "arch": arch.value,
        "shadow": no_ept,
        "no_second_stage": nos2,
        "vpid": not no_vpid,
        "hosted": hosted,
        "split": split,
    }
    program, memory = _program(list(programs or []), named, bare, monitor, size, append, initrd, how)
    partial = wave.with_name(wave.name + ".part") if wave else None
    job = Job(
        program,
        memory=memory,
        latency=mem_latency,
        max_cycles=max_cycles,
        until=until,
        wave=partial,
        wave_from=wave_from,
        wave_to=wave_to,
        disks=tuple(disk or ()),
    )
    job.check()
    simulator = built(Variant.TRACE if wave else Variant.OBSERVE if lockstep else Variant.FAST)
    try:
        if lockstep:
            result = _lockstep(simulator, job, this_command(context))
        else:
            result = run_cocotb(simulator, job, _print)
        if result is None:
            return 1
        if wave and partial:
            os.replace(partial, wave)
            _save_file(wave, program)
    finally:
        if partial:
            partial.unlink(missing_ok=True)
    if json:
        write_json(json, result.to_json())
    if not quiet:
        output.print(*result_tables(result), sep="\n")
    return _status(result, program, max_cycles)


def _lockstep(simulator: Build, job: Job, command: str) -> Result | None:
    """The run's result; None after a mismatch, which has been told."""
    from cosim.lockstep.compare import Mismatch
    from cosim.lockstep.explain import explain
    from cosim.lockstep.run import compare_job

    try:
        compared = compare_job(simulator, job, on_console=_print)
    except Mismatch as mismatch:
        with working("repeating the run for a wave") as say:
            say("repeating the run for a wave")
            explain(mismatch, command)
        print_mismatch(mismatch)
        return None
    errors.print(f"{compared.count:,} instructions and traps agree with the model", markup=False)
    return compared.result


def _print(chunk: bytes) -> None:
    sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()


def _program(
    paths: list[Path],
    named: list[str],
    bare: bool,
    monitor: bool,
    size: int | None,
    append: str | None,
    initrd: Path | None,
    how: dict[str, Any],
) -> tuple[Program, int]:
    """What to load, and the machine's memory; ``how`` are the hypervisor's options."""
    if not paths and not named:
        raise UserError("nothing to run: name an ELF file, or a guest with --guest, or say --demo")
    if bare:
        if len(paths) + len(named) > 1:
            raise UserError("--bare runs one program; drop the others, or drop --bare to run them as guests")
        if paths and not monitor and not _is_linux(paths[0]):
            program = read_elf(paths[0])
            return program, size or BARE_MEMORY
    from firmware import images

    with working("building the firmware") as say:
        say("building the firmware")
        sources = [_named(name, append, initrd) for name in named]
        sources += [(path, append or "", initrd) for path in paths]
        if bare:
            path, arguments, disk = sources[0]
            boot = images.native(path, memory=size or 64 << 20, bootargs=arguments, initrd=disk)
        else:
            memory = size or images.DEFAULT_GUEST_MEMORY
            guests = [images.Guest(path, memory, arguments, disk) for path, arguments, disk in sources]
            boot = images.virtual(guests, **how)
    kernels = [_linux_symbols(path) for path, _, _ in sources]
    inner = 2 if not bare else len(boot.elves)  # the guests' come behind the monitor's and the hypervisor's
    symbols = _symbols([*boot.elves, *filter(None, kernels)])
    guest_symbols = {} if bare else _symbols([*boot.elves[inner:], *filter(None, kernels)])
    segments = tuple(Segment(address, data) for address, data in boot.segments)
    name = ", ".join(str(source[0]) for source in sources)
    program = Program(name, boot.entry, segments, symbols, boot.device_tree, guest_symbols)
    return program, boot.memory


def _linux_symbols(image: Path) -> Path | None:
    """The kernel's ELF file, if it stands beside the Image."""
    elf = image.with_name("vmlinux")
    return elf if image.name == "Image" and elf.is_file() else None


def _symbols(elves: Sequence[Path]) -> dict[str, int]:
    """Of several ELF files; the first that defines a name counts."""
    symbols: dict[str, int] = {}
    for elf in elves:
        for name, value in read_elf(elf).symbols.items():
            if name not in ("tohost", "fromhost"):
                symbols.setdefault(name, value)
    return symbols


def _is_linux(path: Path) -> bool:
    """Whether the file is a kernel Image, which starts in S mode (Linux, boot-image-header)."""
    try:
        with path.open("rb") as file:
            return file.read(60)[56:60] == b"RSC\x05"
    except OSError:
        return False


def _named(name: str, append: str | None, initrd: Path | None) -> tuple[Path, str, Path | None]:
    """A guest by name: program, kernel arguments, RAM disk."""
    from firmware import images

    if name == "linux":
        from cosim.cli.guest import linux_guest

        found = linux_guest()
        arguments = append if append is not None else found.bootargs
        return found.image, arguments, initrd or found.initrd
    return images.small_guest(name), append or "", initrd


def _save_file(wave: Path, program: Program) -> None:
    from cosim.waves.savefile import write_save_file

    with working("writing the GTKWave save file") as say:
        say("writing the GTKWave save file")
        path = write_save_file(wave, program)
    errors.print(f"wave: gtkwave {path}", markup=False, soft_wrap=True)


def _status(result: Result, program: Program, max_cycles: int) -> int:
    if result.outcome == "limit":
        where = program.nearest(result.pc)
        errors.print(
            f"bivisor: still running after {max_cycles:,} cycles, at pc {result.pc:#x}{where}; "
            "give more with --max-cycles, or look at it with --wave",
            markup=False,
            soft_wrap=True,
        )
        return _STATUS_LIMIT
    if result.outcome == "reset":
        errors.print("bivisor: the program asked for a reset", markup=False)
        return _STATUS_RESET
    if result.code > 255:
        errors.print(f"bivisor: the program ended with code {result.code}", markup=False)
        return 1
    return result.code
