"""Builds the Linux guest: source unpacked, configured, compiled with the initramfs inside; each step cached.

Under ``linux`` in the build folder:

=================== =====================================================================================
``source-<hash>``   the unpacked source, per package version
``objects-<hash>``  the kernel's objects, per source and compiler: make compiles only what changed
``<hash>``          a finished guest: ``Image``, ``vmlinux`` with its symbols, ``config``, ``init``
=================== =====================================================================================
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cosim.build import cache_folder
from cosim.errors import UserError
from cosim.guests.linux import config, initramfs
from cosim.guests.linux.source import CROSS, Source, find_source, need_packages, tool_versions
from cosim.toolchain import run_tool, version_of

__all__ = ["LinuxGuest", "build_linux", "cached"]

_UNUSED = ("*/drivers/gpu/drm/amd/include", "*/arch/arm/boot/dts", "*/arch/arm64/boot/dts", "*/tools/testing")
"""Parts of the archive that no build for this machine reads, half of its size."""

_FROM_OUTSIDE = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "LOCALVERSION", "ARCH", "CROSS_COMPILE")
"""Environment that would change the kernel or tie its make to another."""


@dataclass(frozen=True)
class LinuxGuest:
    """A finished guest in ``folder``; ``bootargs`` are the kernel arguments it is meant to start with."""

    folder: Path
    bootargs: str = config.BOOTARGS
    initrd: None = None
    """No RAM disk beside the Image: it is inside."""

    @property
    def image(self) -> Path:
        """The kernel with its initramfs, which starts in S mode natively as well as virtualized."""
        return self.folder / "Image"

    @property
    def symbols(self) -> Path:
        """The kernel as an ELF file: symbols at the addresses it runs at once its page tables are on."""
        return self.folder / "vmlinux"


def build_linux(report: Callable[[str], None] | None = None, *, rebuild: bool = False) -> LinuxGuest:
    """The Linux guest, built if no cached one has the same inputs (or if ``rebuild``).

    ``report`` is told what is being done, a line at a time. `UserError` names the Debian packages that are
    missing.
    """
    need_packages()
    source = find_source()
    place = cache_folder() / "linux"
    target = place / _hash(*_recipe(source))
    if (target / "Image").is_file() and not rebuild:
        return LinuxGuest(target)
    say = report or (lambda line: None)
    try:
        place.mkdir(parents=True, exist_ok=True)
        with _locked(place / "lock", say):
            if rebuild or not (target / "Image").is_file():
                _build(source, place, target, say, rebuild)
    except OSError as error:
        raise UserError(f"{place}: {error.strerror or error}; make room there or set BIVISOR_CACHE") from None
    return LinuxGuest(target)


def cached() -> LinuxGuest | None:
    """The guest if `build_linux` would return at once, else None."""
    try:
        need_packages()
    except UserError:
        return None
    guest = LinuxGuest(cache_folder() / "linux" / _hash(*_recipe(find_source())))
    return guest if guest.image.is_file() else None


def _recipe(source: Source) -> tuple[object, ...]:
    """Everything that decides the bytes of the Image."""
    return (
        source.identity,
        tool_versions(),
        config.fragment(source.series),
        initramfs.INIT.read_bytes(),
        initramfs.FLAGS,
        version_of("ziglang"),
    )


def _hash(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


@contextmanager
def _locked(path: Path, say: Callable[[str], None]) -> Iterator[None]:
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another build of Linux")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(source: Source, place: Path, target: Path, say: Callable[[str], None], rebuild: bool) -> None:
    tree = _unpacked(source, place, say)
    objects = place / f"objects-{_hash(source.identity, tool_versions())}"
    if rebuild:
        shutil.rmtree(objects, ignore_errors=True)
    archive = objects / config.INITRAMFS
    archive.parent.mkdir(parents=True, exist_ok=True)
    say("compiling init")
    archive.write_bytes(initramfs.initramfs(archive.parent))
    _configure(source, tree, objects, say)
    _compile(tree, objects, say)
    draft = target.with_suffix(".draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    try:
        for made, name in (
            ("arch/riscv/boot/Image", "Image"),
            ("vmlinux", "vmlinux"),
            (".config", "config"),
            (archive.with_name("init"), "init"),
        ):
            shutil.copy2(objects / made, draft / name)
        shutil.rmtree(target, ignore_errors=True)
        draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _unpacked(source: Source, place: Path, say: Callable[[str], None]) -> Path:
    tree = place / f"source-{_hash(source.identity)}"
    if tree.is_dir():
        return tree
    say("unpacking the kernel's source")
    draft = tree.with_suffix(".draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    try:
        excluded = [f"--exclude={pattern}" for pattern in _UNUSED]
        place_it = ["-C", str(draft), "--strip-components=1"]
        command = ["tar", "-x", "-f", str(source.archive), *place_it, *excluded]
        run_tool(command, f"unpacking {source.archive.name}")
        draft.rename(tree)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return tree


def _make(tree: Path, objects: Path, *words: str) -> list[str]:
    return ["make", "-C", str(tree), f"O={objects}", "ARCH=riscv", f"CROSS_COMPILE={CROSS}", *words]


def _environment() -> dict[str, str]:
    """The caller's, without what would change the kernel, with what Kbuild would take from the host."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("KBUILD_", "KCONFIG_"))}
    for name in _FROM_OUTSIDE:
        kept.pop(name, None)
    return kept | {
        "LC_ALL": "C",
        "KBUILD_BUILD_TIMESTAMP": "1970-01-01",
        "KBUILD_BUILD_USER": "bivisor",
        "KBUILD_BUILD_HOST": "bivisor",
        "KBUILD_BUILD_VERSION": "1",
    }


def _configure(source: Source, tree: Path, objects: Path, say: Callable[[str], None]) -> None:
    """Write ``.config``, unless the one there was made from the same fragment: make compares times."""
    fragment = config.fragment(source.series)
    stamp = objects / "fragment"
    if stamp.is_file() and stamp.read_text() == fragment:
        return
    say("configuring the kernel")
    stamp.unlink(missing_ok=True)
    environment = _environment()
    run_tool(_make(tree, objects, "tinyconfig"), "configuring Linux", env=environment)
    with (objects / ".config").open("a") as file:
        file.write(fragment)
    run_tool(_make(tree, objects, "olddefconfig"), "configuring Linux", env=environment)
    config.check(source.series, (objects / ".config").read_text())
    stamp.write_text(fragment)


def _compile(tree: Path, objects: Path, say: Callable[[str], None]) -> None:
    """Run make with one report per file; its whole output stays in ``objects`` if it fails."""
    log_path = objects / "build.log"
    command = _make(tree, objects, f"-j{os.cpu_count() or 1}", "Image")
    say("compiling the kernel")
    files = 0
    lines: list[str] = []
    with (
        log_path.open("w") as log,
        subprocess.Popen(
            command,
            env=_environment(),
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as make,
    ):
        try:
            for line in make.stdout or ():
                log.write(line)
                lines.append(line)
                if line.split(" ", 3)[:2] == ["", ""]:
                    files += 1
                    say(f"compiling the kernel: {files} files, {line.split()[-1]}")
        finally:
            if make.poll() is None:
                make.terminate()
    if make.returncode == 0:
        return
    if any("No space left" in line for line in lines):
        raise UserError(f"compiling Linux: the disk is full; make room in {objects.parent} and run again")
    first = next((line for line in lines if "error: " in line or "***" in line), "no message")
    raise UserError(f"compiling Linux failed: {first.strip()[:160]} (all of it in {log_path})")
