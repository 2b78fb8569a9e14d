"""Every error message of the checker: what it says, what it underlines, what it hints."""

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

_EXPRESSIONS = [
    (
        "x = a + b",
        "a + b",
        "u64 + u32: the operands have different types",
        "convert one of them, for example u64(b)",
    ),
    ("x = a + flag", "a + flag", "u64 + bool is not defined", "convert to an integer type"),
    (
        "a += b",
        "a += b",
        "u64 + u32: the operands have different types",
        "convert one of them, for example u64(b)",
    ),
    (
        "x = a == b",
        "a == b",
        "u64 == u32: the operands have different types",
        "convert one of them, for example u64(b)",
    ),
    ("x = 1 < a < 3", "1 < a < 3", "comparisons do not chain", "join two with and"),
    ("x = p is p", "p is p", "is and in are not in the language", "use == or !="),
    ("x = flag < flag", "flag < flag", "bool has no order", "compare integers"),
    ("x = p < p", "p < p", "ptr[u64] has no order", "compare integers"),
    ("x = a // 3", "a // 3", "// is not in the language", "use divu or div"),
    ("x = a % 3", "a % 3", "% is not in the language", "use remu or rem"),
    ("x = a / 3", "a / 3", "/ is not in the language", ""),
    ("x = -flag", "-flag", "- of bool", ""),
    ("x = a + -1", "-1", "-1 does not fit u64", ""),
    ("b = 0x1_0000_0000", "0x1_0000_0000", "0x100000000 does not fit u32", ""),
    ("x = u8(a) + BIG", "BIG", "0x12c does not fit u8", ""),
    ("x = u8(a) & -129", "-129", "-0x81 does not fit u8", ""),
    (
        "x = (1 if flag else 2) + 3",
        "(1 if flag else 2) + 3",
        "the operands have no type",
        "give one a type, for example u64(1)",
    ),
    ("x = a + (1 << 9999)", "1 << 9999", "the constant is too large", ""),
    ("x = a + 1 // 0", "1 // 0", "at compile time: integer division or modulo by zero", ""),
    ("x = a + 1 / 2", "1 / 2", "at compile time: <class 'ast.Div'>", ""),
    ("x = a + nowhere", "nowhere", "the name nowhere is not defined", ""),
    ("x = a + Cause.NOWHERE", "Cause.NOWHERE", "the type Cause has no attribute NOWHERE", ""),
    ("x = Colour.RED", "Colour.RED", "a Python Colour has no value in firmware", ""),
    (
        "x = a + const(1 // 0)",
        "const(1 // 0)",
        "at compile time: ZeroDivisionError: integer division or modulo by zero",
        "",
    ),
    ("x = a + const(b + 1)", "b", "b is a local: only module names are known at compile time", ""),
    ("x = callee", "callee", "callee has no value in firmware", "call it"),
    ("x = u64", "u64", "the type u64 has no value in firmware", ""),
    ("x = ticks", "ticks", "a scalar static is used through .value", ""),
    ("x = ticks.count", "ticks.count", "a u64 static has .value only", ""),
    ("x = [a]", "[a]", "a List expression is not in the language", ""),
    ("x = a.low", "a.low", "u64 has no fields", ""),
    ("x = v.middle", "v.middle", "Pair has no field middle", "its fields are low, high, inner, words"),
    ("x = csr.nothing", "csr.nothing", "there is no CSR nothing", ""),
    ("x = a[0]", "a[0]", "u64 has no elements", ""),
    ("x = p[flag]", "flag", "an index is an integer, not bool", ""),
    ("x = v.words[4]", "4", "index 4 is outside array[u16, 4]", ""),
    ("x = p[-1]", "-1", "-1 does not fit u64", ""),
    ("x = not a", "a", "a condition is bool, not u64", "compare: a != 0"),
    ("x = flag and a", "a", "a condition is bool, not u64", "compare: a != 0"),
    ("x = a if p else a", "p", "a condition is bool, not ptr[u64]", ""),
    ("x = a if flag else b", "b", "u64 expected, not u32", "convert: u64(b)"),
]

