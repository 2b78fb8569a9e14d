"""Random firmware modules for the differential fuzz: the same source runs in both worlds.

Every function works on its parameters and on the static ``s``; ``run_N`` resets ``s`` from its
arguments, calls function N and returns a digest of the result and of ``s``.
"""

import random

__all__ = ["random_module"]

_TYPES = ["u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64"]
_WIDTH = {name: int(name[1:]) for name in _TYPES}
_CORNERS = [0, 1, 2, 3, 7, 8, 31, 32, 63, 64, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFF]
_CORNERS += [0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 63, (1 << 63) - 1, (1 << 64) - 1]

_PRELUDE = '''"""Generated."""
from firmware.lang import *

WIDE = 0x1_0000_0001
YES = True

@struct
class Inner:
    a: u16
    b: i64
    c: array[u8, 3]

@struct
class S:
    log: u64
    {fields}
    flag: bool
    words: array[u32, 8]
    longs: array[i64, 4]
    inner: Inner
    inners: array[Inner, 2]
    link: "ptr[Inner]"

s = static(S)
table = static(array[u16, 8], [1, 2, 3, 0xFFFF, 500, 6, 7, 0x8000], const=True)

@fw
def mix(x: u64) -> u64:
    s.log = (s.log << 5) + (s.log >> 59) + x
    return s.log

@fw(noinline=True)
def flip(x: bool) -> bool:
    s.flag = not s.flag
    return s.flag != x

@fw
def pair(x: u32) -> tuple[u64, i8]:
    return mix(u64(x)), i8(x)

@fw
def reset(x: u64, y: u64) -> None:
    memset(addr_of(s), 0, sizeof(S))
    s.log = x
    s.link = s.inners[1]
    s.inner.b = i64(y)
    for k in range(8):
        s.words[k] = u32(mix(k) >> 7)
    for k in range(4):
        s.longs[k] = i64(mix(y))
    {setup}

@fw
def digest() -> u64:
    mix(u64(s.flag))
    for k in range(8):
        mix(u64(s.words[k]))
    for k in range(4):
        mix(u64(s.longs[k]))
    for k in range(2):
        mix(u64(s.inners[k].a))
        mix(u64(s.inners[k].b))
        for j in range(3):
            mix(u64(s.inners[k].c[j]))
    mix(u64(s.link.b))
    mix(u64(s.inner.b) + u64(s.inner.a))
    {fields_mixed}
    return s.log
'''


