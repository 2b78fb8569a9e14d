"""Pending and enable registers and their views, Sstc, priority and masking of interrupts."""

import random

import pytest

from rtl.config import CoreConfig
from rtl.core.interface import CsrOp
from rtl.isa.causes import INTERRUPT_PRIORITY, VS_INTERRUPTS, Cause, Interrupt
from rtl.isa.csrs import CSRS
from tests.core.csr.harness import ILLEGAL, MODES, VIRTUAL, Refused, run

ONES = (1 << 64) - 1
STCE = 1 << 63
S_BITS = 0x222


def lines(hart, **levels: int) -> None:
    """Drive the interrupt inputs."""
    hart.ctx.set(hart.unit.lines, {"msip": 0, "mtip": 0, "meip": 0, "seip": 0} | levels)


async def own_mode_interrupts(hart, mode: str, *, m: int = 0, s: int = 0, vs: int = 0) -> None:
    """Enter a mode with the given global enables (MPIE becomes MIE on the way)."""
    mstatus = CSRS["mstatus"]
    await hart.write("vsstatus", vs << 1)
    await hart.write("mstatus", (s << 1) | (m << mstatus.field("MPIE").lo))
    await hart.enter(mode)


def test_lines_show_in_mip_and_are_not_writable():
    async def test(hart):
        await hart.write("mip", ONES)
        await hart.write("mip", 0)
        assert await hart.read("mip") == 0
        lines(hart, msip=1)
        assert await hart.read("mip") == 1 << Interrupt.MSI
        lines(hart, mtip=1)
        assert await hart.read("mip") == 1 << Interrupt.MTI
        lines(hart, meip=1)
        assert await hart.read("mip") == 1 << Interrupt.MEI
        await hart.write("mip", 0)
        assert await hart.read("mip") == 1 << Interrupt.MEI
        lines(hart, seip=1)
        assert await hart.read("mip") == 1 << Interrupt.SEI
        await hart.write("mip", 0)
        assert await hart.read("mip") == 1 << Interrupt.SEI

    run(test)


def test_mip_seip_line_is_not_written_back():
    """Privileged spec 3.1.9: reads show line or software bit, read-modify-writes move the software bit."""
    seip = 1 << Interrupt.SEI

    async def test(hart):
        lines(hart, seip=1)
        assert await hart.set("mip", 1 << Interrupt.SSI) == seip
        lines(hart, seip=0)
        assert await hart.read("mip") == 1 << Interrupt.SSI
        lines(hart, seip=1)
        await hart.set("mip", seip)
        lines(hart, seip=0)
        assert await hart.read("mip") & seip
        lines(hart, seip=1)
        await hart.clear("mip", 1 << Interrupt.SSI)
        lines(hart, seip=0)
        assert await hart.read("mip") == seip
        await hart.clear("mip", seip)
        assert await hart.read("mip") == 0
        await hart.write("mip", seip | 1 << Interrupt.STI)
        assert await hart.read("mip") == seip | 1 << Interrupt.STI
        await hart.write("mip", 0)
        assert await hart.read("mip") == 0

    run(test)


def test_supervisor_views_follow_mideleg():
    async def test(hart):
        await hart.write("mie", ONES)
        await hart.write("mip", S_BITS)
        await hart.write("mideleg", 0)
        assert await hart.read("sie") == await hart.read("sip") == 0
        await hart.write("sie", 0)
        await hart.write("sip", 0)
        assert (await hart.read("mie"), await hart.read("mip")) == (0x1EEE, S_BITS)
        await hart.write("mideleg", 0x202)
        assert await hart.read("sie") == await hart.read("sip") == 0x202
        await hart.write("sie", 0)
        assert await hart.read("mie") == 0x1EEE & ~0x202
        await hart.write("sie", ONES)
        assert await hart.read("mie") == 0x1EEE
        # In sip only SSIP is writable.
        await hart.write("sip", 0)
        assert await hart.read("mip") == S_BITS & ~2
        await hart.write("sip", ONES)
        assert await hart.read("mip") == S_BITS

    run(test)