_CALLS = [
    ("callee(x=3)", "callee(x=3)", "arguments are positional in the language", ""),
    ("callee(a)", "a", "u32 expected, not u64", "convert: u32(a)"),
    ("callee()", "callee()", "callee takes 1 argument, not 0", ""),
    (
        "plain(a)",
        "plain",
        "plain cannot be called in firmware",
        "decorate it with @fw, or wrap compile-time code in const(...)",
    ),
    ("x = bool(a)", "bool", "the type bool cannot be called in firmware", "compare: x != 0"),
    (
        "x = range(3)",
        "range",
        "the type range cannot be called in firmware",
        "only for loops iterate over range",
    ),
    ("v.inner(3)", "v.inner", "only functions known at compile time can be called", ""),
    ("x = len(a)", "len(a)", "u64 has no length", ""),
    ("x = load32(b)", "b", "an address is a u64 or a pointer, not u32", ""),
    ("store8(a, a)", "a", "u8 expected, not u64", "convert: u8(a)"),
    ("sfence_vma(a, a, a)", "sfence_vma(a, a, a)", "sfence_vma takes at most 2 arguments", ""),
    ("sfence_vma(b)", "b", "u64 expected, not u32", "convert: u64(b)"),
    ("x = divu(a)", "divu(a)", "divu takes 2 arguments, not 1", ""),
    ("x = divu(3, 4)", "divu(3, 4)", "the operands have no type", "give one a type, for example u64(1)"),
    ("x = div(a, a)", "div(a, a)", "div of u64", "use divu"),
    ("x = remu(n, n)", "remu(n, n)", "remu of i32", "use rem"),
    ("x = amoadd(p)", "amoadd(p)", "amoadd takes 2 arguments, not 1", ""),
    (
        "x = amoadd(v.words, 3)",
        "v.words",
        "amoadd needs a pointer to u32, i32, u64 or i64, not array[u16, 4]",
        "",
    ),
    ("x = lr(p, a)", "lr(p, a)", "lr takes 1 argument, not 2", ""),
    ("ecall(1)", "ecall(1)", "ecall takes an extension, a function and up to 6 arguments", ""),
    ("x = csr_swap(a)", "csr_swap(a)", 'csr_swap takes a name and a value: csr_swap("hvip", x)', ""),
    ('x = csr_swap("cycle", a)', '"cycle"', "there is no writable CSR cycle", ""),
    ("x = symbol(a)", "symbol(a)", 'symbol takes a name: symbol("__image_end")', ""),
    ("x = u64(a, b)", "u64(a, b)", "u64 takes 1 argument, not 2", ""),
    ("x = u64(two(a))", "two(a)", "tuple[u64, bool] has no value to convert", ""),
    ("x = ptr[u32](b)", "b", "a pointer is made from u64, not u32", ""),
    ("x = ptr[u32](-1)", "-1", "-1 does not fit u64", ""),
    ("x = addr_of(a)", "a", "addr_of needs a static, an element or a field", ""),
    ("x = addr_of(csr.sepc)", "csr.sepc", "addr_of needs a static, an element or a field", ""),
    ("x = addr_of(p, p)", "addr_of(p, p)", "addr_of takes 1 argument, not 2", ""),
]

