"""Loads and stores from their bits to the transformed form, against the model's decoder."""

import random

import pytest

from cosim.model.decode import decode
from firmware.hypervisor.access import transformed
from firmware.lang import ptr, u64
from firmware.lang.machine import Machine
from rtl.isa.htinst import transform

REGISTERS_AT = 0x1000
MASK = (1 << 64) - 1
LOADS = ("lb", "lbu", "lh", "lhu", "lw", "lwu", "ld")
STORES = ("sb", "sh", "sw", "sd")


def result(word: int, distance: int, registers: list[int]) -> int:
    """What `transformed` makes of a load or store that faulted ``distance`` bytes behind its begin."""
    found = decode(word)
    address = registers[found.rs1] + found.immediate + distance & MASK
    with Machine() as machine:
        machine.map(REGISTERS_AT, 256)
        for number, value in enumerate(registers):
            machine.write(REGISTERS_AT + 8 * number, 8, value)
        return int(transformed(ptr[u64](REGISTERS_AT), word, address))


def words(seed: int, compressed: bool) -> list[int]:
    """Random loads and stores."""
    rng, found = random.Random(seed), []
    while len(found) < 300:
        word = (
            rng.randrange(1 << 16) if compressed else rng.getrandbits(32) & ~0x7C | rng.choice([0, 0x20]) | 3
        )
        if (word & 3 == 3) != compressed and decode(word).name in LOADS + STORES:
            found.append(word)
    return found


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_loads_and_stores(seed: int, compressed: bool):
    rng = random.Random(seed)
    seen = set()
    for word in words(seed, compressed):
        registers = [0, *(rng.getrandbits(64) for _ in range(31))]
        distance = rng.choice([0, 0, rng.randrange(8)])
        found = decode(word)
        seen.add((found.name, word & 3))
        assert result(word, distance, registers) == transform(found.word, distance, compressed), hex(word)
    assert len(seen) == (8 if compressed else len(LOADS + STORES))


@pytest.mark.parametrize(
    "word",
    [
        0x1050_0073,  # wfi
        0x1005_352F,  # lr.d
        0x00B5_302F,  # amoadd.d
        0x0000_0533,  # add
        0x0000_2053,  # a floating-point operation
        0x8082,  # c.jr ra
        0x4501,  # c.li
        0x2000,  # c.fld
        0xA002,  # c.fsdsp
        0,
    ],
)
def test_everything_else_is_nothing(word: int):
    assert result(word, 0, [0] * 32) == 0
