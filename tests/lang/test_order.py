"""CSR and device writes happen in the same order in both worlds, with the same values.

Random sequences of effects run under CPython (its trace) and compiled on the golden model (its record
of every instruction).
"""

import random
from pathlib import Path

from cosim.model import Machine as Model
from cosim.model import Stop
from firmware.lang import build
from firmware.lang.machine import Machine
from rtl.isa.memory_map import FINISHER, UART

from .host import import_source

_REGISTERS = ("mscratch", "sscratch", "vsscratch")
_HEAD = """from firmware.lang import *

cells = static(array[u64, 4])

@fw
def out(x: u64) -> u64:
    store8(0x1000_0000, u8(x))
    return x + 1

@fw(noinline=True)
def shift(x: u64) -> u64:
    csr.mscratch = x << 1
    return csr.sscratch ^ x
"""


class _Effects:
    """Writes functions whose every part is an effect. Masks are not 0: setting no bits need not write."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def value(self, depth: int) -> str:
        rng, register = self.rng, self.rng.choice(_REGISTERS)
        if depth == 0:
            return rng.choice(
                ["a", "b", f"csr.{register}", f"cells[{rng.randint(0, 3)}]", f"out({rng.randint(0, 99)})"]
            )
        x, y = self.value(depth - 1), self.value(depth - 1)
        return rng.choice(
            [
                f"({x} + {y})",
                f"({x} ^ {y})",
                f"out({x})",
                f"shift({x})",
                f"({x} if {y} > 1000 else {self.value(depth - 1)})",
                f'csr_swap("{register}", {x})',
                f'csr_read_set("{register}", {x} | 1)',
                f'csr_read_clear("{register}", {x} | 1)',
                f"u64({x} == {y} or {x} < {self.value(0)})",
                f"u64(load8({0x1000_0005})) + {x}",
            ]
        )

    def statement(self) -> list[str]:
        rng, register = self.rng, self.rng.choice(_REGISTERS)
        value = self.value(2)
        index = f"{self.value(1)} & 3"
        return rng.choice(
            [
                [f"csr.{register} = {value}"],
                [f"csr.{register} |= {value} | 1"],
                [f"csr.{register} &= ~({value} | 1)"],
                [f"csr.{register} &= {value} & ~1"],
                [f"csr.{register} += {value}"],
                [f"csr.{register} |= {rng.choice([1, 31, 32, 1 << 40])}"],
                [f"csr.{register} &= ~{rng.choice([1, 31, 32, 1 << 40])}"],
                [f"cells[{index}] = {value}"],
                [f"cells[{index}] += {value}"],
                [f"store8(0x1000_0000, u8({value}))"],
                [f"out({value})"],
                [f"if {value} < {self.value(1)}:", f"    csr.{register} = {self.value(1)}"],
            ]
        )

    def module(self, functions: int) -> str:
        lines = [_HEAD]
        for number in range(functions):
            body = [line for _ in range(5) for line in self.statement()]
            lines += ["@fw", f"def f{number}(a: u64, b: u64) -> None:", *(f"    {line}" for line in body), ""]
        calls = [f"    f{number}({number * 7919}, {1 << number % 64})" for number in range(functions)]
        lines += ["@fw", "def main() -> None:", *calls, "    store32(0x10_0000, 0x5555)", ""]
        return "\n".join([*lines, 'image = Image(main, name="order")', ""])


def interpreted(module: object) -> list[tuple[object, ...]]:
    with Machine() as machine:
        machine.mmio(UART.base, UART.size, read=lambda address, size: 0x60)
        machine.mmio(FINISHER.base, FINISHER.size)
        module.main()  # type: ignore[attr-defined]
    return [event if event[0] == "csr" else (event[0], event[1], event[3]) for event in machine.trace]


def compiled(elf: Path) -> list[tuple[object, ...]]:
    model = Model()
    model.load_elf(elf)
    events: list[tuple[object, ...]] = []
    try:
        while True:
            record = model.hart.step()
            assert record.trap is None
            events += [("csr", name, value) for name, value in record.csr_writes]
            events += [("mmio", m.pa, m.data) for m in record.memory if m.store and m.pa in UART]
    except Stop:
        return [*events, ("mmio", FINISHER.base, 0x5555)]


def test_effects_have_the_same_order(tmp_path: Path) -> None:
    module = import_source(_Effects(5).module(60), tmp_path, "order")
    expected = interpreted(module)
    assert len(expected) > 500
    assert compiled(build(module.image)) == expected
