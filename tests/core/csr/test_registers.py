"""Reset values, WARL masks and substitution, through the unit."""

import random

import pytest

from rtl.config import CoreConfig
from rtl.core.interface import CsrOp
from rtl.isa.csr_state import WriteRule, csr_states
from rtl.isa.csrs import VS_ALIASES
from tests.core.csr.harness import ILLEGAL, VIRTUAL, Refused, run

ONES = (1 << 64) - 1
CLOCKS = ("time", "cycle", "mcycle", "minstret", "instret")


@pytest.mark.parametrize("hypervisor", [True, False])
def test_reset_values(hypervisor):
    async def test(hart):
        for name, state in csr_states(hypervisor).items():
            if name not in CLOCKS:
                assert await hart.read(name) == state.reset, name

    run(test, CoreConfig(hypervisor=hypervisor, xvmx=hypervisor))


def test_reset_values_by_number():
    """The table itself, against figures worked out by hand."""
    states = csr_states()
    assert states["misa"].reset == 0x8000_0000_0014_1185  # MXL 64, IMACSU H
    assert csr_states(False)["misa"].reset == 0x8000_0000_0014_1105
    assert states["mstatus"].reset == 0x0000_000A_0000_0000  # SXL, UXL 64
    assert states["hstatus"].reset == states["vsstatus"].reset == 0x0000_0002_0000_0000
    assert states["mideleg"].reset == 0x1444  # SGEI, VSEI, VSTI, VSSI
    assert states["hedeleg"].writable == 0b1100_1011_0001_1111_1111
    assert states["medeleg"].writable == 0xFC_B7FF


PLAIN = {
    "mscratch": ONES,
    "sscratch": ONES,
    "vsscratch": ONES,
    "mepc": ONES - 1,
    "sepc": ONES - 1,
    "vsepc": ONES - 1,
    "mtvec": ONES - 2,
    "stvec": ONES - 2,
    "vstvec": ONES - 2,
    "mtval": ONES,
    "stval": ONES,
    "vstval": ONES,
    "mcause": 0x8000_0000_0000_003F,
    "scause": 0x8000_0000_0000_003F,
    "vscause": 0x8000_0000_0000_003F,
    "htval": ONES,
    "mtval2": ONES,
    "htinst": 0xFFFF_FFFF,
    "mtinst": 0xFFFF_FFFF,
    "htimedelta": ONES,
    "stimecmp": ONES,
    "vstimecmp": ONES,
    "medeleg": 0xFC_B7FF,
    "mideleg": 0x1666,
    "hedeleg": 0xCB1FF,
    "hideleg": 0x444,
    "mie": 0x1EEE,
    "mcounteren": 0x7FF,
    "scounteren": 0x7FF,
    "hcounteren": 0x7FF,
    "mcountinhibit": 0x7FD,
    "menvcfg": 0xA000_0000_0000_0001,
    "senvcfg": 1,
    "hgeie": 0,
    "misa": 0x8000_0000_0014_1185,
    "mstatus": 0x0000_00CA_007E_19AA,
    "hstatus": 0x0000_0002_0070_03C0,
    "vsstatus": 0x0000_0002_000C_0122,
    "sstatus": 0x0000_0002_000C_0122,
    "mhpmevent3": 0x7C00_0000_0000_001F,
    "mhpmevent11": 0,
    "mhpmcounter11": 0,
    "tselect": 0,
    "tdata1": 0,
    "pmpcfg2": 0,
    "pmpaddr8": 0,
}


def test_all_ones_read_back():
    async def test(hart):
        for name, readable in PLAIN.items():
            await hart.write(name, ONES)
            assert await hart.read(name) == readable, name

    run(test)


def test_registers_are_apart():
    """Every register keeps its own random value while all others are written."""
    rng = random.Random(1)
    special = ("mstatus", "sstatus", "henvcfg", "mcycle", "minstret", "pmpcfg0")
    states = {
        name: state
        for name, state in csr_states().items()
        if state.writable and name not in special and state.rule in (WriteRule.MASK, WriteRule.PMPADDR)
    }
    states = {name: state for name, state in states.items() if not name.startswith("pmp")}

    async def test(hart):
        await hart.write("mcountinhibit", ONES)
        values = {name: rng.getrandbits(64) for name in states if name != "mcountinhibit"}
        for name, value in values.items():
            await hart.write(name, value)
        for name, value in values.items():
            assert await hart.read(name) == value & states[name].writable | states[name].fixed, name

    run(test)


def test_set_and_clear():
    async def test(hart):
        await hart.write("mscratch", 0b1100)
        assert await hart.set("mscratch", 0b1010) == 0b1100
        assert await hart.clear("mscratch", 0b0110) == 0b1110
        assert await hart.read("mscratch") == 0b1000
        # csrrs with rs1 = x0 writes nothing, so it may read a read-only register.
        assert await hart.access("mhartid") == ""
        assert await hart.access("mhartid", write=True) == ILLEGAL

    run(test)


