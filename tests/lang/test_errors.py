"""Every error message of the checker: what it says, what it underlines, what it hints."""

import re
from pathlib import Path

import pytest

from firmware.lang import CompileError
from firmware.lang.check import checked

from .host import import_source

_PRELUDE = """from enum import Enum, IntEnum
from firmware.lang import *

class Cause(IntEnum):
    CALL = 10
    FAULT = 20

class Colour(Enum):
    RED = "red"

@struct
class Pair:
    low: u32
    high: u64
    inner: "ptr[Pair]"
    words: array[u16, 4]

@struct
class Outer:
    pair: Pair
    pairs: array[Pair, 2]

BIG = 300
NAME = b"text"
ticks = static(u64)
outer = static(Outer)

def plain(x):
    return x

@fw
def callee(x: u32) -> None:
    pass

@fw
def two(x: u64) -> tuple[u64, bool]:
    return x, True

@fw(noreturn=True)
def stop() -> None:
    while True:
        pass

@fw
def f(a: u64, b: u32, flag: bool, p: ptr[u64], v: ptr[Pair], n: i32) -> u64:
"""

_CASES = Path(__file__).with_name("errors.golden").read_text().strip().split("\n\n")


def problems(source: str, place: Path) -> CompileError:
    module = import_source(source, place, "wrong")
    with pytest.raises(CompileError) as error:
        checked(module.f)
    return error.value


def read_case(text: str) -> tuple[list[str], int, str, str]:
    """The code of a golden case, the number and the caret line of the wrong line, and the hint."""
    lines = text.split("\n")
    hint = lines.pop().removeprefix("hint: ") if lines[-1].startswith("hint: ") else ""
    marked = next(number for number, line in enumerate(lines) if re.match(r" *\^+ ", line))
    caret = lines.pop(marked)
    return lines, marked - 1, caret, hint


@pytest.mark.parametrize("case", _CASES, ids=[case.split("\n")[0] for case in _CASES])
def test_message(case: str, tmp_path: Path) -> None:
    code, wrong, caret, hint = read_case(case)
    body = "".join(f"    {text}\n" for text in code)
    (found,) = problems(_PRELUDE + body + "    return a\n", tmp_path).diagnostics
    shown = " " * (found.column - 5) + "^" * (found.end_column - found.column) + f" {found.message}"
    line = found.line - 1 - _PRELUDE.count("\n")
    assert (line, shown, found.hint) == (wrong, caret, hint)


_SIGNATURES = [
    ("def f(x) -> None:\n    pass", "x", "parameter x cannot be None"),
    ("def f(x: array[u8, 3]) -> None:\n    pass", "x: array[u8, 3]", "parameter x cannot be array[u8, 3]"),
    ("def f(x: 'nonsense') -> None:\n    pass", "x: 'nonsense'", "name 'nonsense' is not defined"),
    ("def f() -> str:\n    return 3", "str", "a function cannot return str"),
    ("def f(*x: u64) -> None:\n    pass", None, "a firmware function has plain positional parameters only"),
    ("def f() -> u64:\n    pass", None, "f can reach its end without a return"),
    ("def f(x: bool) -> u64:\n    while x:\n        return 3", None, "f can reach its end without a return"),
]


@pytest.mark.parametrize(("function", "part", "message"), _SIGNATURES)
def test_signature(function: str, part: str | None, message: str, tmp_path: Path) -> None:
    source = f"from firmware.lang import *\n@fw\n{function}\n"
    found = problems(source, tmp_path).diagnostics[0]
    assert found.message == message
    if part is not None:
        assert source.split("\n")[found.line - 1][found.column - 1 : found.end_column - 1] == part


def test_noreturn(tmp_path: Path) -> None:
    head = "from firmware.lang import *\n@fw(noreturn=True)\ndef f(x: bool) -> None:\n"
    ends = problems(head + "    while x:\n        pass\n", tmp_path).diagnostics
    returns = problems(head + "    return\n", tmp_path).diagnostics
    assert [d.message for d in ends + returns] == ["f is noreturn but can reach its end", "f is noreturn"]


def test_all_errors_of_a_run_are_shown_as_people_read_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = "from firmware.lang import *\n@fw\ndef f(a: u64, b: u32) -> u64:\n    x = a + b\n"
    assert str(problems(source + "    if a:\n        y = 5\n    return x\n", tmp_path)) == (
        "wrong.py:4:9: error: u64 + u32: the operands have different types\n"
        "    x = a + b\n"
        "        ^~~~~\n"
        "hint: convert one of them, for example u64(b)\n"
        "wrong.py:5:8: error: a condition is bool, not u64\n"
        "    if a:\n"
        "       ^\n"
        "hint: compare: a != 0\n"
        "wrong.py:6:9: error: the type of y is not known\n"
        "    y = 5\n"
        "    ^\n"
        "hint: write y: u64 = 5"
    )
