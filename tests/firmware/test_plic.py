"""The emulated PLIC alone: priorities, threshold, claim and complete, level-triggered gateways."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.hypervisor.devices.plic import Plic, highest, plic_level, plic_read, plic_write
from firmware.lang import addr_of, static
from firmware.lang.machine import Machine
from firmware.plic import PlicRegister
from rtl.isa.memory_map import PLIC_SOURCES

plic = static(Plic)


@pytest.fixture(autouse=True)
def machine():
    with Machine() as m:
        yield m


def p():
    return addr_of(plic)


def enable(*sources: int, priority: int = 1) -> None:
    word = sum(1 << source for source in sources)
    plic_write(p(), PlicRegister.ENABLE, word & 0xFFFF_FFFF)
    plic_write(p(), PlicRegister.ENABLE_HIGH, word >> 32)
    for source in sources:
        plic_write(p(), 4 * source, priority)


def test_claim_takes_the_highest_priority_then_the_lowest_number():
    enable(3, 7, 40)
    plic_write(p(), 4 * 40, 5)
    for source in (3, 7, 40):
        plic_level(p(), source, True)
    assert [int(plic_read(p(), PlicRegister.CLAIM)) for _ in range(4)] == [40, 3, 7, 0]


def test_threshold_and_enable_hold_back():
    enable(10, priority=3)
    plic_level(p(), 10, True)
    plic_write(p(), PlicRegister.THRESHOLD, 3)
    assert highest(p()) == 0
    plic_write(p(), PlicRegister.THRESHOLD, 2)
    assert highest(p()) == 10
    plic_write(p(), PlicRegister.ENABLE, 0)
    assert highest(p()) == 0 and plic_read(p(), PlicRegister.PENDING) == 1 << 10


def test_priority_zero_never_interrupts():
    enable(10, priority=0)
    plic_level(p(), 10, True)
    assert highest(p()) == 0


def test_a_claimed_source_comes_again_only_after_completion():
    enable(10)
    plic_level(p(), 10, True)
    assert plic_read(p(), PlicRegister.CLAIM) == 10
    plic_level(p(), 10, True)
    assert plic_read(p(), PlicRegister.CLAIM) == 0
    plic_write(p(), PlicRegister.CLAIM, 10)
    assert plic_read(p(), PlicRegister.CLAIM) == 10
    plic_level(p(), 10, False)
    plic_write(p(), PlicRegister.CLAIM, 10)
    assert plic_read(p(), PlicRegister.CLAIM) == 0


def test_registers_read_back_and_source_zero_does_not_exist():
    plic_write(p(), PlicRegister.ENABLE, 0xFFFF_FFFF)
    plic_write(p(), PlicRegister.ENABLE_HIGH, 0xFFFF_FFFF)
    assert plic_read(p(), PlicRegister.ENABLE) == 0xFFFF_FFFE
    assert plic_read(p(), PlicRegister.ENABLE_HIGH) == (1 << (PLIC_SOURCES - 31)) - 1
    plic_write(p(), 0, 7)
    plic_write(p(), 4 * PLIC_SOURCES, 0xFF)
    assert plic_read(p(), 0) == 0 and plic_read(p(), 4 * PLIC_SOURCES) == 7
    assert plic_read(p(), 0x3000) == 0
    plic_write(p(), PlicRegister.CLAIM, 0xFFFF_FFFF)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(1, PLIC_SOURCES), st.integers(0, 7)), unique_by=lambda pair: pair[0]))
def test_claims_come_in_order_of_priority(sources):
    with Machine():
        enable(*[source for source, _ in sources])
        for source, priority in sources:
            plic_write(p(), 4 * source, priority)
            plic_level(p(), source, True)
        expected = [s for s, level in sorted(sources, key=lambda pair: (-pair[1], pair[0])) if level]
        assert [int(plic_read(p(), PlicRegister.CLAIM)) for _ in expected] == expected
        assert plic_read(p(), PlicRegister.CLAIM) == 0
