"""One driver program on the simulated machine and on QEMU's ``virt``: the devices agree, DMA is coherent."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.qemu import QEMU, needs_qemu

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]
_SOURCE = _HERE / "programs" / "devices.c"
_LINK = _ROOT / "tests" / "isa" / "include" / "link.ld"
_FLAGS = (
    "-target",
    "riscv64-freestanding-none",
    "-mcpu=generic_rv64+m+a+c+zicsr",
    "-mcmodel=medany",
    "-O1",
    "-fno-sanitize=all",
    "-ffreestanding",
    "-nostdlib",
    "-static",
    f"-Wl,-T,{_LINK}",
)
_SECTORS = 16
_WRITTEN = range(4 * 512, 6 * 512)
_OUTPUT = "clint\nuart\nblock\nvirtio console\ndone\n"


def _original(byte: int) -> int:
    return (7 * (byte // 512) + byte % 512) % 256


def _check(disk: Path, console: str) -> None:
    assert console == _OUTPUT
    for index, byte in enumerate(disk.read_bytes()):
        assert byte == (~_original(index) & 0xFF if index in _WRITTEN else _original(index)), index


@pytest.fixture
def disk(tmp_path) -> Path:
    path = tmp_path / "disk.img"
    path.write_bytes(bytes(_original(index) for index in range(_SECTORS * 512)))
    return path


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Path:
    """The program's ELF."""
    key = hashlib.sha256(_SOURCE.read_bytes() + _LINK.read_bytes() + " ".join(_FLAGS).encode()).hexdigest()
    elf = _ROOT / "build" / "tests" / f"platform-devices-{key[:16]}.elf"
    if not elf.exists():
        elf.parent.mkdir(parents=True, exist_ok=True)
        partial = tmp_path_factory.mktemp("devices") / "devices.elf"
        command = [sys.executable, "-m", "ziglang", "cc", *_FLAGS, str(_SOURCE), "-o", str(partial)]
        built = subprocess.run(command, capture_output=True, text=True)
        assert built.returncode == 0, built.stderr
        shutil.move(partial, elf)
    return elf


@needs_qemu
def test_on_qemu(program, disk, tmp_path):
    console = tmp_path / "virtio-console"
    command = [QEMU, "-M", "virt", "-bios", "none", "-display", "none", "-monitor", "none"]
    command += ["-serial", "stdio", "-kernel", str(program), "-global", "virtio-mmio.force-legacy=false"]
    command += ["-drive", f"file={disk},if=none,format=raw,id=disk"]
    command += ["-device", "virtio-blk-device,drive=disk,bus=virtio-mmio-bus.0"]
    command += ["-chardev", f"file,id=out,path={console}"]
    command += ["-device", "virtio-serial-device,bus=virtio-mmio-bus.7", "-device", "virtconsole,chardev=out"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert ended.returncode == 0, f"CHECK in line {ended.returncode} of {_SOURCE.name}\n{ended.stderr}"
    done = "done\n"
    _check(disk, ended.stdout.replace("\r", "").removesuffix(done) + console.read_text() + done)


@pytest.mark.parametrize("options", [[], ["--lockstep"]], ids=["fast", "lockstep"])
def test_on_the_simulated_machine(program, disk, options):
    command = [sys.executable, "-c", "from cosim.cli.main import run_command; run_command()"]
    command += ["run", "--bare", "--quiet", "--max-cycles", "2000000", "--disk", str(disk), str(program)]
    command += options
    ended = subprocess.run(command, capture_output=True, text=True, timeout=1200, cwd=_ROOT)
    assert ended.returncode == 0, (
        f"status {ended.returncode}: CHECK in that line\n{ended.stdout}{ended.stderr}"
    )
    _check(disk, ended.stdout)