class _Writer:
    """Writes one function."""

    def __init__(self, rng: random.Random, number: int, earlier: list[tuple[str, list[str], str]]) -> None:
        self.rng, self.number, self.earlier = rng, number, earlier
        self.parameters = [rng.choice(_TYPES) for _ in range(3)]
        self.result = rng.choice(_TYPES)
        self.variables = {f"p{n}": kind for n, kind in enumerate(self.parameters)}
        self.frozen: set[str] = set()
        self.lines: list[str] = []
        self.count = 0
        self.loop_depth = 0
        self.budget = rng.randint(4, 14)

    def fresh(self) -> str:
        self.count += 1
        return f"v{self.count}"

    # --- expressions ---
    def number_in(self, kind: str) -> int:
        width = _WIDTH[kind]
        value = self.rng.choice(
            [self.rng.choice(_CORNERS), self.rng.getrandbits(width), self.rng.randint(0, 9)]
        )
        value &= (1 << width) - 1
        return value - (1 << width) if kind[0] == "i" and value >> (width - 1) else value

    def literal(self, kind: str) -> str:
        number = self.number_in(kind)
        return f"({number})" if number < 0 else self.rng.choice([str(number), hex(number)])

    def place(self, kind: str) -> str:
        """An assignable place of the type."""
        choices = [f"s.{kind}_"]
        names = [name for name, known in self.variables.items() if known == kind and name not in self.frozen]
        choices += names * 2
        index = f"{self.value('u8', 1)} & 7"
        special = {
            "u32": [f"s.words[{index}]", f"addr_of(s.words[2])[{self.rng.randint(0, 4)}]"],
            "i64": [f"s.longs[{self.value('u64', 1)} & 3]", "s.inner.b", "s.link.b"],
            "u16": ["s.inner.a", f"s.inners[{self.value('i32', 1)} & 1].a", "s.link.a"],
            "u8": [f"s.inner.c[{self.rng.randint(0, 2)}]", f"s.inners[1].c[remu({self.value('u32', 1)}, 3)]"],
        }
        return self.rng.choice(choices + special.get(kind, []))

    def value(self, kind: str, depth: int) -> str:
        """An expression of the type."""
        rng = self.rng
        if depth <= 0 or rng.random() < 0.15:
            leaves = [name for name, known in self.variables.items() if known == kind]
            if leaves and rng.random() < 0.7:
                return rng.choice(leaves)
            return rng.choice([f"s.{kind}_", f"{kind}({self.number_in(rng.choice(_TYPES))})"])
        deeper = depth - 1
        form = rng.randrange(15)
        if form < 4:
            op = rng.choice(["+", "-", "*", "&", "|", "^", "<<", ">>"])
            return f"({self.value(kind, deeper)} {op} {self.value(kind, deeper)})"
        if form == 4:
            op = rng.choice(["+", "-", "*", "&", "|", "^", "<<", ">>"])
            sides = [self.value(kind, deeper), self.literal(kind)]
            rng.shuffle(sides)
            return f"({sides[0]} {op} {sides[1]})"
        if form == 5:
            return f"({rng.choice('-~')}{self.value(kind, deeper)})"
        if form in (6, 7):
            source = rng.choice(_TYPES)
            return f"{kind}({self.value(source, deeper)})"
        if form == 8:
            names = ["divu", "remu", "mulhu"] if kind[0] == "u" else ["div", "rem"]
            right = rng.choice([self.value(kind, deeper), self.literal(kind), f"({self.value(kind, 1)} & 3)"])
            return f"{rng.choice(names)}({self.value(kind, deeper)}, {right})"
        if form == 9:
            arms = [self.value(kind, deeper), rng.choice([self.value(kind, deeper), self.literal(kind)])]
            rng.shuffle(arms)
            return f"({arms[0]} if {self.truth(deeper)} else {arms[1]})"
        if form == 10:
            return f"{kind}(mix(u64({self.value(kind, deeper)})))"
        if form == 11 and self.earlier:
            name, parameters, _ = rng.choice(self.earlier[-6:])
            arguments = ", ".join(self.value(parameter, min(deeper, 1)) for parameter in parameters)
            return f"{kind}({name}({arguments}))"
        if form == 12 and kind in ("u32", "u64", "i32", "i64"):
            op = rng.choice(["swap", "add", "xor", "and", "or", "min", "max", "minu", "maxu"])
            return f"amo{op}(addr_of(s.{kind}_), {self.value(kind, deeper)})"
        if form == 13:
            return f"{kind}({self.truth(deeper)})"
        return self.place(kind) if depth > 1 else f"{kind}(table[{self.value('u8', 0)} & 7])"

    def truth(self, depth: int) -> str:
        """A condition."""
        rng = self.rng
        form = rng.randrange(8)
        if form == 0 and depth > 0:
            word = rng.choice(["and", "or"])
            parts = [self.truth(depth - 1) for _ in range(rng.randint(2, 3))]
            return f"({f' {word} '.join(parts)})"
        if form == 1 and depth > 0:
            return f"(not {self.truth(depth - 1)})"
        if form == 2:
            return f"flip({rng.choice(['s.flag', 'YES', self.truth(0) if depth > 0 else 'False'])})"
        if form == 3:
            return rng.choice(["s.flag", "(s.flag ^ YES)", "(WIDE == 3)"])
        kind = rng.choice(_TYPES)
        if form == 4:
            word = rng.choice(["in", "not in"])
            options = [rng.choice([self.literal(kind), self.value(kind, depth - 1)]) for _ in range(3)]
            return f"({self.value(kind, depth - 1)} {word} ({', '.join(options)}))"
        op = rng.choice(["<", "<=", ">", ">=", "==", "!="])
        right = rng.choice([self.value(kind, depth - 1), self.literal(kind)])
        return f"({self.value(kind, depth - 1)} {op} {right})"

    # --- statements ---
    def put(self, indent: int, text: str) -> None:
        self.lines.append("    " * indent + text)

    def block(self, indent: int, depth: int) -> None:
        """One to three statements in a nested scope; what they declare is forgotten."""
        before = dict(self.variables)
        for _ in range(self.rng.randint(1, 3)):
            self.statement(indent, depth)
        self.variables = before

    def statement(self, indent: int, depth: int) -> None:
        self.budget -= 1
        rng = self.rng
        kind = rng.choice(_TYPES)
        form = rng.randrange(18 if depth > 0 and self.budget > 0 else 9)
        if form < 2:
            name = self.fresh()
            value = self.value(kind, 3)
            if rng.random() < 0.4:
                self.put(indent, f"{name}: {kind} = {rng.choice([value, self.literal(kind)])}")
            else:
                self.put(indent, f"{name} = {value}")
            self.variables[name] = kind
        elif form < 4:
            value = self.value(kind, 3)
            self.put(indent, f"{self.place(kind)} = {rng.choice([value, value, self.literal(kind)])}")
        elif form < 7:
            op = rng.choice(["+", "-", "*", "&", "|", "^", "<<", ">>"])
            value = rng.choice([self.value(kind, 2), self.literal(kind)])
            self.put(indent, f"{self.place(kind)} {op}= {value}")
        elif form == 7:
            self.special(indent)
        elif form == 8:
            self.put(indent, f"s.flag = {self.truth(2)}")
        elif form < 12:
            self.conditional(indent, depth)
        elif form < 15 and self.loop_depth < 2:
            self.loop(indent, depth, kind)
        elif form == 15:
            self.choice(indent, depth, kind)
        elif form == 16 and self.loop_depth:
            self.put(indent, f"if {self.truth(1)}:")
            self.put(indent + 1, rng.choice(["break", "continue"]))
        else:
            self.put(indent, f"if {self.truth(2)}:")
            self.put(indent + 1, f"return {self.value(self.result, 2)}")

    def special(self, indent: int) -> None:
        rng, name, other = self.rng, self.fresh(), self.fresh()
        form = rng.randrange(5)
        if form == 0:
            self.put(indent, f"{name}, {other} = pair({self.value('u32', 2)})")
            self.variables[name], self.variables[other] = "u64", "i8"
        elif form == 1:
            self.put(indent, f"{name}: array[u16, 5]")
            self.put(indent, f"{name}[{self.value('u8', 1)} & 3] += {self.value('u16', 2)}")
            self.put(indent, f"{name}[1] |= 3")
            self.put(indent, f"{other} = {name}[{self.value('u32', 1)} & 3] + {name}[1]")
            self.variables[other] = "u16"
        elif form == 2:
            self.put(indent, f"{name} = Inner()")
            self.put(indent, f"{name}.b = {self.value('i64', 2)}")
            self.put(
                indent,
                f"memcpy({name}, s.inners[{rng.randint(0, 1)}], {rng.choice([2, 8, 16, 'sizeof(Inner)'])})",
            )
            self.put(indent, f"{name}.c[2] ^= {self.value('u8', 1)}")
            self.put(indent, f"memcpy(s.inners[{rng.randint(0, 1)}], {name}, sizeof(Inner))")
        elif form == 3:
            self.put(indent, f"{name} = addr_of(s.{rng.choice(['u32_', 'words[3]'])})")
            self.put(indent, f"{name}[0] = {self.value('u32', 2)}")
            self.put(indent, f"s.flag = {name} == addr_of(s.words[{self.value('u8', 1)} & 7])")
        else:
            self.put(indent, f"s.link = s.inners[{self.value('i16', 1)} & 1]")
            self.put(indent, f"mix({self.value('u64', 2)})")

    def conditional(self, indent: int, depth: int) -> None:
        self.put(indent, f"if {self.truth(2)}:")
        self.block(indent + 1, depth - 1)
        if self.rng.random() < 0.3:
            self.put(indent, f"elif {self.truth(1)}:")
            self.block(indent + 1, depth - 1)
        if self.rng.random() < 0.5:
            self.put(indent, "else:")
            self.block(indent + 1, depth - 1)

    def loop(self, indent: int, depth: int, kind: str) -> None:
        rng, name = self.rng, self.fresh()
        form = rng.randrange(4)
        self.loop_depth += 1
        before = dict(self.variables)
        if form == 0:
            self.put(indent, f"{name}: {kind} = {rng.randint(1, 6)}")
            self.put(indent, f"while {name} != 0 and {self.truth(1)}:")
            self.put(indent + 1, f"{name} -= 1")
        elif form == 1:
            self.put(
                indent,
                f"for {name} in range({rng.choice([rng.randint(0, 6), f'{self.value(kind, 1)} & 7'])}):",
            )
            kind = kind if "&" in self.lines[-1] else "u64"
        elif form == 2:
            kind = rng.choice(["u8", "i8"])
            bounds = [rng.choice([self.value(kind, 1), self.literal(kind)]) for _ in range(2)]
            bounds[0] = f"{kind}({bounds[0]})"
            step = rng.choice([13, 50, 100, 127, -17, -100, -127])
            self.put(indent, f"for {name} in range({bounds[0]}, {bounds[1]}, {step}):")
        else:
            low = rng.randint(0, 9)
            self.put(indent, f"for {name} in range({low}, {low + rng.randint(0, 12)}, {rng.randint(1, 5)}):")
            kind = "u64"
        self.variables[name] = kind
        self.frozen.add(name) if form == 0 else None
        self.block(indent + 1, depth - 1)
        self.loop_depth -= 1
        self.variables = before

    def choice(self, indent: int, depth: int, kind: str) -> None:
        rng = self.rng
        mask = rng.choice(["", " & 7", " & 3"])
        self.put(indent, f"match {self.value(kind, 2)}{mask}:")
        numbers = rng.sample(range(8), rng.randint(2, 5))
        guarded = rng.random() < 0.3
        while numbers:
            taken = [str(numbers.pop()) for _ in range(min(len(numbers), rng.randint(1, 2)))]
            guard = f" if {self.truth(1)}" if guarded and rng.random() < 0.6 else ""
            self.put(indent + 1, f"case {' | '.join(taken)}{guard}:")
            self.block(indent + 2, depth - 1)
        if rng.random() < 0.6:
            self.put(indent + 1, "case _:")
            self.block(indent + 2, depth - 1)

    def run(self) -> list[str]:
        """The function's lines."""
        parameters = ", ".join(f"p{n}: {kind}" for n, kind in enumerate(self.parameters))
        option = "(noinline=True)" if self.rng.random() < 0.3 else ""
        head = [f"@fw{option}", f"def f{self.number}({parameters}) -> {self.result}:"]
        for _ in range(self.rng.randint(2, 6)):
            self.statement(1, 3)
        self.put(1, f"return {self.value(self.result, 4)}")
        return [*head, *self.lines, ""]


