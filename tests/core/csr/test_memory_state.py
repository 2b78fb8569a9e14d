"""satp, vsatp, hgatp, the translation context, and the PMP registers."""

import random

import pytest

from rtl.config import CoreConfig
from rtl.isa.causes import Cause
from rtl.isa.paging import PMP_ENTRIES
from tests.core.csr.harness import ILLEGAL, VIRTUAL, run

ONES = (1 << 64) - 1
SV39 = 8 << 60
UNSUPPORTED = [1, 7, 9, 10, 15]


@pytest.mark.parametrize("name", ["satp", "vsatp"])
def test_unsupported_mode_is_ignored_whole(name):
    async def test(hart):
        await hart.write(name, SV39 | 0xFFF_FFFF_FFFF_FFFF)
        assert await hart.read(name) == SV39 | 0xFFF_FFFF_FFFF_FFFF  # 16 ASID bits, 44 PPN bits
        await hart.write(name, SV39 | 0x1234)
        for mode in UNSUPPORTED:
            await hart.write(name, (mode << 60) | 0x777)
            assert await hart.read(name) == SV39 | 0x1234, mode
        await hart.write(name, 0)
        assert await hart.read(name) == 0

    run(test)


def test_satp_in_the_guest_is_vsatp():
    async def test(hart):
        await hart.write("satp", SV39 | 1)
        await hart.enter("VS")
        await hart.write("satp", SV39 | 2)
        await hart.write("satp", (9 << 60) | 3)
        assert await hart.read("satp") == SV39 | 2
        context = hart.ctx.get(hart.unit.translation)
        assert (context.satp.ppn, context.vsatp.ppn, context.vsatp.mode) == (1, 2, 8)

    run(test)


def test_hgatp_fields_are_warl():
    """An unsupported MODE leaves MODE; the rest is written. The root is 16 KiB, so PPN[1:0] is zero."""

    async def test(hart):
        await hart.write("hgatp", SV39 | 0x0FFF_FFFF_FFFF_FFFF)
        assert await hart.read("hgatp") == SV39 | (0x3FFF << 44) | 0xFFF_FFFF_FFFC
        for mode in UNSUPPORTED:
            await hart.write("hgatp", (mode << 60) | (mode << 44) | 0x40)
            assert await hart.read("hgatp") == SV39 | (mode << 44) | 0x40
        await hart.write("hgatp", 0)
        for mode in UNSUPPORTED:
            await hart.write("hgatp", (mode << 60) | 0x80)
            assert await hart.read("hgatp") == 0x80
        await hart.write("hgatp", SV39 | (5 << 44) | 0x84)
        context = hart.ctx.get(hart.unit.translation)
        assert (context.hgatp.mode, context.hgatp.vmid, context.hgatp.ppn) == (8, 5, 0x84)

    run(test)


def test_tvm_and_vtvm():
    """mstatus.TVM guards satp and hgatp in HS; hstatus.VTVM guards satp in VS."""

    async def test(hart):
        await hart.write("mstatus", 1 << 20)
        await hart.enter("HS")
        assert await hart.access("satp") == await hart.access("hgatp") == ILLEGAL
        assert await hart.access("vsatp") == ""
        await hart.trap(Cause.ECALL_M)
        await hart.enter("VS")
        assert await hart.access("satp") == ""  # TVM has no say in VS
        assert await hart.access("hgatp") == VIRTUAL
        await hart.trap(Cause.ECALL_M)
        await hart.write("hstatus", 1 << 20)
        await hart.enter("VS")
        assert await hart.access("satp") == VIRTUAL
        await hart.trap(Cause.ECALL_M)
        assert await hart.access("satp") == await hart.access("hgatp") == ""

    run(test)


def test_status_bits_of_the_context():
    async def test(hart):
        for name, bit, member in (
            ("mstatus", 18, "sum"),
            ("mstatus", 19, "mxr"),
            ("vsstatus", 18, "vs_sum"),
            ("vsstatus", 19, "vs_mxr"),
            ("menvcfg", 61, "adue"),
        ):
            for value in (1, 0):
                await hart.write(name, value << bit)
                context = hart.ctx.get(hart.unit.translation)
                members = ("sum", "mxr", "vs_sum", "vs_mxr", "adue")
                assert {m for m in members if getattr(context, m)} == ({member} if value else set())

    run(test)


