"""The C++ device models (DMA master, virtio-mmio, console, block), by a C++ test program per process."""

import fcntl
import hashlib
import subprocess
from functools import cache
from pathlib import Path

import pytest

from rtl.isa.memory_map import VIRTIO_SLOTS, VIRTIO_STRIDE

ROOT = Path(__file__).parents[2]
_DEVICES = ROOT / "cosim" / "devices"
_NATIVE = Path(__file__).parent / "native"
_FLAGS = ("-std=c++20", "-g1", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined")

TESTS = [
    line.split("TEST(")[1].split(")")[0]
    for line in (_NATIVE / "devices_test.cpp").read_text().splitlines()
    if line.startswith("    TEST(")
]


@cache
def program() -> Path:
    """The test program, built anew when a source has changed."""
    sources = sorted([*_DEVICES.glob("*.cpp"), *_NATIVE.glob("*.cpp")])
    headers = sorted([*_DEVICES.glob("*.h"), *_NATIVE.glob("*.h")])
    digest = hashlib.sha256(" ".join(_FLAGS).encode())
    for path in sources + headers:
        digest.update(path.name.encode() + path.read_bytes())
    target = ROOT / "build" / "tests" / f"devices-{digest.hexdigest()[:16]}"
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            partial = target.with_suffix(".partial")
            command = ["g++", *_FLAGS, f"-I{_DEVICES}", *map(str, sources), "-o", str(partial)]
            built = subprocess.run(command, capture_output=True, text=True)
            assert built.returncode == 0, built.stderr
            partial.replace(target)
    return target


def _run(*arguments: str) -> str:
    ended = subprocess.run(
        [str(program()), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={"ASAN_OPTIONS": "detect_leaks=0"},
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.mark.parametrize("name", TESTS)
def test_native(name, tmp_path):
    _run(name, str(tmp_path / "disk.img"))


def test_every_test_is_registered_and_the_window_is_the_memory_maps():
    lines = _run().splitlines()
    assert lines[0] == f"window {VIRTIO_SLOTS} {VIRTIO_STRIDE}"
    assert sorted(lines[1:]) == sorted(f"test {name}" for name in TESTS)