_STATEMENTS = [
    ("x = 5", "x", "the type of x is not known", "write x: u64 = 5"),
    ("x = callee(b)", "callee(b)", "x cannot be None", ""),
    ("x = two(a)", "two(a)", "x cannot be tuple[u64, bool]", ""),
    ("a = b", "b", "u64 expected, not u32", "convert: u64(b)"),
    ("a = p", "p", "u64 expected, not ptr[u64]", "convert: u64(p)"),
    ("flag = 1", "1", "bool expected, not an integer", ""),
    ("p = 0", "0", "ptr[u64] expected, not an integer", ""),
    ("x = a = a", "x = a = a", "one target for each assignment", ""),
    ("x, y, z = two(a)", "two(a)", "3 values expected, not tuple[u64, bool]", ""),
    ("b, y = two(a)", "b", "b is u32, not u64", ""),
    ("p[0], y = two(a)", "p[0]", "a result is unpacked into local variables only", ""),
    ("BIG.x: u64 = 3", "BIG.x: u64 = 3", "only a local variable is annotated", ""),
    ("a: u32 = 3", "a", "a is u64 already", "use another name"),
    ("x: list = a", "list", "a variable cannot be list", ""),
    ("x: Pair = v", "v", "aggregates are not copied by assignment", "use memcpy"),
    ("outer.pair = v", "outer.pair = v", "aggregates are not copied by assignment", "use memcpy"),
    ("outer.pairs[1] = v", "outer.pairs[1] = v", "aggregates are not copied by assignment", "use memcpy"),
    ("v.words = v.words", "v.words = v.words", "aggregates are not copied by assignment", "use memcpy"),
    ("NAME[0] = 3", "NAME[0]", "cannot assign to a constant", "make it static(...)"),
    ("csr.cycle = a", "csr.cycle", "cycle is read-only", ""),
    ("csr.sepc = b", "b", "u64 expected, not u32", "convert: u64(b)"),
    (
        "csr.sie |= b",
        "csr.sie |= b",
        "u64 | u32: the operands have different types",
        "convert one of them, for example u64(b)",
    ),
    ("[x] = a", "[x]", "cannot assign to a List", ""),
    ("a", "a", "an expression statement does nothing", "call a function or assign"),
    ("assert flag", "assert flag", "assert is not in the language", ""),
    ("global BIG", "global BIG", "global is not in the language", ""),
    ("return b", "b", "u64 expected, not u32", "convert: u64(b)"),
    ("return", "return", "u64 expected, not None", ""),
    ("if a: pass", "a", "a condition is bool, not u64", "compare: a != 0"),
    ("while 1: pass", "1", "a condition is bool, not literal", "compare: 1 != 0"),
    ("for x in NAME: pass", "NAME", "a for loop iterates over range(...)", ""),
    ("for x in range(): pass", "range()", "range takes 1 to 3 arguments", ""),
    ("for x in range(flag): pass", "range(flag)", "range counts integers, not bool", ""),
    ("for x in range(a, b): pass", "b", "u64 expected, not u32", "convert: u64(b)"),
    ("for x in range(0, 9, 0): pass", "0", "the step is a constant other than 0 that fits the type", ""),
    ("for x, y in range(3): pass", "x, y", "the loop variable is one name", ""),
    ("for b in range(a): pass", "b", "b is u32, not u64", ""),
    ("buf: array[u8, 4]; buf += 1", "buf += 1", "buf cannot change", "it is memory, not a pointer"),
]

_BLOCKS = [
    ("if flag:\n    x = a\na = x", "x", "x may be used before it is assigned", ""),
    ("while flag:\n    x = a\n    break\na = x", "x", "x may be used before it is assigned", ""),
    ("for k in range(3):\n    pass\na = k", "k", "k may be used before it is assigned", ""),
    ("match a:\n    case 1:\n        x = a\na = x", "x", "x may be used before it is assigned", ""),
    ("while flag:\n    pass\nelse:\n    a = 1", "a = 1", "else of a loop is not in the language", ""),
    ("match 3:\n    case 3:\n        pass", "3", "the subject of match is a constant", ""),
    ("match flag:\n    case 3:\n        pass", "flag", "match takes an integer, not bool", ""),
    ("match a:\n    case other:\n        pass", "other", "the name other would capture the value", "a constant in a case is dotted: case module.NAME"),
    ("match a:\n    case [x]:\n        pass", "[x]", "a case is an integer constant, | or _", ""),
    ("match a:\n    case 3 | 3:\n        pass", "3", "the case 3 stands here a second time", ""),
    ("match u8(a):\n    case 256:\n        pass", "256", "0x100 does not fit u8", ""),
    ("match a:\n    case csr.sepc:\n        pass", "csr.sepc", "a case is a constant", ""),
]  # fmt: skip


def problems(source: str, place: Path) -> CompileError:
    module = import_source(source, place, "wrong")
    with pytest.raises(CompileError) as error:
        checked(module.f)
    return error.value


@pytest.mark.parametrize(("line", "part", "message", "hint"), _EXPRESSIONS + _CALLS + _STATEMENTS + _BLOCKS)
def test_message(line: str, part: str, message: str, hint: str, tmp_path: Path) -> None:
    body = "".join(f"    {text}\n" for text in line.split("\n"))
    error = problems(_PRELUDE + body + "    return a\n", tmp_path)
    (found,) = error.diagnostics
    lines = (_PRELUDE + body).split("\n")
    underlined = lines[found.line - 1][found.column - 1 : found.end_column - 1]
    assert (found.message, found.hint, underlined) == (message, hint, part)


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
