"""Traps and returns: modes, the status stacks, the trap registers, delegation, effective modes."""

import pytest

from rtl.config import CoreConfig
from rtl.isa.causes import INTERRUPT_BIT, Cause, Interrupt
from rtl.isa.csrs import CSRS
from rtl.isa.privilege import Privilege
from tests.core.csr.harness import run

M, H, V = CSRS["mstatus"], CSRS["hstatus"], CSRS["vsstatus"]
TRAP = {"pc": 0x8000_1235, "tval": 0xABCD, "gpa": 0x12_3458, "tinst": 0x3003, "gva": 1}


def field(csr, value: int, name: str) -> int:
    """A field of a register's value."""
    part = csr.field(name)
    return (value & part.mask) >> part.lo


def fields(csr, value: int, *names: str) -> tuple[int, ...]:
    """Several fields."""
    return tuple(field(csr, value, name) for name in names)


async def delegate(hart, hs: int = 0, vs: int = 0) -> None:
    """Set medeleg and hedeleg."""
    await hart.write("medeleg", hs)
    await hart.write("hedeleg", vs)


@pytest.mark.parametrize(
    ("mode", "mpp", "mpv"), [("M", 3, 0), ("HS", 1, 0), ("U", 0, 0), ("VS", 1, 1), ("VU", 0, 1)]
)
def test_trap_to_machine_and_back(mode, mpp, mpv):
    """H chapter, "Trap Entry": table of MPV and MPP; MRET undoes it."""

    async def test(hart):
        await hart.write("mtvec", 0x8000_0100)
        await hart.write("hstatus", H.mask("GVA", "SPVP"))
        await hart.enter(mode)
        await hart.trap(Cause.BREAKPOINT)  # mret left MPIE = 1, MIE = old MPIE
        await hart.set("mstatus", M.mask("MPIE"))
        assert await hart.xret(machine=True) == 0
        assert hart.mode == mode
        assert await hart.trap(Cause.LOAD_GUEST_PAGE_FAULT, **TRAP) == 0x8000_0100
        assert hart.mode == "M"
        status = await hart.read("mstatus")
        assert fields(M, status, "MPP", "MPV", "MPIE", "MIE", "GVA") == (mpp, mpv, 1, 0, 1)
        assert await hart.read("mepc") == 0x8000_1234
        assert await hart.read("mcause") == 21
        assert await hart.read("mtval") == 0xABCD
        assert await hart.read("mtval2") == 0x12_3458 >> 2
        assert await hart.read("mtinst") == 0x3003
        # Nothing of HS or VS moved.
        assert await hart.read("sepc") == await hart.read("htval") == await hart.read("vsepc") == 0
        assert fields(H, await hart.read("hstatus"), "GVA", "SPVP", "SPV") == (1, 1, 0)
        assert await hart.xret(machine=True) == 0x8000_1234
        assert hart.mode == mode
        await hart.trap(Cause.BREAKPOINT)
        # MRET: MIE := MPIE, MPIE := 1; the trap moved MIE to MPIE again. GVA is 0 for this trap.
        assert fields(M, await hart.read("mstatus"), "MPIE", "MIE", "GVA") == (1, 0, 0)

    run(test)


