"""Differential fuzz: random functions give the same under CPython and compiled.

The large numbers run on this computer (same IR, another target), a sample as RV64 under QEMU.
"""

import ctypes
import platform
import random
import re
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from firmware.lang import Image, build, emit_call
from firmware.lang.function import FUNCTIONS
from firmware.lang.machine import Machine
from tests.qemu import needs_qemu

from .host import compile_for_host, import_source
from .programs import random_module
from .qemu import run_qemu

COUNT = 50
CORNERS = (0, 1, (1 << 64) - 1, 1 << 63, 0x7FFF_FFFF, 0x8000_0000)
needs_x86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="the host target is x86_64 Linux")


def arguments(rng: random.Random, rows: int) -> list[tuple[int, int, int]]:
    def word() -> int:
        return rng.choice([rng.choice(CORNERS), rng.getrandbits(64), rng.getrandbits(6)])

    return [(word(), word(), word()) for _ in range(rows)]


def function_source(source: str, number: int) -> str:
    """The lines of one function of a generated module."""
    found = re.search(rf"@fw[^\n]*\ndef f{number}\(.*?\n\n", source, re.S)
    return found.group(0) if found else source


def compare(seed: int, functions: int, rows: int, place: Path) -> int:
    """Run a random module in both worlds; the number of calls that agreed."""
    source = random_module(seed, functions)
    module = import_source(source, place, f"fuzz_{seed}")
    runs = [getattr(module, f"run_{number}") for number in range(functions)]
    library = compile_for_host(runs, place)
    agreed = 0
    with Machine():
        for number, run in enumerate(runs):
            native = getattr(library, f"run_{number}")
            native.restype, native.argtypes = ctypes.c_uint64, [ctypes.c_uint64] * 3
            for row in arguments(random.Random(number), rows):
                interpreted, compiled = int(run(*row)), native(*row)
                assert interpreted == compiled, (
                    f"seed {seed}: run_{number}{row} is {interpreted:#x} under CPython and {compiled:#x} "
                    f"compiled:\n{function_source(source, number)}"
                )
                agreed += 1
    FUNCTIONS.pop(module.__name__)
    del sys.modules[module.__name__]
    return agreed


def fuzz(tmp_path_factory: pytest.TempPathFactory, start: int, modules: int, rows: int) -> None:
    @seed(start)
    @settings(
        max_examples=modules,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # a smaller seed is not a smaller program
        suppress_health_check=list(HealthCheck),
    )
    @given(number=st.integers(0, (1 << 62) - 1))
    def run(number: int) -> None:
        place = tmp_path_factory.mktemp("fuzz")
        assert compare(start << 64 | number, COUNT, rows, place) == COUNT * rows

    run()


@needs_x86
@pytest.mark.parametrize("start", range(4))
def test_random_functions_agree(start: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    fuzz(tmp_path_factory, start, modules=2, rows=3)


@needs_x86
@pytest.mark.nightly
@pytest.mark.parametrize("start", range(100, 110))
def test_ten_thousand_random_functions_agree(start: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    fuzz(tmp_path_factory, start, modules=1_000 // COUNT, rows=4)


@needs_x86
@pytest.mark.parametrize(
    ("name", "wrong"),
    [("shifts are masked", "_shift"), ("division by zero", "_divide"), ("sign extension", "convert")],
)
def test_the_fuzz_finds_planted_errors(
    name: str, wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    emitter = emit_call.CallEmitter
    if wrong == "_shift":
        monkeypatch.setattr(emitter, "shift", lambda self, op, kind, left, right: left)
    elif wrong == "_divide":
        monkeypatch.setattr(emitter, "_divide", lambda self, op, form, a, b: a)
    else:
        right = emitter.convert

        def unsigned(self: emit_call.CallEmitter, value: str, kind: object, target: object) -> str:
            before = len(self.lines)
            got = right(self, value, kind, target)
            self.lines[before:] = [line.replace("= sext ", "= zext ") for line in self.lines[before:]]
            return got

        monkeypatch.setattr(emitter, "convert", unsigned)
    with pytest.raises(AssertionError, match="under CPython"):
        compare(7, 20, 3, tmp_path)


_MAIN = """
rows = static(array[u64, {count}], {values}, const=True)

@fw
def put(value: u64) -> None:
    for k in range(i64(60), -4, -4):
        digit = u8(value >> u64(k)) & 15
        store8(0x1000_0000, digit + (48 if digit < 10 else 87))
    store8(0x1000_0000, 10)

@fw
def main() -> None:
    for k in range(0, {count}, 3):
        x = rows[k]
        y = rows[k + 1]
        z = rows[k + 2]
{calls}
    store32(0x10_0000, 0x5555)

image = Image(main, stack=0x10000, name="fuzz", optsize=False)
"""


def riscv_program(seed: int, functions: int, rows: list[tuple[int, int, int]]) -> str:
    values = [word for row in rows for word in row]
    main = _MAIN.format(
        count=len(values),
        values=values,
        calls="\n".join(f"        put(run_{number}(x, y, z))" for number in range(functions)),
    )
    return random_module(seed, functions) + main


@needs_qemu
@pytest.mark.parametrize("optsize", [False, True])
def test_random_functions_agree_on_riscv(optsize: bool, tmp_path: Path) -> None:
    rows = arguments(random.Random(5), 3)
    module = import_source(riscv_program(11, 60, rows), tmp_path, f"fuzz_riscv_{optsize}")
    image: Image = module.image
    elf = build(Image(image.entry, stack=image.stack, name="fuzz", optsize=optsize))
    lines = [int(line, 16) for line in run_qemu(elf).split()]
    with Machine():
        expected = [int(getattr(module, f"run_{n}")(*row)) for row in rows for n in range(60)]
    assert lines == expected
