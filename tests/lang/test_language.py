"""Features one by one: compile-time code, control flow, data; each run in both worlds."""

import ctypes
import platform
from pathlib import Path
from types import ModuleType

import pytest

from firmware.lang.machine import Machine, MachineError

from .host import compile_for_host, import_source

_SOURCE = '''from enum import Enum, IntEnum
from firmware.lang import *

class Cause(IntEnum):
    CALL = 10
    FAULT = 20

class Mode(Enum):
    FAST = 3

DEBUG = False
SIZES = {"small": 3, "large": 40}
TABLE = (7, 8, 9)
START = u64(1) << 40

@struct
class Point:
    x: i32
    y: i32

@struct
class Node:
    value: u16
    point: Point
    next: "ptr[Node]"
    grid: array[array[u8, 3], 2]

nodes = static(array[Node, 3])
cursor = static(ptr[Node])
seen = static(bool)
squares = static(array[u32, 5], [n * n for n in range(5)], const=True)

def adder(amount):
    """A function for each amount: closures are compile-time values."""
    @fw(noinline=True)
    def add(x: u64) -> u64:
        return x + amount
    return add

add_one, add_ten = adder(1), adder(10)

@fw(export=True)
def closures(x: u64) -> u64:
    return add_one(x) * 100 + add_ten(x)

@fw(export=True)
def constants(x: u64) -> u64:
    if DEBUG:
        undefined_name(x)
    total = x + SIZES["large"] + TABLE[2] + Mode.FAST.value + Cause.FAULT + len(TABLE) + START
    total += const(sum(n for n in TABLE)) + sizeof(Node) + offsetof(Node, "grid[1]") + len(squares)
    return total + len(b"four") + b"A"[0] + (1 if DEBUG else 2)

@fw(export=True)
def matches(x: u64) -> u64:
    match x:
        case Cause.CALL:
            return 1
        case Cause.FAULT | 21 | 0xFFFF_FFFF_FFFF_FFFF:
            return 2
        case 5 if seen.value:
            return 3
        case 5 | 6:
            result = u64(4)
        case _ if x > 100:
            result = x
        case _:
            return 5
    return result + 1

@fw(export=True)
def fibonacci(n: u64) -> u64:
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)

@fw(export=True)
def lists(x: u64) -> u64:
    """A linked list through a static pointer."""
    for k in range(3):
        nodes[k].value = u16(x + k)
        nodes[k].next = nodes[k + 1] if k < 2 else ptr[Node](0)
        nodes[k].point.y = -i32(k)
        nodes[k].grid[k & 1][k] = u8(k + 7)
    cursor.value = nodes[0]
    total = u64(0)
    while u64(cursor.value) != 0:
        here = cursor.value
        total = total * 3 + u64(here.value) + u64(here.point.y) + u64(here.grid[0][0]) + u64(here.grid[1][1])
        cursor.value = here.next
    seen.value = not seen.value
    last = addr_of(nodes[2].value)
    last[0] += 1
    row = nodes[2].grid[0]
    return total + u64(last[0]) + u64((row + 2)[0]) + u64(squares[4]) + u64(seen.value)

@fw
def divide(a: u64, b: u64) -> tuple[u64, u64, bool]:
    return divu(a, b), remu(a, b), b == 0

@fw
def divide_again(a: u64, b: u64) -> tuple[u64, u64, bool]:
    return divide(a, b)

@fw(export=True)
def tuples(x: u64) -> u64:
    q, r, bad = divide_again(x, x & 3)
    return q * 16 + r + u64(bad)

@fw(export=True)
def loops(x: u64) -> u64:
    total = u64(0)
    for k in range(u8(200), u8(255), 50):
        total += u64(k)
    for k2 in range(10, 0, -3):
        if k2 == 4:
            continue
        for inner in range(x & 7):
            if inner == 3:
                break
            total += inner * k2
    while True:
        total += 1
        if total & 7 in (0, 5):
            break
    return total

@fw(export=True)
def text(x: u64) -> u64:
    found = u64(0)
    letters = b"hypervisor"
    while letters[found] != u8(x) and letters[found] != 0:
        found += 1
    return found

@fw(extern=True)
def outside(x: u64) -> u64: ...

@fw
def calls_outside(x: u64) -> u64:
    return outside(x) + symbol("__image_end")

@fw(noreturn=True)
def stop() -> None:
    while True:
        wfi()

@fw
def ends(x: u64) -> u64:
    if x == 0:
        stop()
    else:
        return x
'''

_CALLS = [(name, x) for name in (
    "closures", "constants", "matches", "lists", "tuples", "loops", "text"
) for x in (0, 1, 3, 5, 6, 10, 21, 101, ord("r"), (1 << 64) - 1)]  # fmt: skip
_CALLS += [("fibonacci", 12)]


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    return import_source(_SOURCE, tmp_path_factory.mktemp("language"), "language_features")


@pytest.fixture(scope="module")
def expected(module: ModuleType) -> dict[tuple[str, int], int]:
    with Machine():
        return {(name, x): int(getattr(module, name)(x)) for name, x in _CALLS}


def test_values(expected: dict[tuple[str, int], int]) -> None:
    assert expected["closures", 5] == 615
    assert expected["constants", 0] == (1 << 40) + 40 + 9 + 3 + 20 + 3 + 24 + 32 + 27 + 5 + 4 + 65 + 2
    assert [expected["matches", x] for x in (10, 21, (1 << 64) - 1, 5, 6, 3, 101)] == [1, 2, 2, 5, 5, 5, 102]
    assert expected["fibonacci", 12] == 144
    assert expected["text", ord("r")] == 4 and expected["text", 0] == 10
    assert expected["tuples", 0] == ((1 << 64) - 1) * 16 + 1 & (1 << 64) - 1


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the host target is x86_64 Linux")
def test_compiled_code_agrees(
    module: ModuleType, expected: dict[tuple[str, int], int], tmp_path: Path
) -> None:
    names = dict.fromkeys(name for name, _ in _CALLS)
    library = compile_for_host([getattr(module, name) for name in names], tmp_path)
    for (name, x), value in expected.items():
        native = getattr(library, name)
        native.restype, native.argtypes = ctypes.c_uint64, [ctypes.c_uint64]
        assert native(x) == value, (name, x)


def test_functions_in_assembly_are_hooks(module: ModuleType) -> None:
    with Machine() as machine:
        with pytest.raises(NotImplementedError, match="outside is in assembly"):
            module.calls_outside(3)
        machine.externs["outside"] = lambda x: x * 2
        with pytest.raises(MachineError, match="symbol __image_end"):
            module.calls_outside(3)
        machine.symbols["__image_end"] = 100
        assert int(module.calls_outside(3)) == 106


def test_wfi_and_noreturn(module: ModuleType) -> None:
    class Woken(Exception):
        pass

    def wake() -> None:
        raise Woken

    with Machine() as machine:
        assert int(module.ends(4)) == 4
        machine.wfi = wake
        with pytest.raises(Woken):
            module.ends(0)
        assert machine.trace == [("wfi",)]


def test_calls_from_python_are_checked(module: ModuleType) -> None:
    with pytest.raises(TypeError, match="fibonacci was given 2 arguments for 1 parameters"):
        module.fibonacci(1, 2)
    with pytest.raises(OverflowError, match="does not fit u64"):
        module.fibonacci(-1)
    with pytest.raises(TypeError, match="u64 expected, not bool"):
        module.fibonacci(True)
