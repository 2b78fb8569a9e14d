"""The small guests on the simulated hardware, in every way of virtualizing: one console, one end."""

import re

import pytest

from cosim.build import Build
from cosim.elf import Program, Segment
from cosim.job import Job
from cosim.result import Result
from cosim.simulate import run_plain
from firmware.images import Boot, Guest, small_guest, virtual

WAYS = {
    "el2": {},
    "el2-shadow": {"shadow": True},
    "el2-nos2": {"no_second_stage": True},
    "el2-hosted": {"hosted": True},
    "el2-split": {"split": True},
    "el2-split-shadow": {"split": True, "shadow": True},
    "vmx": {"arch": "vmx"},
    "vmx-novpid": {"arch": "vmx", "vpid": False},
    "vmx-hosted": {"arch": "vmx", "hosted": True},
    "vmx-shadow": {"arch": "vmx", "shadow": True},
    "vmx-nos2": {"arch": "vmx", "no_second_stage": True},
}
ways = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
LIMIT = 20_000_000


def run(simulator: Build, boot: Boot) -> Result:
    """Run a boot to its end, without Python in the loop."""
    segments = tuple(Segment(address, raw) for address, raw in boot.segments)
    program = Program("boot", boot.entry, segments, {}, boot.device_tree)
    return run_plain(simulator, Job(program, memory=boot.memory, max_cycles=LIMIT))


@ways
@pytest.mark.parametrize(("name", "checks"), [("stress", 10), ("paging", 12), ("calls", 8)])
def test_every_check_passes(simulator: Build, name: str, checks: int, way: dict) -> None:
    result = run(simulator, virtual([Guest(small_guest(name))], **way))
    assert (result.outcome, result.code) == ("exit", 0), result.console
    assert len(re.findall(r"^check: .* ok$", result.console, re.M)) == checks
    assert "FAIL" not in result.console and "check: done" in result.console


@ways
def test_turns_with_one_that_goes_astray(simulator: Build, way: dict) -> None:
    """Three VMs in short slices, one of which is killed."""
    guests = [Guest(small_guest(name), 8 << 20) for name in ("hello", "stray", "primes")]
    result = run(simulator, virtual(guests, slice_ticks=500, **way))
    assert (result.outcome, result.code) == ("exit", 2)
    lines = result.console.splitlines()
    ticks = [f"[vm0] hello: tick {n}" for n in range(1, 6)]
    assert [line for line in lines if "[vm0]" in line] == [
        "[vm0] hello: a guest speaks",
        *ticks,
        "[vm0] hello: done",
    ]
    assert any("vm1 killed: its trap handler cannot be fetched" in line for line in lines)
    primes = [line for line in lines if "[vm2]" in line]
    assert primes == ["[vm2] primes: below 20000: 2262"] * 4 + ["[vm2] primes: done after rounds: 4"]
    assert lines.index(ticks[-1]) < lines.index(primes[-1]), "they did not take turns"


@ways
def test_null_hypercall(simulator: Build, way: dict) -> None:
    """One exit path for all: the same instructions on both architectures; other designs have longer ones."""
    result = run(simulator, virtual([Guest(small_guest("hypercall"))], **way))
    found = dict(re.findall(r"hypercall: (\w+) (\d+)", result.console))
    instructions, cycles = int(found["instructions"]), int(found["cycles"])
    if "split" in way:
        assert 300 < instructions <= 344 and cycles <= 390
    elif "hosted" in way:
        assert 120 < instructions <= 216 and cycles <= 235
    else:
        assert instructions == 66 and cycles <= 100