def test_hart_id():
    async def test(hart):
        assert await hart.read("mhartid") == 3

    run(test, CoreConfig(hart_id=3))


def test_vs_registers_stand_in_for_supervisor_registers():
    """H chapter, "Hypervisor and Virtual Supervisor CSRs"."""
    values = {
        "sstatus": 0x2_0000_0022,
        "stvec": 0x1001,
        "sscratch": 77,
        "sepc": 0x2222,
        "scause": 13,
        "stval": 0xDEAD,
        "stimecmp": 1 << 62,
        "satp": (8 << 60) | (3 << 44) | 0x123,
    }

    async def test(hart):
        await hart.write("menvcfg", 1 << 63)
        await hart.write("henvcfg", 1 << 63)
        await hart.write("mcounteren", 2)
        await hart.write("hcounteren", 2)
        await hart.write("senvcfg", 1)
        await hart.write("scounteren", 5)
        before = {name: await hart.read(name) for name in values}
        await hart.enter("VS")
        for name, value in values.items():
            await hart.write(name, value)
            assert await hart.read(name) == value, name
        # No vs* counterpart: the same register in every mode.
        assert await hart.read("senvcfg") == 1
        assert await hart.read("scounteren") == 5
        await hart.trap(8)
        assert hart.mode == "M"
        for name, value in values.items():
            assert await hart.read(VS_ALIASES[name]) == value, name
            assert await hart.read(name) == before[name], name

    run(test)


@pytest.mark.parametrize("name", ["vsscratch", "vsatp", "hgatp", "hstatus", "htimedelta"])
def test_refused_access_writes_nothing(name):
    """A trapping access to a VS or hypervisor register must not commit, even when the core says so."""

    async def test(hart):
        await hart.write(name, 0x40)
        before = await hart.read(name)
        for mode, refusal in (("VS", VIRTUAL), ("VU", VIRTUAL), ("U", ILLEGAL)):
            await hart.enter(mode)
            assert await hart.access(name) == refusal
            for op, operand in ((CsrOp.WRITE, 0x80), (CsrOp.SET, 0x100), (CsrOp.CLEAR, ONES)):
                with pytest.raises(Refused, match=refusal):
                    await hart.csr(name, op, operand)
            await hart.trap(2)
            assert await hart.read(name) == before

    run(test)


def test_no_hypervisor_registers_without_the_extension():
    async def test(hart):
        for name in ("hstatus", "vsstatus", "hgatp", "mtval2", "mtinst", "hgeip", "henvcfg"):
            assert await hart.access(name) == ILLEGAL, name
        await hart.write("mstatus", ONES)
        assert await hart.read("mstatus") == 0x0000_000A_007E_19AA  # no MPV, no GVA
        await hart.write("mideleg", ONES)
        assert await hart.read("mideleg") == 0x222
        await hart.write("mie", ONES)
        assert await hart.read("mie") == 0xAAA
        await hart.write("medeleg", ONES)
        assert await hart.read("medeleg") == 0xCB3FF

    run(test, CoreConfig(hypervisor=False, xvmx=False))


def test_refetch_only_where_fetch_depends_on_the_register():
    async def test(hart):
        for name in ("hgatp", "vsatp", "hstatus", "mstatus", "satp", "mscratch"):
            await hart.write(name, 0)
            assert not hart.refetch, name
        for name in ("pmpcfg0", "pmpaddr0", "pmpaddr7"):
            await hart.write(name, 0)
            assert hart.refetch and hart.pmp_changed, name
        await hart.read("pmpaddr0")
        assert not hart.refetch and not hart.pmp_changed
        await hart.enter("HS")
        await hart.write("satp", 0)
        assert hart.refetch and not hart.pmp_changed
        for name in ("hgatp", "vsatp", "hstatus", "sstatus"):
            await hart.write(name, 0)
            assert not hart.refetch, name
        await hart.trap(8)
        await hart.enter("VS")
        await hart.write("satp", 0)
        assert hart.refetch

    run(test)


def test_snapshot_shows_every_register():
    """What lockstep compares is what M mode would read."""
    rng = random.Random(3)

    async def test(hart):
        names = list(hart.unit.snapshot.shape().members)
        assert {"mstatus", "vsepc", "mtval2", "hgatp", "pmpaddr7", "mip", "hvip"} <= set(names)
        assert not {"sstatus", "vsie", "cycle", "mhartid", "stopei"} & set(names)
        names.remove("mvirt")  # decides which of the others exist
        for name in names:
            await hart.write(name, rng.getrandbits(64))
        await hart.write("mcountinhibit", ONES)
        for name in names:
            assert hart.ctx.get(getattr(hart.unit.snapshot, name)) == await hart.read(name), name
        await hart.trap(13, pc=0x8000_0000, tval=5, gpa=0x44, tinst=7)
        for name in names:
            assert hart.ctx.get(getattr(hart.unit.snapshot, name)) == await hart.read(name), name

    run(test, CoreConfig(observe=True))