def test_hypervisor_views():
    """hvip, hip, hie, and vsip, vsie through hideleg."""

    async def test(hart):
        await hart.write("hvip", ONES)
        assert await hart.read("hvip") == await hart.read("hip") == VS_INTERRUPTS
        assert await hart.read("mip") == VS_INTERRUPTS
        assert await hart.read("sip") == 0
        # Of hip and mip only VSSIP is writable; it is hvip's bit.
        await hart.write("hip", 0)
        assert await hart.read("hvip") == VS_INTERRUPTS & ~4
        await hart.write("mip", ONES)
        assert await hart.read("hvip") == VS_INTERRUPTS
        await hart.write("hip", 0)
        await hart.set("hip", 4)
        assert await hart.read("hip") == VS_INTERRUPTS
        # hie is the VS and SGEI part of mie.
        await hart.write("hie", ONES)
        assert await hart.read("hie") == await hart.read("mie") == 0x1444
        await hart.write("sie", ONES)
        assert await hart.read("mie") == 0x1444
        # vsip, vsie: nothing without hideleg.
        assert await hart.read("vsip") == await hart.read("vsie") == 0
        await hart.write("vsie", 0)
        await hart.write("vsip", 0)
        assert (await hart.read("hie"), await hart.read("hip")) == (0x1444, VS_INTERRUPTS)
        await hart.write("hideleg", ONES)
        assert await hart.read("vsip") == await hart.read("vsie") == S_BITS
        await hart.write("vsip", 0)
        assert await hart.read("hvip") == VS_INTERRUPTS & ~4
        await hart.write("vsip", ONES)
        assert await hart.read("hvip") == VS_INTERRUPTS
        await hart.write("vsie", 1 << Interrupt.STI)
        assert await hart.read("hie") == 0x1000 | 1 << Interrupt.VSTI
        await hart.write("hideleg", 1 << Interrupt.VSEI)
        assert await hart.read("vsip") == 1 << Interrupt.SEI
        await hart.write("vsie", ONES)
        assert await hart.read("hie") == 0x1000 | 1 << Interrupt.VSTI | 1 << Interrupt.VSEI

    run(test)


def test_guest_sees_only_its_own_interrupts():
    """sip and sie in VS are vsip and vsie: HS-level interrupts do not show."""

    async def test(hart):
        lines(hart, seip=1)
        await hart.write("mideleg", ONES)
        await hart.write("hideleg", ONES)
        await hart.write("mie", ONES)
        await hart.write("hvip", 1 << Interrupt.VSTI)
        await hart.enter("VS")
        assert await hart.read("sip") == 1 << Interrupt.STI
        await hart.write("sip", ONES)
        await hart.write("sie", 1 << Interrupt.SEI)
        await hart.trap(Cause.ECALL_M)
        assert await hart.read("hvip") == 1 << Interrupt.VSTI | 1 << Interrupt.VSSI
        assert await hart.read("mie") == 0xAAA | 0x1000 | 1 << Interrupt.VSEI

    run(test)


def test_stimecmp():
    """Sstc: with STCE, STIP is time >= stimecmp, unsigned, and read-only."""
    stip = 1 << Interrupt.STI

    async def test(hart):
        unit, ctx = hart.unit, hart.ctx
        ctx.set(unit.time, 100)
        await hart.write("mip", stip)
        await hart.write("stimecmp", 101)
        assert await hart.read("mip") == stip  # the software bit, without STCE
        await hart.write("menvcfg", STCE)
        assert await hart.read("mip") == 0
        await hart.write("mip", stip)
        assert await hart.read("mip") == 0
        ctx.set(unit.time, 101)
        assert await hart.read("mip") == stip
        await hart.write("mip", 0)
        assert await hart.read("mip") == stip
        await hart.write("stimecmp", ONES)
        assert await hart.read("mip") == 0
        ctx.set(unit.time, ONES)
        assert await hart.read("mip") == stip
        await hart.write("stimecmp", 0)
        ctx.set(unit.time, 0)
        assert await hart.read("mip") == stip
        # vstimecmp does nothing without henvcfg.STCE.
        assert await hart.read("hip") == 0

    run(test)