@pytest.mark.parametrize(
    ("mode", "spp", "spv", "spvp"), [("HS", 1, 0, 0), ("U", 0, 0, 0), ("VS", 1, 1, 1), ("VU", 0, 1, 0)]
)
@pytest.mark.parametrize("old_spvp", [0, 1])
def test_trap_to_hypervisor(mode, spp, spv, spvp, old_spvp):
    """H chapter, "Trap Entry": table of SPV and SPP; SPVP changes only when V was 1."""

    async def test(hart):
        await delegate(hart, hs=1 << Cause.STORE_GUEST_PAGE_FAULT)
        await hart.write("stvec", 0x1001)  # vectored: exceptions go to the base all the same
        await hart.write("hstatus", H.mask("SPVP") * old_spvp)
        await hart.set("mstatus", M.mask("SIE"))
        await hart.enter(mode)
        assert await hart.trap(Cause.STORE_GUEST_PAGE_FAULT, **TRAP) == 0x1000
        assert hart.mode == "HS"
        status, hstatus = await hart.read("sstatus"), await hart.read("hstatus")
        assert fields(M, status, "SPP", "SPIE", "SIE") == (spp, 1, 0)
        expected = spvp if spv else old_spvp
        assert fields(H, hstatus, "SPV", "SPVP", "GVA") == (spv, expected, 1)
        assert await hart.read("sepc") == 0x8000_1234
        assert await hart.read("scause") == 23
        assert await hart.read("stval") == 0xABCD
        assert await hart.read("htval") == 0x12_3458 >> 2
        assert await hart.read("htinst") == 0x3003
        assert await hart.xret(machine=False) == 0x8000_1234
        assert hart.mode == mode
        await hart.trap(Cause.BREAKPOINT)
        status, hstatus = await hart.read("sstatus"), await hart.read("hstatus")
        assert fields(M, status, "SPP", "SPIE", "SIE") == (0, 1, 1)
        assert fields(H, hstatus, "SPV", "SPVP") == (0, expected)
        assert await hart.read("mtval2") == 0

    run(test)


@pytest.mark.parametrize(("mode", "spp"), [("VS", 1), ("VU", 0)])
def test_trap_inside_the_guest(mode, spp):
    """A trap to VS leaves hstatus, sstatus, htval, htinst alone and V = 1; SRET in VS uses vsstatus."""

    async def test(hart):
        await delegate(hart, hs=1 << Cause.LOAD_PAGE_FAULT, vs=1 << Cause.LOAD_PAGE_FAULT)
        await hart.write("vstvec", 0x4000)
        await hart.write("vsstatus", V.mask("SIE"))
        await hart.write("hstatus", H.mask("SPVP", "SPV"))
        await hart.write("htval", 9)
        await hart.write("htinst", 8)
        hstatus, sstatus = await hart.read("hstatus"), await hart.read("sstatus")
        await hart.enter(mode)
        assert await hart.trap(Cause.LOAD_PAGE_FAULT, pc=0x500, tval=0x66, gva=1) == 0x4000
        assert hart.mode == "VS"
        assert not hart.events.vm_exit
        assert fields(V, await hart.read("sstatus"), "SPP", "SPIE", "SIE") == (spp, 1, 0)
        assert await hart.read("sepc") == 0x500
        assert await hart.read("scause") == 13
        assert await hart.read("stval") == 0x66
        assert await hart.xret(machine=False) == 0x500
        assert not hart.events.vm_entry
        assert hart.mode == mode
        await hart.trap(Cause.BREAKPOINT)
        assert fields(V, await hart.read("vsstatus"), "SPP", "SPIE", "SIE") == (0, 1, 1)
        assert await hart.read("hstatus") == hstatus
        assert await hart.read("sstatus") == sstatus
        assert (await hart.read("htval"), await hart.read("htinst"), await hart.read("sepc")) == (9, 8, 0)

    run(test)


@pytest.mark.parametrize("cause", [Cause.ECALL_HS, Cause.ECALL_VS, Cause.VIRTUAL_INSTRUCTION, Cause.ECALL_U])
def test_delegation_needs_both_registers(cause):
    """hedeleg matters only past medeleg, only when V = 1, and some of its bits are read-only zero."""

    async def test(hart):
        await delegate(hart, hs=0, vs=(1 << 64) - 1)
        await hart.enter("VU")
        await hart.trap(cause)
        assert hart.mode == "M"
        await delegate(hart, hs=(1 << 64) - 1, vs=(1 << 64) - 1)
        await hart.enter("VU")
        await hart.trap(cause)
        assert hart.mode == ("VS" if cause == Cause.ECALL_U else "HS")
        await hart.trap(Cause.ECALL_M)
        assert hart.mode == "M"
        await hart.enter("U")
        await hart.trap(cause)
        assert hart.mode == "HS"

    run(test)


