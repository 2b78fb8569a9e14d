"""Whole boots on QEMU: monitor, hypervisor and guests as machine code."""

import re
from pathlib import Path

import pytest

from firmware.bootinfo import MONITOR_INFO
from firmware.images import Guest, native, small_guest, virtual
from tests.qemu import QEMU_CPU, needs_qemu

from .qemu import run

pytestmark = needs_qemu

HELLO = ["hello: a guest speaks", *[f"hello: tick {n}" for n in range(1, 6)], "hello: done"]
PRIMES = [*["primes: below 20000: 2262"] * 4, "primes: done after rounds: 4"]


def guests(*names: str, **options: object):
    """A boot of small guests under the hypervisor."""
    return virtual([Guest(small_guest(name), **options) for name in names])


def lines_of(console: str, vm: int) -> list[str]:
    """The lines of one VM, without its tag."""
    tag = f"[vm{vm}] "
    return [line.removeprefix(tag) for line in console.splitlines() if line.startswith(tag)]


def test_one_guest_prints_its_bytes_unchanged(tmp_path: Path):
    result = run(guests("hello"), tmp_path)
    assert result.console == "\n".join([*HELLO, ""])
    assert result.status == 0


def test_two_guests_at_once(tmp_path: Path):
    """With -icount time is instructions, however busy the machine is that the test runs on."""
    result = run(guests("primes", "hello"), tmp_path, "-icount", "shift=0")
    assert lines_of(result.console, 0) == PRIMES
    assert lines_of(result.console, 1) == HELLO
    assert result.status == 0
    assert result.console.index("[vm1]") < result.console.rindex("[vm0]"), "they did not take turns"


def test_eight_guests_at_once(tmp_path: Path):
    result = run(guests(*["hello"] * 8, memory=8 << 20), tmp_path)
    assert [lines_of(result.console, vm) for vm in range(8)] == [HELLO] * 8
    assert result.status == 0


@pytest.mark.parametrize("small_pages", [False, True])
@pytest.mark.parametrize("hardware_ad", [False, True])
def test_stress(tmp_path: Path, small_pages: bool, hardware_ad: bool):
    guest = Guest(small_guest("stress"), small_pages=small_pages)
    result = run(virtual([guest], hardware_ad=hardware_ad), tmp_path)
    checks = re.findall(r"check: (.*) (ok|FAIL)", result.console)
    assert len(checks) == 10 and [name for name, how in checks if how == "FAIL"] == []
    assert "check: done" in result.console and result.status == 0


def test_sbi_calls_of_a_guest(tmp_path: Path):
    check_calls(run(guests("calls"), tmp_path))


@pytest.mark.parametrize("sstc", ["on", "off"])
def test_sbi_calls_under_the_monitor(tmp_path: Path, sstc: str):
    check_calls(run(native(small_guest("calls")), tmp_path, cpu=QEMU_CPU.replace("sstc=on", f"sstc={sstc}")))


def check_calls(result) -> None:
    """The report of the `calls` guest."""
    checks = re.findall(r"check: (.*) (ok|FAIL)", result.console)
    assert [name for name, _ in checks] == ["base", "hsm", "rfence", "srst", "dbcn", "ipi", "time", "legacy"]
    assert all(how == "ok" for _, how in checks), result.console
    assert "dbcn write\n#\n" in result.console and "@\n" in result.console
    assert result.status == 0


def test_native_hello(tmp_path: Path):
    result = run(native(small_guest("hello")), tmp_path)
    assert result.console.splitlines() == HELLO and result.status == 0


TYPED = b"what is typed here is longer\nthan any receive buffer is."


def test_typed_input_reaches_a_guest(tmp_path: Path):
    result = run(guests("echo"), tmp_path, text=TYPED)
    assert result.console == f"echo: type, and . to end\n{TYPED.decode()}\necho: done\n"
    assert result.status == 0


def test_typed_input_wakes_a_guest_beside_another(tmp_path: Path):
    result = run(guests("echo", "hello"), tmp_path, text=TYPED)
    assert lines_of(result.console, 0) == [
        "echo: type, and . to end",
        *TYPED.decode().split("\n"),
        "echo: done",
    ]
    assert lines_of(result.console, 1) == HELLO and result.status == 0


def test_what_a_guest_does_with_page_tables_is_what_the_hart_does(tmp_path: Path):
    result = run(native(small_guest("paging")), tmp_path)
    assert result.console.count(" ok\n") == 12 and result.status == 0


@pytest.mark.parametrize("name", ["stress", "calls", "paging"])
@pytest.mark.parametrize("hardware_ad", [False, True])
def test_shadow_paging(tmp_path: Path, name: str, hardware_ad: bool):
    boot = virtual([Guest(small_guest(name))], shadow=True, hardware_ad=hardware_ad, shadow_tables=70)
    result = run(boot, tmp_path)
    assert "check: done" in result.console and "FAIL" not in result.console and result.status == 0


@pytest.mark.parametrize("shadow", [False, True])
def test_bad_guest_is_killed_alone(tmp_path: Path, shadow: bool):
    boot = virtual([Guest(small_guest(name)) for name in ("stray", "hello")], shadow=shadow)
    result = run(boot, tmp_path)
    assert "[bivisor] vm0 killed: its trap handler cannot be fetched; pc 0x40000000" in result.console
    assert lines_of(result.console, 1) == HELLO
    assert result.status == 2


@pytest.mark.parametrize("name", ["stress", "calls", "paging"])
@pytest.mark.parametrize("design", ["hosted", "split"])
def test_designs_with_a_host_kernel(tmp_path: Path, name: str, design: str):
    result = run(virtual([Guest(small_guest(name))], **{design: True}), tmp_path)
    assert "check: done" in result.console and "FAIL" not in result.console and result.status == 0


def test_typed_input_reaches_a_guest_of_a_host_kernel_in_vs_mode(tmp_path: Path):
    """Its external interrupt comes by the lowvisor: while it waits, and while another guest runs."""
    boot = virtual([Guest(small_guest(name)) for name in ("echo", "hello")], split=True)
    result = run(boot, tmp_path, text=TYPED)
    assert lines_of(result.console, 0)[1:-1] == TYPED.decode().split("\n")
    assert lines_of(result.console, 1) == HELLO and result.status == 0


def test_null_hypercall_stays_within_its_budget(tmp_path: Path):
    """With -icount, QEMU's instret counts instructions; the RTL's count is the exact one."""
    result = run(guests("hypercall"), tmp_path, "-icount", "shift=0")
    found = re.search(r"hypercall: instructions (\d+)", result.console)
    assert found and 40 < int(found[1]) <= 90


def test_fault_of_the_hypervisor_is_reported_by_the_monitor(tmp_path: Path):
    boot = guests("hello")
    entry = min(address for address, _ in boot.segments if address > 0x8000_FFFF)
    broken = [
        (entry, b"\x03\x30\x00\x00") if address == entry else (address, raw) for address, raw in boot.segments
    ]
    result = run(type(boot)(boot.entry, boot.device_tree, tuple(broken), boot.memory), tmp_path)
    assert "[monitor] unexpected trap: mcause=0x5 mepc=0x80010000 mtval=0x0" in result.console
    assert result.status == 254


def test_monitor_without_information_starts_the_native_entry(tmp_path: Path):
    boot = native(small_guest("hello"))
    segments = tuple(segment for segment in boot.segments if segment[0] != MONITOR_INFO)
    result = run(type(boot)(boot.entry, boot.device_tree, segments, boot.memory), tmp_path)
    assert result.console.splitlines() == HELLO and result.status == 0