def random_module(seed: int, functions: int) -> str:
    """The source of a module with exported ``run_0``, ``run_1``… of type (u64, u64, u64) -> u64."""
    rng = random.Random(seed)
    lines = [
        _PRELUDE.format(
            fields="\n    ".join(f"{kind}_: {kind}" for kind in _TYPES),
            setup="\n    ".join(f"s.{kind}_ = {kind}(mix(x))" for kind in _TYPES),
            fields_mixed="\n    ".join(f"mix(u64(s.{kind}_))" for kind in _TYPES),
        )
    ]
    earlier: list[tuple[str, list[str], str]] = []
    for number in range(functions):
        writer = _Writer(rng, number, earlier)
        lines += writer.run()
        # a chain of calls stays short: only functions that call few others are called
        if "(f" not in "\n".join(writer.lines) and " f" not in "\n".join(writer.lines):
            earlier.append((f"f{number}", writer.parameters, writer.result))
        arguments = ", ".join(f"{kind}({name})" for kind, name in zip(writer.parameters, "xyz", strict=True))
        lines += [
            "@fw(export=True)",
            f"def run_{number}(x: u64, y: u64, z: u64) -> u64:",
            "    reset(x, y)",
            f"    got = u64(f{number}({arguments}))",
            "    return digest() ^ mix(got)",
            "",
        ]
    return "\n".join(lines)