def test_machine_traps_stay_in_machine_mode():
    async def test(hart):
        await delegate(hart, hs=(1 << 64) - 1, vs=(1 << 64) - 1)
        await hart.write("mideleg", (1 << 64) - 1)
        await hart.trap(Cause.LOAD_PAGE_FAULT)
        assert hart.mode == "M" and await hart.read("mcause") == 13
        await hart.trap(INTERRUPT_BIT | Interrupt.MTI)
        assert hart.mode == "M" and await hart.read("mcause") == INTERRUPT_BIT | 7

    run(test)


@pytest.mark.parametrize("interrupt", [Interrupt.VSSI, Interrupt.VSTI, Interrupt.VSEI])
def test_vs_interrupt_is_translated_for_the_guest_only(interrupt):
    async def test(hart):
        await hart.write("mtvec", 0x1001)
        await hart.write("stvec", 0x2001)
        await hart.write("vstvec", 0x3001)
        await hart.write("hideleg", 1 << interrupt)
        await hart.enter("VU")
        assert await hart.trap(INTERRUPT_BIT | interrupt) == 0x3000 + 4 * (interrupt - 1)
        assert hart.trap_cause == interrupt - 1
        assert hart.mode == "VS"
        assert await hart.read("scause") == INTERRUPT_BIT | (interrupt - 1)
        await hart.trap(Cause.ECALL_M)
        await hart.write("hideleg", 0)
        await hart.enter("VS")
        assert await hart.trap(INTERRUPT_BIT | interrupt) == 0x2000 + 4 * interrupt
        assert hart.trap_cause == interrupt
        assert hart.mode == "HS"
        assert await hart.read("scause") == INTERRUPT_BIT | interrupt
        # SEI stays 9 on its way to HS, although 9 is also what VSEI becomes.
        await hart.trap(Cause.ECALL_M)
        await hart.write("mideleg", 1 << Interrupt.SEI)
        await hart.write("hideleg", (1 << 64) - 1)
        await hart.enter("VS")
        assert await hart.trap(INTERRUPT_BIT | Interrupt.SEI) == 0x2000 + 4 * 9
        assert hart.mode == "HS"

    run(test)


@pytest.mark.parametrize(
    ("mpp", "mpv", "mode", "mprv"),
    [(3, 0, "M", 1), (3, 1, "M", 1), (1, 0, "HS", 0), (0, 0, "U", 0), (1, 1, "VS", 0), (0, 1, "VU", 0)],
)
def test_mret_clears_mprv_below_machine_mode(mpp, mpv, mode, mprv):
    async def test(hart):
        status = (mpp << M.field("MPP").lo) | (mpv << M.field("MPV").lo) | M.mask("MPRV", "MPIE")
        await hart.write("mstatus", status)
        await hart.write("mepc", 0x42)
        assert await hart.xret(machine=True) == 0x42
        assert hart.events.vm_entry == (mode in ("VS", "VU"))
        assert hart.mode == mode
        await hart.trap(Cause.ECALL_M)
        status = await hart.read("mstatus")
        assert field(M, status, "MPRV") == mprv
        # Before that trap MRET had set MPP = U, MPV = 0; the trap then recorded the mode it came from.
        assert fields(M, status, "MPP", "MPV") == (
            {"M": 3, "HS": 1, "VS": 1}.get(mode, 0),
            mode in ("VS", "VU"),
        )

    run(test)


def test_mret_leaves_the_least_privileged_mode_behind():
    async def test(hart):
        await hart.write("mstatus", M.mask("MPP", "MPV"))
        await hart.xret(machine=True)
        assert fields(M, await hart.read("mstatus"), "MPP", "MPV", "MPIE") == (0, 0, 1)

    run(test)


