"""Types and values under CPython: integers, pointers, structs, arrays, statics."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.lang import (
    LayoutError,
    array,
    const,
    i8,
    i16,
    i32,
    i64,
    offsetof,
    ptr,
    sizeof,
    static,
    struct,
    u8,
    u16,
    u32,
    u64,
)
from firmware.lang.integers import INT_TYPES
from firmware.lang.machine import Machine, MachineError


@struct
class Inner:
    a: u8
    b: u32
    c: array[u16, 3]


@struct
class Node:
    flag: bool
    value: i64
    inner: Inner
    inners: array[Inner, 2]
    next: "ptr[Node]"


node = static(Node, {"value": -5, "inner": {"c": [1, 2, 3]}, "flag": True})
nodes = static(array[Node, 3])
counter = static(i16, -2)
text = static(array[u8, 8], b"text", const=True)


@given(st.sampled_from(INT_TYPES), st.integers(), st.integers())
def test_arithmetic_wraps(kind: Any, a: int, b: int) -> None:
    def wrapped(number: int) -> int:
        number %= 1 << kind.WIDTH
        return number - (1 << kind.WIDTH) if kind.SIGNED and number >> (kind.WIDTH - 1) else number

    x, y = kind(a), kind(b)
    assert int(x + y) == wrapped(a + b)
    assert int(x - y) == wrapped(a - b)
    assert int(x * y) == wrapped(a * b)
    assert (int(-x), int(~x)) == (wrapped(-a), wrapped(~a))
    assert (int(x & y), int(x | y), int(x ^ y)) == (wrapped(a & b), wrapped(a | b), wrapped(a ^ b))
    amount = b % kind.WIDTH
    assert (int(x << y), int(x >> y)) == (wrapped(a << amount), wrapped(int(x) >> amount))
    assert (x < y, x <= y, x == y) == (int(x) < int(y), int(x) <= int(y), int(x) == int(y))
    assert (x > y, x >= y, x != y) == (int(x) > int(y), int(x) >= int(y), int(x) != int(y))


def test_literals_take_the_type_of_the_other_operand_and_must_fit() -> None:
    assert repr(u8(250) + 10) == "u8(0x4)"
    assert int(300 - u16(1)) == 299
    assert int(1 << u64(70)) == 64
    assert int(u32(0x12345678) & ~0xFF) == 0x12345600
    with pytest.raises(OverflowError, match="0x100 does not fit u8"):
        u8(1) + 256
    with pytest.raises(OverflowError, match="-0x1 does not fit u64"):
        u64(1) + -1


def test_integers_are_not_mixed_and_are_no_conditions() -> None:
    with pytest.raises(TypeError, match="unsupported operand"):
        u64(1) + u32(1)
    with pytest.raises(TypeError, match="comparison of u64 with i64"):
        assert u64(1) == i64(1)
    with pytest.raises(TypeError, match="unsupported operand"):
        u64(1) // 2
    with pytest.raises(TypeError, match="a condition must be bool"):
        assert u64(1)
    assert not isinstance(u64(1), int)
    assert [10, 20, 30][u8(1)] == 20
    assert len({u64(1), u64(1), u32(1)}) == 2


def test_conversions_extend_by_the_sign_of_the_source() -> None:
    assert int(u64(i8(-1))) == (1 << 64) - 1
    assert int(i64(u8(255))) == 255
    assert int(i32(u64(0xFFFF_FFFF))) == -1


def test_layout_is_that_of_c() -> None:
    assert (sizeof(Inner), sizeof(Node), sizeof(array[Inner, 3])) == (16, 72, 48)
    offsets = [offsetof(Node, name) for name in ("flag", "value", "inner", "inners", "next")]
    assert offsets == [0, 8, 16, 32, 64]
    assert offsetof(Node, "inners[1].c[2]") == 32 + 16 + 8 + 4
    with pytest.raises(LayoutError, match="Node has no field lost"):
        offsetof(Node, "lost")
    with pytest.raises(LayoutError, match="has no element"):
        offsetof(Node, "inners[2]")


def test_what_cannot_stand_in_memory() -> None:
    with pytest.raises(LayoutError, match="ptr cannot point to array"):
        ptr[array[u8, 3]]
    with pytest.raises(LayoutError, match="array needs"):
        array[u8, 0]
    with pytest.raises(LayoutError, match="an array cannot hold str"):
        array[str, 3]
    with pytest.raises(LayoutError, match="a static cannot be str"):
        static(str)
    with pytest.raises(LayoutError, match="has no fields"):

        @struct
        class Nothing:
            pass

    @struct
    class Wrong:
        name: str

    with pytest.raises(LayoutError, match="field name of Wrong cannot be str"):
        sizeof(Wrong)
    with pytest.raises(LayoutError, match="9 values do not fit"):
        static(array[u8, 8], bytes(9))


def test_statics_are_initialised_and_belong_to_a_machine() -> None:
    with Machine():
        assert (int(node.value), node.flag, int(node.inner.c[2])) == (-5, True, 3)
        node.value += 7
        nodes[1].inners[1].b = 9
        nodes[1].next = nodes[2]
        nodes[1].next.flag = True
        counter.value -= 1
        assert (int(node.value), int(nodes[1].inners[1].b), nodes[2].flag) == (2, 9, True)
        assert int(counter.value) == -3
        assert bytes(int(text[n]) for n in range(len(text))) == b"text\0\0\0\0"
    with Machine():
        assert (int(node.value), int(counter.value), nodes[2].flag) == (-5, -2, False)


def test_pointers_move_by_elements_and_arrays_are_checked() -> None:
    with Machine() as machine:
        machine.map(0x8000_0000, 0x1000)
        words = ptr[u32](0x8000_0000)
        words[1] = 5
        (words + 3)[-1] = 6
        assert machine.read(0x8000_0004, 4) == 5
        assert machine.read(0x8000_0008, 8) == 6
        assert words + 1 == ptr[u32](0x8000_0004)
        with pytest.raises(IndexError, match="index 3 is outside"):
            nodes[3]
        with pytest.raises(TypeError, match="u32 expected, not u64"):
            words[0] = u64(3)
        with pytest.raises(TypeError, match="not copied"):
            nodes[0] = nodes[1]
        with pytest.raises(TypeError, match="a condition must be bool"):
            assert words


def test_memory_is_strict() -> None:
    with Machine() as machine:
        machine.map(0x1000, 0x100)
        with pytest.raises(MachineError, match="nothing is mapped at 0x1100"):
            machine.read(0x1100, 1)
        with pytest.raises(MachineError, match="nothing is mapped at 0x0"):
            ptr[u64](0)[0] = 3
        with pytest.raises(MachineError, match="misaligned access of 8 bytes at 0x1004"):
            machine.read(0x1004, 8)
        with pytest.raises(MachineError, match="0x1080 is mapped already"):
            machine.map(0x1080, 8)


def test_csrs_know_their_warl_fields() -> None:
    csrs = Machine().csrs
    csrs["satp"] = 9 << 60 | 5
    assert csrs["satp"] == 0
    csrs["satp"] = 8 << 60 | 5
    assert csrs["satp"] == 8 << 60 | 5
    csrs["mstatus"] = 2 << 11 | 1 << 1
    assert csrs["mstatus"] & (3 << 11) == 0 and csrs["sstatus"] & 2
    csrs["sstatus"] = 0
    assert csrs["mstatus"] & 2 == 0
    csrs["hvip"] = (1 << 64) - 1
    assert csrs["hvip"] == csrs["mip"] & 0x444 == 0x444
    csrs["stvec"] = 0x8000_0003
    assert csrs["stvec"] == 0x8000_0001
    csrs["mideleg"] = 0
    csrs["sie"] = 0x222
    assert (csrs["mideleg"], csrs["mie"]) == (0x1444, 0)
    csrs["mideleg"], csrs["hideleg"] = 0x222, 0x40
    csrs["sie"], csrs["vsie"] = 0x20, 0x222
    assert (csrs["mie"], csrs["hie"], csrs["vsie"]) == (0x60, 0x40, 0x20)
    csrs["pmpaddr0"], csrs["pmpcfg0"] = 0x2000_0000, 0x9B92
    assert (csrs["pmpaddr0"], csrs["pmpcfg0"]) == (0x2000_0000, 0x9B80)
    assert csrs["pmpaddr1"] == 0x1FF
    csrs["mepc"] = 0x8000_0001
    assert csrs["mepc"] == 0x8000_0000


def test_const_is_the_identity() -> None:
    assert const(3) == 3