def entry(hart, n: int):
    """One entry of the pmp port."""
    return hart.ctx.get(hart.unit.pmp[n])


def test_pmpcfg_is_warl():
    async def test(hart):
        await hart.write("pmpcfg0", 0x7F)  # L = 0, A = NAPOT, RWX, reserved bits
        assert await hart.read("pmpcfg0") == 0x1F
        await hart.write("pmpcfg0", 0x17)  # NA4 is not selectable with this granularity
        assert await hart.read("pmpcfg0") == 0x07
        await hart.write("pmpcfg0", 0x0A)  # W without R is reserved
        assert await hart.read("pmpcfg0") == 0x08
        await hart.write("pmpcfg0", 0x0F0E_0D0C_0B0A_0908)
        assert await hart.read("pmpcfg0") == 0x0F0C_0D0C_0B08_0908
        assert [entry(hart, n).match for n in range(PMP_ENTRIES)] == [1] * 8
        assert (entry(hart, 1).r, entry(hart, 2).w, entry(hart, 3).w, entry(hart, 4).x) == (1, 0, 1, 1)

    run(test)


def test_pmpaddr_granularity():
    """G = 10: ones in bits 8:0 in NAPOT, zeros in 9:0 otherwise, and bit 9 is remembered."""

    async def test(hart):
        await hart.write("pmpaddr0", ONES)
        assert await hart.read("pmpaddr0") == (1 << 54) - 0x400
        await hart.write("pmpcfg0", 0x18)
        assert await hart.read("pmpaddr0") == (1 << 54) - 1
        await hart.write("pmpaddr0", 0x12345)
        assert await hart.read("pmpaddr0") == 0x123FF
        assert entry(hart, 0).addr == 0x123FF
        await hart.write("pmpaddr0", 0)
        assert await hart.read("pmpaddr0") == 0x1FF  # one page
        await hart.write("pmpcfg0", 0x08)
        assert await hart.read("pmpaddr0") == 0
        assert entry(hart, 0).addr == 0
        await hart.write("pmpaddr0", 0x2FF)
        assert await hart.read("pmpaddr0") == 0
        await hart.write("pmpcfg0", 0x18)
        assert await hart.read("pmpaddr0") == 0x3FF

    run(test)


def test_pmp_locks():
    """A locked entry keeps config and address; a locked TOR entry also keeps the address below."""

    async def test(hart):
        for n in range(PMP_ENTRIES):
            await hart.write(f"pmpaddr{n}", (n + 1) << 10)
        await hart.write("pmpcfg0", 0x9F << 8 | 0x88 << 32)  # 1: locked NAPOT; 4: locked TOR
        await hart.write("pmpcfg0", 0x0101_0101_0101_0101)
        assert await hart.read("pmpcfg0") == 0x0101_0188_0101_9F01
        locked = {1, 3, 4}
        for n in range(PMP_ENTRIES):
            await hart.write(f"pmpaddr{n}", 0x7000_0000)
            want = (n + 1) << 10 if n in locked else 0x7000_0000
            assert await hart.read(f"pmpaddr{n}") & ~0x3FF == want, n
        # A lock on an OFF entry is a lock too, but not of its neighbour.
        await hart.write("pmpcfg0", 0x80 << 56)
        await hart.write("pmpaddr7", 0)
        await hart.write("pmpaddr6", 0x400)
        assert await hart.read("pmpaddr7") == 0x7000_0000
        assert await hart.read("pmpaddr6") == 0x400
        assert entry(hart, 7).locked == 1

    run(test)


def test_entries_are_apart():
    rng = random.Random(4)

    async def test(hart):
        values = [rng.getrandbits(54) & ~0x3FF for _ in range(PMP_ENTRIES)]
        for n, value in enumerate(values):
            await hart.write(f"pmpaddr{n}", value)
        assert [entry(hart, n).addr for n in range(PMP_ENTRIES)] == values
        for n, value in enumerate(values):
            assert await hart.read(f"pmpaddr{n}") == value
        await hart.write("pmpaddr9", ONES)
        assert await hart.read("pmpaddr9") == 0

    run(test)


def test_without_the_extension():
    async def test(hart):
        await hart.write("satp", SV39 | 5)
        context = hart.ctx.get(hart.unit.translation)
        assert (context.satp.ppn, context.vsatp.ppn) == (5, 0)

    run(test, CoreConfig(hypervisor=False, xvmx=False))