def test_sret_in_machine_mode_is_like_hs():
    async def test(hart):
        await hart.write("mstatus", M.mask("MPRV", "SPP", "SPIE"))
        await hart.write("hstatus", H.mask("SPV"))
        await hart.write("sepc", 0x77776)
        assert await hart.xret(machine=False) == 0x77776
        assert hart.mode == "VS"
        assert hart.events.vm_entry
        await hart.trap(Cause.ECALL_M)
        assert fields(M, await hart.read("mstatus"), "MPRV", "SPP", "SPIE", "SIE") == (0, 0, 1, 1)
        assert field(H, await hart.read("hstatus"), "SPV") == 0

    run(test)


def test_mpp_holds_only_real_modes():
    async def test(hart):
        for old in (0, 1, 3):
            await hart.write("mstatus", old << 11)
            assert field(M, await hart.read("mstatus"), "MPP") == old
            await hart.write("mstatus", 2 << 11 | 2)
            assert fields(M, await hart.read("mstatus"), "MPP", "SIE") == (old, 1)

    run(test)


def test_effective_modes():
    """H chapter, table "Effect of MPRV"; HLV and HSV act in the mode of SPVP whatever MPRV says."""
    table = [(0, 0, "U"), (0, 1, "HS"), (0, 3, "M"), (1, 3, "M"), (1, 0, "VU"), (1, 1, "VS")]

    async def test(hart):
        unit = hart.unit
        for mpv, mpp, mode in table:
            status = (mpp << 11) | (mpv << M.field("MPV").lo)
            await hart.write("mstatus", status)
            assert hart.name_of(unit.data_mode) == "M"
            await hart.write("mstatus", status | M.mask("MPRV"))
            assert hart.name_of(unit.data_mode) == mode
            assert hart.name_of(unit.hypervisor_mode) == "VU"
            assert hart.mode == "M"
        await hart.write("hstatus", H.mask("SPVP"))
        assert hart.name_of(unit.hypervisor_mode) == "VS"
        await hart.enter("VU")
        assert hart.name_of(unit.data_mode) == "VU"

    run(test)


def test_exit_events():
    """vm_exit with reason, destination and VMID when V goes from 1 to 0."""

    async def test(hart):
        await hart.write("hgatp", (8 << 60) | (0x2ABC << 44))
        await delegate(hart, hs=1 << Cause.VIRTUAL_INSTRUCTION)
        await hart.enter("VS")
        assert hart.events.vm_entry
        await hart.trap(Cause.VIRTUAL_INSTRUCTION)
        events = hart.events
        assert (events.vm_exit, events.trap, events.interrupt, events.exit_interrupt) == (1, 1, 0, 0)
        assert (events.exit_cause, events.exit_to_machine, events.vmid) == (22, 0, 0x2ABC)
        await hart.trap(INTERRUPT_BIT | Interrupt.MTI)
        assert (hart.events.vm_exit, hart.events.trap, hart.events.interrupt) == (0, 1, 1)
        await hart.enter("VU")
        await hart.trap(INTERRUPT_BIT | Interrupt.MEI)
        events = hart.events
        assert (events.vm_exit, events.exit_interrupt, events.exit_cause, events.exit_to_machine) == (
            1,
            1,
            11,
            1,
        )

    run(test)


def test_without_the_extension():
    async def test(hart):
        await delegate_hs(hart)
        await hart.write("mstatus", M.mask("MPV") | Privilege.S << 11)
        await hart.xret(machine=True)
        assert hart.mode == "HS"
        await hart.write("stvec", 0x80)
        assert await hart.trap(Cause.ECALL_HS, pc=4, gva=1) == 0x80
        assert hart.mode == "HS"
        assert await hart.xret(machine=False) == 4
        assert hart.mode == "HS"

    async def delegate_hs(hart):
        await hart.write("medeleg", 1 << Cause.ECALL_HS)

    run(test, CoreConfig(hypervisor=False, xvmx=False))
