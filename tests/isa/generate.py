"""Programs made from tables: every register-register, immediate, branch, load, store and AMO
instruction over corner operands, with the result that plain integer arithmetic gives.

The expected values here are computed apart from the model, so that the two can disagree.
"""

import random
from collections.abc import Callable, Iterator
from itertools import product

__all__ = ["generated_programs"]

_BITS64 = (1 << 64) - 1

CORNERS = (
    0,
    1,
    2,
    -1,
    -2,
    63,
    1 << 31,
    (1 << 31) - 1,
    -(1 << 31),
    1 << 32,
    (1 << 63) - 1,
    -(1 << 63),
    0x5555_5555_5555_5555,
    -0x1234_5678_9ABC_DEF0,
)
SHORT_CORNERS = (0, 1, -1, (1 << 31) - 1, -(1 << 31), (1 << 63) - 1, -(1 << 63), 0x0123_4567_89AB_CDEF)
IMMEDIATES = (0, 1, -1, 2, 0x555, 2047, -2048, -273)


def _signed(value: int, bits: int = 64) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _word(value: int) -> int:
    return _signed(value, 32)


def _quotient(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def _div(bits: int, signed: bool) -> Callable[[int, int], int]:
    def compute(a: int, b: int) -> int:
        a, b = (_signed(v, bits) if signed else v & ((1 << bits) - 1) for v in (a, b))
        return _signed(-1 if b == 0 else _quotient(a, b), bits)

    return compute


def _rem(bits: int, signed: bool) -> Callable[[int, int], int]:
    def compute(a: int, b: int) -> int:
        a, b = (_signed(v, bits) if signed else v & ((1 << bits) - 1) for v in (a, b))
        return _signed(a if b == 0 else a - b * _quotient(a, b), bits)

    return compute


def _unsigned(value: int) -> int:
    return value & _BITS64


REGISTER_OPS: dict[str, Callable[[int, int], int]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "sll": lambda a, b: a << (b & 63),
    "slt": lambda a, b: int(a < b),
    "sltu": lambda a, b: int(_unsigned(a) < _unsigned(b)),
    "xor": lambda a, b: a ^ b,
    "srl": lambda a, b: _unsigned(a) >> (b & 63),
    "sra": lambda a, b: a >> (b & 63),
    "or": lambda a, b: a | b,
    "and": lambda a, b: a & b,
}
WORD_OPS: dict[str, Callable[[int, int], int]] = {
    "addw": lambda a, b: _word(a + b),
    "subw": lambda a, b: _word(a - b),
    "sllw": lambda a, b: _word(a << (b & 31)),
    "srlw": lambda a, b: _word((a & 0xFFFF_FFFF) >> (b & 31)),
    "sraw": lambda a, b: _word(a) >> (b & 31),
}
MULTIPLY_OPS: dict[str, Callable[[int, int], int]] = {
    "mul": lambda a, b: a * b,
    "mulh": lambda a, b: a * b >> 64,
    "mulhsu": lambda a, b: a * _unsigned(b) >> 64,
    "mulhu": lambda a, b: _unsigned(a) * _unsigned(b) >> 64,
    "mulw": lambda a, b: _word(a * b),
}
DIVIDE_OPS: dict[str, Callable[[int, int], int]] = {
    "div": _div(64, True),
    "divu": _div(64, False),
    "rem": _rem(64, True),
    "remu": _rem(64, False),
    "divw": _div(32, True),
    "divuw": _div(32, False),
    "remw": _rem(32, True),
    "remuw": _rem(32, False),
}
IMMEDIATE_OPS: dict[str, Callable[[int, int], int]] = {
    "addi": REGISTER_OPS["add"],
    "slti": REGISTER_OPS["slt"],
    "sltiu": REGISTER_OPS["sltu"],
    "xori": REGISTER_OPS["xor"],
    "ori": REGISTER_OPS["or"],
    "andi": REGISTER_OPS["and"],
    "addiw": WORD_OPS["addw"],
}
SHIFT_OPS: dict[str, tuple[Callable[[int, int], int], tuple[int, ...]]] = {
    "slli": (REGISTER_OPS["sll"], (0, 1, 31, 32, 63)),
    "srli": (REGISTER_OPS["srl"], (0, 1, 31, 32, 63)),
    "srai": (REGISTER_OPS["sra"], (0, 1, 31, 32, 63)),
    "slliw": (WORD_OPS["sllw"], (0, 1, 15, 31)),
    "srliw": (WORD_OPS["srlw"], (0, 1, 15, 31)),
    "sraiw": (WORD_OPS["sraw"], (0, 1, 15, 31)),
}
BRANCHES: dict[str, Callable[[int, int], bool]] = {
    "beq": lambda a, b: a == b,
    "bne": lambda a, b: a != b,
    "blt": lambda a, b: a < b,
    "bge": lambda a, b: a >= b,
    "bltu": lambda a, b: _unsigned(a) < _unsigned(b),
    "bgeu": lambda a, b: _unsigned(a) >= _unsigned(b),
}
AMOS: dict[str, Callable[[int, int, int], int]] = {
    "amoswap": lambda old, new, bits: new,
    "amoadd": lambda old, new, bits: old + new,
    "amoxor": lambda old, new, bits: old ^ new,
    "amoand": lambda old, new, bits: old & new,
    "amoor": lambda old, new, bits: old | new,
    "amomin": lambda old, new, bits: min(_signed(old, bits), _signed(new, bits)),
    "amomax": lambda old, new, bits: max(_signed(old, bits), _signed(new, bits)),
    "amominu": lambda old, new, bits: min(old % (1 << bits), new % (1 << bits)),
    "amomaxu": lambda old, new, bits: max(old % (1 << bits), new % (1 << bits)),
}

_REGISTERS = [f"x{n}" for n in range(1, 32) if n not in (3, 29, 30, 31)]
"""Registers for operands: all but the test number and the frame's own (t4-t6)."""


class _Program:
    """Text of one program under way: lines, and the number of the last test."""

    def __init__(self, comment: str):
        self.lines = [f"# {comment}", '#include "harness.h"', ".option norvc", "BASIC_PROGRAM"]
        self.data: list[str] = []
        self.number = 1

    def test(self) -> None:
        self.number += 1
        self.lines.append(f"    TEST {self.number}")

    def emit(self, *lines: str) -> None:
        self.lines += [f"    {line}" for line in lines]

    def check(self, register: str, value: int) -> None:
        self.emit(f"CHECK {register}, {value & _BITS64:#x}")

    def text(self) -> str:
        data = [".data", ".align 6", *self.data] if self.data else []
        return "\n".join([*self.lines, "    PASS", *data, ""])


def _three(chooser: random.Random) -> tuple[str, str, str]:
    a, b, c = chooser.sample(_REGISTERS, 3)
    return a, b, c


def _register_program(comment: str, operations: dict[str, Callable[[int, int], int]]) -> str:
    """Straight-line cases first, then every pair of corners from a table in a loop."""
    program = _Program(comment)
    chooser = random.Random(comment)
    for name, compute in operations.items():
        for a, b in ((5, 3), (-7, 3)):
            rd, rs1, rs2 = _three(chooser)
            program.test()
            program.emit(f"li {rs1}, {a}", f"li {rs2}, {b}", f"{name} {rd}, {rs1}, {rs2}")
            program.check(rd, compute(a, b))
        rd, rs1, _ = _three(chooser)
        program.test()
        program.emit(f"li {rs1}, -9", f"{name} {rs1}, {rs1}, {rs1}")
        program.check(rs1, compute(-9, -9))
        program.emit(f"li {rd}, 77", f"{name} x0, {rd}, {rd}", f"mv {rs1}, x0")
        program.check(rs1, 0)
    for name, compute in operations.items():
        program.test()
        rows = [(a, b, compute(a, b)) for a, b in product(CORNERS, CORNERS)]
        program.data.append(f"{name}_rows:")
        program.data += ["    .dword " + ", ".join(f"{v & _BITS64:#x}" for v in row) for row in rows]
        program.emit(
            f"la t4, {name}_rows",
            f"li t5, {len(rows)}",
            "1: ld a1, 0(t4)",
            "ld a2, 8(t4)",
            f"{name} a0, a1, a2",
            "ld a3, 16(t4)",
            "beq a0, a3, 2f",
            "j fail",
            "2: addi t4, t4, 24",
            "addi t5, t5, -1",
            "bnez t5, 1b",
        )
    return program.text()


def _immediate_program() -> str:
    program = _Program("Register-immediate instructions over corner operands.")
    chooser = random.Random(1)
    for name, compute in IMMEDIATE_OPS.items():
        for a in SHORT_CORNERS:
            rd, rs1, _ = _three(chooser)
            program.test()
            program.emit(f"li {rs1}, {a}")
            for immediate in IMMEDIATES:
                program.emit(f"{name} {rd}, {rs1}, {immediate}")
                program.check(rd, compute(a, immediate))
    for name, (compute, amounts) in SHIFT_OPS.items():
        for a in SHORT_CORNERS:
            rd, rs1, _ = _three(chooser)
            program.test()
            program.emit(f"li {rs1}, {a}")
            for amount in amounts:
                program.emit(f"{name} {rd}, {rs1}, {amount}")
                program.check(rd, compute(a, amount))
    for immediate in (0, 1, 0x7FFFF, 0x80000, 0xFFFFF):
        program.test()
        program.emit(f"lui a0, {immediate:#x}")
        program.check("a0", _word(immediate << 12))
        program.emit(
            f"1: auipc a1, {immediate:#x}",
            "la a2, 1b",
            "sub a1, a1, a2",
        )
        program.check("a1", _word(immediate << 12))
    return program.text()


def _branch_program() -> str:
    program = _Program("Conditional branches, taken and not taken, forward and backward.")
    chooser = random.Random(2)
    for name, holds in BRANCHES.items():
        for a, b in product(SHORT_CORNERS, (0, 1, -1, (1 << 63) - 1, -(1 << 63))):
            rs1, rs2, rd = _three(chooser)
            program.test()
            program.emit(f"li {rs1}, {a}", f"li {rs2}, {b}", f"li {rd}, 0")
            if holds(a, b):
                program.emit(
                    "j 2f", f"1: addi {rd}, {rd}, 1", "j 3f", f"2: {name} {rs1}, {rs2}, 1b", "j fail", "3:"
                )
            else:
                program.emit(f"{name} {rs1}, {rs2}, 1f", f"addi {rd}, {rd}, 1", "j 3f", "1: j fail", "3:")
            program.check(rd, 1)
    program.test()
    program.emit(
        "li a0, 0", "li a1, 500", "1: addi a0, a0, 1", "andi a2, a0, 1", "beqz a2, 2f", "addi a0, a0, 2"
    )
    program.emit("2: blt a0, a1, 1b")
    total = 0
    while True:
        total += 1
        if total & 1:
            total += 2
        if total >= 500:
            break
    program.check("a0", total)
    return program.text()


_PATTERN = bytes((37 * n + 0x81) & 0xFF for n in range(64))
LOADS = {"lb": (1, True), "lbu": (1, False), "lh": (2, True), "lhu": (2, False)}
LOADS |= {"lw": (4, True), "lwu": (4, False), "ld": (8, True)}
STORES = {"sb": 1, "sh": 2, "sw": 4, "sd": 8}


def _load_store_program(step: Callable[[int], int], comment: str) -> str:
    """Every width at the offsets 0, step(size), 2 step(size)... around a pointer into the pattern."""
    program = _Program(comment)
    chooser = random.Random(comment)
    program.data += ["pattern:", "    .byte " + ", ".join(map(str, _PATTERN)), ".align 6", "target: .zero 64"]
    for name, (size, signed) in LOADS.items():
        for at in range(0, 64 - size, step(size)):
            rd, rs1, _ = _three(chooser)
            program.test()
            program.emit(f"la {rs1}, pattern + 32", f"{name} {rd}, {at - 32}({rs1})")
            value = int.from_bytes(_PATTERN[at : at + size], "little")
            program.check(rd, _signed(value, 8 * size) if signed else value)
    for name, size in STORES.items():
        for at in range(8, 40, step(size)):
            value = chooser.getrandbits(64)
            rs1, rs2, rd = _three(chooser)
            program.test()
            program.emit(f"la {rs1}, target", *(f"sd x0, {n}({rs1})" for n in range(0, 56, 8)))
            program.emit(f"li {rs2}, {value:#x}", f"{name} {rs2}, {at}({rs1})")
            image = bytearray(64)
            image[at : at + size] = value.to_bytes(8, "little")[:size]
            first = at & ~7
            for n in range(first - 8, first + 17, 8):
                program.emit(f"ld {rd}, {n}({rs1})")
                program.check(rd, int.from_bytes(image[n : n + 8], "little"))
    return program.text()


def _amo_program() -> str:
    program = _Program("Atomic memory operations over corner operands.")
    chooser = random.Random(3)
    program.data += ["cell: .dword 0, 0"]
    corners = (0, 1, -1, -(1 << 31), (1 << 31) - 1, (1 << 63) - 1, -(1 << 63), 0x1234_5678_8765_4321)
    for (name, compute), (suffix, bits) in product(AMOS.items(), (("w", 32), ("d", 64))):
        for old, operand in product(corners, (1, -1, 0x8000_0000, -(1 << 63))):
            rd, rs1, rs2 = _three(chooser)
            order = chooser.choice(("", ".aq", ".rl", ".aqrl"))
            program.test()
            program.emit(f"la {rs1}, cell", f"li {rs2}, {old}", f"sd {rs2}, 0({rs1})", f"li {rs2}, {operand}")
            program.emit(f"{name}.{suffix}{order} {rd}, {rs2}, ({rs1})")
            program.check(rd, _signed(old, bits))
            low = compute(_signed(old, bits), _signed(operand, bits), bits) % (1 << bits)
            program.emit(f"ld {rd}, 0({rs1})")
            program.check(rd, low if bits == 64 else (old & ~0xFFFF_FFFF) | low)
    return program.text()


def _registers_program() -> str:
    """Each register holds a value of its own, and every pair of registers can be added."""
    program = _Program("All 31 registers, apart from one another, in each operand position.")
    names = [f"x{n}" for n in range(1, 32) if n not in (3, 31)]  # gp numbers the tests, t6 is CHECK's
    values = {name: 0x0101_0101_0101_0101 * int(name[1:]) for name in names}
    program.test()
    program.emit(*(f"li {name}, {value:#x}" for name, value in values.items()))
    for name in names:
        program.check(name, values[name])
    chooser = random.Random(4)
    program.test()
    for _ in range(200):
        rd, rs1, rs2 = (chooser.choice(names) for _ in range(3))
        program.emit(f"add {rd}, {rs1}, {rs2}")
        values[rd] = (values[rs1] + values[rs2]) & _BITS64
    for name in names:
        program.check(name, values[name])
    return program.text()


def _mixed_program(seed: int) -> str:
    """Random arithmetic with short dependencies, and loads and stores of a small buffer between it."""
    program = _Program(f"Random mix of arithmetic, loads and stores, seed {seed}.")
    chooser = random.Random(seed)
    operations = REGISTER_OPS | WORD_OPS | MULTIPLY_OPS | DIVIDE_OPS
    names = ["a0", "a1", "a2", "a3", "a4", "a5", "s2", "s3"]
    program.data += ["buffer:", "    .zero 64"]
    program.emit("la s1, buffer")
    values = {name: chooser.getrandbits(64) for name in names}
    memory = bytearray(64)
    program.emit(*(f"li {name}, {value:#x}" for name, value in values.items()))
    for _ in range(12):
        program.test()
        for _ in range(60):
            _mixed_step(program, chooser, operations, values, memory)
        for name in names:
            program.check(name, values[name])
    return program.text()


def _mixed_step(
    program: _Program,
    chooser: random.Random,
    operations: dict[str, Callable[[int, int], int]],
    values: dict[str, int],
    memory: bytearray,
) -> None:
    """One random instruction, and its effect on ``values`` and ``memory``."""
    names = list(values)
    rd, rs1, rs2 = (chooser.choice(names) for _ in range(3))
    kind = chooser.randrange(10)
    if kind < 7:
        name = chooser.choice(list(operations))
        program.emit(f"{name} {rd}, {rs1}, {rs2}")
        values[rd] = _unsigned(operations[name](_signed(values[rs1]), _signed(values[rs2])))
    elif kind < 9:
        name, (size, signed) = chooser.choice(list(LOADS.items()))
        at = chooser.randrange(64 - size)
        program.emit(f"{name} {rd}, {at}(s1)")
        value = int.from_bytes(memory[at : at + size], "little")
        values[rd] = _unsigned(_signed(value, 8 * size) if signed else value)
    else:
        name, size = chooser.choice(list(STORES.items()))
        at = chooser.randrange(64 - size)
        program.emit(f"{name} {rs2}, {at}(s1)")
        memory[at : at + size] = values[rs2].to_bytes(8, "little")[:size]


def generated_programs() -> Iterator[tuple[str, str]]:
    """Name and assembly text of every program made here."""
    yield "rv64i_register", _register_program("RV64I register-register instructions.", REGISTER_OPS)
    yield "rv64i_word", _register_program("RV64I word instructions.", WORD_OPS)
    yield "rv64i_immediate", _immediate_program()
    yield "rv64i_branch", _branch_program()
    yield (
        "rv64i_load_store",
        _load_store_program(lambda size: size, "Aligned loads and stores of every width."),
    )
    yield (
        "rv64i_misaligned",
        _load_store_program(lambda size: 1, "Misaligned loads and stores of every width."),
    )
    yield "rv64m_multiply", _register_program("Multiplication.", MULTIPLY_OPS)
    yield "rv64m_divide", _register_program("Division and remainder.", DIVIDE_OPS)
    yield "rv64a_amo", _amo_program()
    yield "rv64i_registers", _registers_program()
    for seed in range(1, 5):
        yield f"rv64im_mixed_{seed}", _mixed_program(seed)