def test_vstimecmp_follows_htimedelta():
    """VSTIP: hvip.VSTIP or time + htimedelta >= vstimecmp, the sum modulo 2**64."""
    vstip = 1 << Interrupt.VSTI

    async def test(hart):
        unit, ctx = hart.unit, hart.ctx
        ctx.set(unit.time, 1000)
        await hart.write("menvcfg", STCE)
        await hart.write("henvcfg", STCE)
        await hart.write("stimecmp", ONES)
        await hart.write("vstimecmp", 500)
        assert await hart.read("hip") == vstip
        await hart.write("htimedelta", (-501) & ONES)
        assert await hart.read("hip") == 0
        ctx.set(unit.time, 1001)
        assert await hart.read("hip") == vstip
        assert await hart.read("mip") == vstip
        await hart.write("vstimecmp", ONES)
        assert await hart.read("hip") == 0
        await hart.write("hvip", vstip)
        assert await hart.read("hip") == vstip
        await hart.write("hvip", 0)
        await hart.write("vstimecmp", 0)
        assert await hart.read("hip") == vstip
        await hart.write("menvcfg", 0)
        assert await hart.read("hip") == 0  # henvcfg.STCE is read-only zero now
        assert await hart.read("henvcfg") == 0

    run(test)


def test_guest_clock():
    """time in VS and VU is mtime + htimedelta; HS and U see mtime."""

    async def test(hart):
        hart.ctx.set(hart.unit.time, 1000)
        await hart.write("htimedelta", (-900) & ONES)
        for register in ("mcounteren", "hcounteren", "scounteren"):
            await hart.write(register, 2)
        for mode in MODES:
            await hart.enter(mode)
            assert await hart.read("time") == (100 if mode in ("VS", "VU") else 1000), mode
            await hart.trap(Cause.ECALL_M)

    run(test)


@pytest.mark.parametrize(
    ("menvcfg", "mcounteren", "henvcfg", "hcounteren", "hs", "vs", "hs_vstimecmp"),
    [
        (0, 2, 0, 2, ILLEGAL, ILLEGAL, ILLEGAL),
        (STCE, 0, STCE, 2, ILLEGAL, ILLEGAL, ILLEGAL),
        (STCE, 2, 0, 2, "", VIRTUAL, ""),
        (STCE, 2, STCE, 0, "", VIRTUAL, ""),
        (STCE, 2, STCE, 2, "", "", ""),
    ],
)
def test_who_may_use_the_timers(menvcfg, mcounteren, henvcfg, hcounteren, hs, vs, hs_vstimecmp):
    """Sstc: menvcfg.STCE, henvcfg.STCE and the TM bits."""

    async def test(hart):
        await hart.write("menvcfg", menvcfg)
        await hart.write("henvcfg", henvcfg)
        await hart.write("mcounteren", mcounteren)
        await hart.write("hcounteren", hcounteren)
        assert await hart.access("stimecmp") == await hart.access("vstimecmp") == ""
        await hart.enter("HS")
        assert await hart.access("stimecmp", write=True) == hs
        assert await hart.access("vstimecmp", write=True) == hs_vstimecmp
        await hart.trap(Cause.ECALL_M)
        await hart.enter("VS")
        assert await hart.access("stimecmp", write=True) == vs
        assert await hart.access("vstimecmp", write=True) == (ILLEGAL if hs_vstimecmp else VIRTUAL)

    run(test)


def test_henvcfg_bits_need_menvcfg():
    async def test(hart):
        await hart.write("henvcfg", ONES)
        assert await hart.read("henvcfg") == 1
        await hart.write("menvcfg", ONES)
        assert await hart.read("henvcfg") == 1
        await hart.write("henvcfg", ONES)
        assert await hart.read("henvcfg") == 0xA000_0000_0000_0001
        assert hart.ctx.get(hart.unit.translation.vs_adue) == 1
        await hart.write("menvcfg", STCE)
        assert await hart.read("henvcfg") == STCE | 1
        assert hart.ctx.get(hart.unit.translation.vs_adue) == 0
        assert hart.ctx.get(hart.unit.translation.adue) == 0

    run(test)


def expected_interrupt(pending: int, mode: str, enables: dict[str, int], mideleg: int, hideleg: int):
    """Which interrupt is taken: Privileged spec 3.1.9, H chapter "hvip, hip, hie"."""
    to_m = [i for i in INTERRUPT_PRIORITY if pending >> i & 1 and not mideleg >> i & 1]
    to_hs = [i for i in INTERRUPT_PRIORITY if pending >> i & 1 and mideleg >> i & 1 and not hideleg >> i & 1]
    to_vs = [i for i in INTERRUPT_PRIORITY if pending >> i & 1 and hideleg >> i & 1]
    if to_m and (mode != "M" or enables["m"]):
        return to_m[0]
    if to_hs and (mode in ("U", "VS", "VU") or (mode == "HS" and enables["s"])):
        return to_hs[0]
    if to_vs and (mode == "VU" or (mode == "VS" and enables["vs"])):
        return to_vs[0]
    return None


