"""Second-stage tables: what is mapped, read back by a walk written from the specification."""

import pytest

from firmware import bootinfo
from firmware.hypervisor.memory import fill
from firmware.hypervisor.pool import fill_pool, take_page, take_root
from firmware.hypervisor.vm import vms
from firmware.lang.machine import Machine

from .world import BACKING, RAM, world

BASE = 0x8000_0000


def walk(machine: Machine, hgatp: int, gpa: int) -> tuple[int, int] | None:
    """Sv39x4 (H chapter, 21.5.1): host address and page size, or None for a guest-page fault."""
    assert hgatp >> 60 == 8
    table = (hgatp & (1 << 44) - 1) << 12
    assert table % 0x4000 == 0, "the root is 16 KiB, aligned"
    indices = [gpa >> 30 & 0x7FF, gpa >> 21 & 0x1FF, gpa >> 12 & 0x1FF]
    for level, index in zip((2, 1, 0), indices, strict=True):
        pte = machine.read(table + 8 * index, 8)
        if not pte & 1:
            return None
        base = (pte >> 10) << 12
        if pte & 0xE:
            assert pte & 0xFF == 0xDF, "V R W X U A D"
            size = 4096 << 9 * level
            assert base % size == 0
            return base + gpa % size, size
        assert pte & 0xF0 == 0
        table = base
    raise AssertionError("a pointer at level 0")


def hgatp(number: int = 0) -> int:
    return int(vms[number].space)


@pytest.mark.parametrize("gpa", [BASE, BASE + 0x1234, BASE + RAM - 1])
def test_large_pages_where_backing_allows(gpa):
    with world() as w:
        assert walk(w.machine, hgatp(), gpa) is None
        assert fill(vms[0], gpa)
        assert walk(w.machine, hgatp(), gpa) == (gpa - BASE + BACKING, 2 << 20)
        assert ("hfence_gvma", gpa >> 2) in [event[:2] for event in w.machine.trace]


def test_small_pages_when_asked_for():
    with world(vm_flags=bootinfo.FLAG_4K_PAGES) as w:
        assert fill(vms[0], BASE + 0x5678)
        assert walk(w.machine, hgatp(), BASE + 0x5678) == (BACKING + 0x5678, 4096)
        assert walk(w.machine, hgatp(), BASE + 0x6000) is None


def test_small_pages_at_the_end_of_an_odd_size():
    with world(ram=(2 << 20) + 0x3000) as w:
        assert fill(vms[0], BASE) and fill(vms[0], BASE + (2 << 20) + 0x2FFF)
        assert walk(w.machine, hgatp(), BASE) == (BACKING, 2 << 20)
        assert walk(w.machine, hgatp(), BASE + (2 << 20) + 0x2FFF) == (BACKING + (2 << 20) + 0x2FFF, 4096)
        assert walk(w.machine, hgatp(), BASE + (2 << 20) + 0x3000) is None


def test_vms_have_their_own_tables_and_numbers():
    with world(3) as w:
        assert len({hgatp(n) >> 44 for n in range(3)}) == 3 and all(hgatp(n) >> 44 & 0x3FFF for n in range(3))
        for n in range(3):
            assert fill(vms[n], BASE)
        assert [walk(w.machine, hgatp(n), BASE) for n in range(3)] == [
            (BACKING + n * RAM, 2 << 20) for n in range(3)
        ]


def test_pool_gives_aligned_zeroed_memory_until_it_is_used_up():
    with Machine() as m:
        m.map(0x1000, 0xB000)
        m.write_bytes(0x1000, b"\xff" * 0xB000)
        fill_pool(0x1000, 0xC000)
        assert take_page() == 0x1000
        assert take_root() == 0x4000
        assert m.read_bytes(0x4000, 0x4000) == bytes(0x4000)
        assert [int(take_page()) for _ in range(5)] == [0x8000, 0x9000, 0xA000, 0xB000, 0]
        assert take_root() == 0


def test_no_page_left_is_reported():
    with world() as w:
        fill_pool(0, 0)
        assert not fill(vms[0], BASE)
        assert walk(w.machine, hgatp(), BASE) is None
