"""Linux boots to its init, works, and powers off: from one Image, natively and virtualized."""

import json
from pathlib import Path

import pytest

from cosim.cli.main import main
from cosim.errors import UserError
from cosim.guests.linux import LinuxGuest, build_linux
from cosim.guests.linux.build import cached
from firmware.images import Boot, Guest, native, virtual
from tests.firmware.qemu import run
from tests.qemu import needs_qemu

_MEMORY = 32 << 20
_BOOTED = "bivisor: init reached, Linux "
_WORKED = "checks passed"


@pytest.fixture(scope="module")
def linux() -> LinuxGuest:
    """The guest as it was built last; `make nightly` builds it."""
    guest = cached()
    if guest is None:
        pytest.skip("no Linux guest is built: bivisor guest linux")
    return guest


def _natively(linux: LinuxGuest, bootargs: str) -> Boot:
    return native(linux.image, memory=_MEMORY, bootargs=bootargs)


def _virtually(linux: LinuxGuest, bootargs: str) -> Boot:
    return virtual([Guest(linux.image, _MEMORY, bootargs)])


def _shadowed(linux: LinuxGuest, bootargs: str) -> Boot:
    return virtual([Guest(linux.image, _MEMORY, bootargs)], shadow=True)


def _split(linux: LinuxGuest, bootargs: str) -> Boot:
    return virtual([Guest(linux.image, _MEMORY, bootargs)], split=True)


_WAYS = pytest.mark.parametrize("boot", [_natively, _virtually, _shadowed, _split])


def _check(console: str) -> None:
    assert console.count(_BOOTED) == 1
    assert console.count(_WORKED) == 1
    assert "FAILED" not in console and "Kernel panic" not in console
    assert console.index(_WORKED) < console.index("reboot: Power down")


@needs_qemu
@_WAYS
def test_boots_works_and_powers_off(linux: LinuxGuest, tmp_path: Path, boot) -> None:
    done = run(boot(linux, linux.bootargs), tmp_path)
    assert done.status == 0
    _check(done.console)


@needs_qemu
@_WAYS
def test_whole_log_on_the_uart(linux: LinuxGuest, tmp_path: Path, boot) -> None:
    """The 16550's driver and the PLIC's, and the extensions as the device tree tells them."""
    done = run(boot(linux, "console=ttyS0 panic=-1"), tmp_path)
    assert done.status == 0
    _check(done.console)
    assert "is a 16550A" in done.console
    assert "SBI DBCN extension detected" in done.console
    assert "available via sstc extension" in done.console


@needs_qemu
def test_early_console(linux: LinuxGuest, tmp_path: Path) -> None:
    done = run(_virtually(linux, "console=hvc0 earlycon=sbi panic=-1"), tmp_path)
    assert done.console.index("Linux version 6.") < done.console.index(_BOOTED)


@needs_qemu
def test_two_at_once(linux: LinuxGuest, tmp_path: Path) -> None:
    """Both work at the same time: neither has finished when the other starts."""
    done = run(virtual([Guest(linux.image, _MEMORY, linux.bootargs)] * 2), tmp_path)
    assert done.status == 0
    for tag in ("[vm0] ", "[vm1] "):
        _check("\n".join(line for line in done.console.splitlines() if line.startswith(tag)))
    assert done.console.rindex(_BOOTED) < done.console.index(_WORKED)


@needs_qemu
@pytest.mark.parametrize("hardware_ad", [False, True])
def test_two_share_few_shadow_tables(linux: LinuxGuest, tmp_path: Path, hardware_ad: bool) -> None:
    """Hardly more tables than cannot be evicted: they come and go all the time."""
    guests = [Guest(linux.image, _MEMORY, linux.bootargs)] * 2
    boot = virtual(guests, shadow=True, shadow_tables=72, hardware_ad=hardware_ad)
    done = run(boot, tmp_path)
    assert done.status == 0
    for tag in ("[vm0] ", "[vm1] "):
        _check("\n".join(line for line in done.console.splitlines() if line.startswith(tag)))


@needs_qemu
def test_small_pages(linux: LinuxGuest, tmp_path: Path) -> None:
    done = run(virtual([Guest(linux.image, _MEMORY, linux.bootargs, small_pages=True)]), tmp_path)
    assert done.status == 0
    _check(done.console)


@needs_qemu
def test_kernel_without_an_init_resets_the_machine(linux: LinuxGuest, tmp_path: Path) -> None:
    """``panic=-1``: no guest that cannot go on stays forever."""
    done = run(_natively(linux, f"{linux.bootargs} rdinit=/none init=/none"), tmp_path, "-no-reboot")
    assert "Kernel panic" in done.console
    assert _BOOTED not in done.console


@pytest.mark.nightly
@pytest.mark.parametrize(
    "options",
    [
        ["--bare"],
        [],
        ["--no-ept"],
        ["--hosted"],
        ["--split"],
        ["--arch", "vmx"],
        ["--arch", "vmx", "--hosted"],
        ["--arch", "vmx", "--no-vpid"],
        ["--arch", "vmx", "--no-ept"],
        ["--arch", "vmx", "--nos2"],
    ],
    ids=[
        "native",
        "el2",
        "el2-shadow",
        "el2-hosted",
        "el2-split",
        "vmx",
        "vmx-hosted",
        "vmx-novpid",
        "vmx-shadow",
        "vmx-nos2",
    ],
)
def test_on_the_simulated_machine(linux: LinuxGuest, tmp_path: Path, options: list[str]) -> None:
    """The command that people use, on the RTL; as a guest it has nearly the whole machine."""
    result = tmp_path / "result.json"
    command = ["run", "--guest", "linux", "--mem", "32M", *options, "--max-cycles", "100000000"]
    assert main([*command, "--json", str(result)]) == 0
    found = json.loads(result.read_text())
    _check(found["console"])
    shadow = "--no-ept" in options or "--nos2" in options
    assert found["cycles"] < (40_000_000 if shadow else 30_000_000)
    if "--bare" not in options and not shadow:
        assert found["guest_cycles"] > 0.95 * found["cycles"]


@pytest.mark.nightly
@pytest.mark.parametrize("options", [["--bare"], []], ids=["native", "virtual"])
def test_in_lockstep_to_init(linux: LinuxGuest, tmp_path: Path, options: list[str]) -> None:
    """Every instruction from reset to init's first line, compared with the golden model."""
    result = tmp_path / "result.json"
    command = ["run", "--guest", "linux", *options, "--mem", "32M", "--lockstep", "--until", _BOOTED]
    assert main([*command, "--json", str(result)]) == 0
    found = json.loads(result.read_text())
    assert found["outcome"] == "until"
    assert found["instructions"] > 5_000_000


@pytest.mark.nightly
def test_builds_from_the_packages_source() -> None:
    """The Image has the header of RISC-V kernels (Linux, boot-image-header)."""
    said: list[str] = []
    try:
        guest = build_linux(said.append)
    except UserError as error:
        if "apt-get install" in str(error):
            pytest.skip(str(error))
        raise
    assert guest.image.read_bytes()[56:60] == b"RSC\x05"
    assert guest.symbols.is_file()
    assert cached() == guest
    assert build_linux(said.append) == guest