@pytest.mark.parametrize("mode", MODES)
def test_choice_of_the_interrupt(mode):
    rng = random.Random(mode)

    async def test(hart):
        for _ in range(40):
            enables = {name: rng.getrandbits(1) for name in ("m", "s", "vs")}
            levels = {name: int(rng.random() < 0.2) for name in ("msip", "mtip", "meip", "seip")}
            values = {
                "mideleg": rng.getrandbits(13) & S_BITS,
                "hideleg": rng.getrandbits(13) & VS_INTERRUPTS,
                "mie": rng.getrandbits(13) & 0xEEE,
                "hvip": rng.getrandbits(13) & VS_INTERRUPTS,
                "mip": rng.getrandbits(13) & rng.getrandbits(13) & S_BITS,
            }
            for name, value in values.items():
                await hart.write(name, value)
            values["hvip"] = await hart.read("hvip")  # the write of mip moved VSSIP
            values["mideleg"] |= 0x1444  # read-only ones
            lines(hart, **levels)
            await own_mode_interrupts(hart, mode, **enables)
            pending = values["mip"] | values["hvip"]
            for line, bit in (
                ("msip", Interrupt.MSI),
                ("mtip", Interrupt.MTI),
                ("meip", Interrupt.MEI),
                ("seip", Interrupt.SEI),
            ):
                pending |= levels[line] << bit
            pending &= values["mie"]
            want = expected_interrupt(pending, mode, enables, values["mideleg"], values["hideleg"])
            assert hart.interrupt() == want, f"{values} {levels} {enables}"
            assert hart.ctx.get(hart.unit.wfi_wake) == (pending != 0)
            await hart.trap(Cause.ECALL_M)

    run(test)


def test_timer_interrupts_are_taken():
    """The registered timer flags reach the choice: guest timer to VS, host timer to HS."""

    async def test(hart):
        unit, ctx = hart.unit, hart.ctx
        ctx.set(unit.time, 50)
        await hart.write("menvcfg", STCE)
        await hart.write("henvcfg", STCE)
        await hart.write("stimecmp", 70)
        await hart.write("vstimecmp", 60)
        await hart.write("mie", ONES)
        await hart.write("mideleg", ONES)
        await hart.write("hideleg", ONES)
        await own_mode_interrupts(hart, "VS", vs=1)
        await hart.tick(2)
        assert hart.interrupt() is None and not ctx.get(unit.wfi_wake)
        ctx.set(unit.time, 60)
        await hart.tick(2)
        assert hart.interrupt() == Interrupt.VSTI and ctx.get(unit.wfi_wake)
        ctx.set(unit.time, 70)
        await hart.tick(2)
        assert hart.interrupt() == Interrupt.STI

    run(test)


def test_interrupt_enables_take_effect_at_once():
    """The instruction after csrw sees the new enables: nothing is held back in a register."""

    async def test(hart):
        lines(hart, mtip=1)
        await hart.write("mie", 1 << Interrupt.MTI)
        assert hart.interrupt() is None
        await hart.set("mstatus", 8)
        assert hart.interrupt() == Interrupt.MTI
        await hart.clear("mstatus", 8)
        assert hart.interrupt() is None

    run(test)


def test_without_the_extension():
    async def test(hart):
        await hart.write("mie", ONES)
        await hart.write("mip", ONES)
        assert await hart.read("mip") == S_BITS
        await hart.write("mideleg", ONES)
        await hart.enter("U")
        assert hart.interrupt() == Interrupt.SEI
        with pytest.raises(Refused, match=ILLEGAL):
            await hart.csr("hip", CsrOp.SET, 0, write=False)

    run(test, CoreConfig(hypervisor=False, xvmx=False))


def test_vs_level_interrupts_of_h_end_with_it():
    """docs/xvmx.md, section 1: they do not exist with ARCH 0 or 2, whatever ARCH 1 has left behind."""

    async def test(hart):
        await hart.write("mvirt", 1)
        await hart.write("hvip", VS_INTERRUPTS)
        await hart.write("mie", VS_INTERRUPTS)
        await hart.write("mstatus", 0)
        await hart.enter("U")
        assert hart.interrupt() is not None
        for arch in (0, 2):
            await hart.trap(Cause.ECALL_U)
            await hart.write("mvirt", arch)
            await hart.enter("U")
            assert hart.interrupt() is None

    run(test)
