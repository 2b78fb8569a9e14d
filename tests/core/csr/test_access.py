"""CSR access rules against an independent statement of them, over every register, mode and control."""

import random

import pytest
from amaranth.sim import Simulator

from rtl.core.csr.legality import AccessCheck, SystemCheck
from rtl.core.interface import SystemOp
from rtl.isa.csrs import CSRS, CSRS_BY_NUMBER
from rtl.isa.xvmx import Arch
from tests.core.csr.harness import ILLEGAL, MODES, VIRTUAL

CONTROLS = ("tvm", "tw", "tsr", "hu", "vtvm", "vtw", "vtsr", "timer", "vs_timer")
VS_CSRS = {
    "vsstatus",
    "vsie",
    "vstvec",
    "vsscratch",
    "vsepc",
    "vscause",
    "vstval",
    "vsip",
    "vsatp",
    "vstimecmp",
}
H_CSRS = {"hstatus", "hedeleg", "hideleg", "hie", "hip", "hvip", "htimedelta", "hcounteren", "hgeie", "hgeip"}
H_CSRS |= {"henvcfg", "htval", "htinst", "hgatp"}


def expected_access(number: int, write: bool, mode: str, bits: dict[str, int], arch: Arch) -> str:
    """H chapter "Trap Cause Codes", sentence by sentence; docs/xvmx.md, sections 1, 2, 9 and 11."""
    csr = CSRS_BY_NUMBER.get(number)
    if csr is None:
        return ILLEGAL
    name = csr.name
    if arch != Arch.H and (name in VS_CSRS or name in H_CSRS or name in ("mtinst", "mtval2")):
        return ILLEGAL
    if name in ("svmxcap", "stopei") and arch != Arch.XVMX:
        return ILLEGAL
    if name == "stopei":
        return "" if mode == "VS" else ILLEGAL
    if name == "sstatus" and bits["hole"]:
        return ""
    if arch == Arch.XVMX and mode in ("VS", "VU"):
        # A plain machine: no control of H counts, and nothing is a virtual instruction.
        plain = {"VS": "HS", "VU": "U"}[mode]
        return expected_access(number, write, plain, bits | {"tvm": 0, "hole": 0}, arch)
    if write and number >= 0xC00:
        return ILLEGAL
    if mode == "M":
        return ""
    if csr.privilege == 3:
        return ILLEGAL
    if csr.privilege == 0:
        bit = number & 31
        if not bits["mcounteren"] >> bit & 1:
            return ILLEGAL
        if mode in ("VS", "VU") and not bits["hcounteren"] >> bit & 1:
            return VIRTUAL
        if mode in ("U", "VU") and not bits["scounteren"] >> bit & 1:
            return VIRTUAL if mode == "VU" else ILLEGAL
        return ""
    if mode == "U":
        return ILLEGAL
    legal_in_hs = bits["timer"] if name in ("stimecmp", "vstimecmp") else True
    if not legal_in_hs:
        return ILLEGAL
    if mode == "HS":
        return ILLEGAL if name in ("satp", "hgatp") and bits["tvm"] else ""
    if mode == "VU" or name in VS_CSRS or name in H_CSRS:
        return VIRTUAL
    if (name == "satp" and bits["vtvm"]) or (name == "stimecmp" and not bits["vs_timer"]):
        return VIRTUAL
    return ""


@pytest.mark.parametrize("arch", Arch)
def test_access_matrix(arch):
    check = AccessCheck()
    rng = random.Random(2)
    holes = [
        0x000,
        0x107,
        0x10C,
        0x14E,
        0x15D,
        0x20A,
        0x206,
        0x615,
        0x61A,
        0x310,
        0x3A1,
        0xC80,
        0xFFF,
    ]
    numbers = sorted({*CSRS_BY_NUMBER, *holes, *rng.sample(range(4096), 100)})
    modes = MODES if arch != Arch.NONE else ("M", "HS", "U")

    async def bench(ctx):
        for round_ in range(4):
            bits = {name: rng.getrandbits(1) for name in CONTROLS}
            bits |= {name: rng.getrandbits(32) for name in ("mcounteren", "hcounteren", "scounteren")}
            if round_ == 0:
                bits = dict.fromkeys(bits, 0) | {"timer": 1, "mcounteren": 0xFFFF_FFFF}
            bits["hole"] = round_ & 1
            if arch == Arch.XVMX:  # what the CSR unit says to it
                bits |= {"hcounteren": 0xFFFF_FFFF, "vtvm": 0, "vs_timer": bits["timer"]}
            visible = {"hypervisor": arch == Arch.H, "xvmx": arch == Arch.XVMX, "hole": bits["hole"]}
            ctx.set(check.visible, visible)
            ctx.set(check.controls, {name: bits[name] for name in CONTROLS})
            for name in ("mcounteren", "hcounteren", "scounteren"):
                ctx.set(getattr(check, name), bits[name])
            for mode in modes:
                privilege, virt = MODES[mode]
                ctx.set(check.mode, {"privilege": privilege, "virt": virt})
                for number in numbers:
                    ctx.set(check.number, number)
                    for write in (False, True):
                        ctx.set(check.write, write)
                        got = ILLEGAL if ctx.get(check.illegal) else VIRTUAL if ctx.get(check.virtual) else ""
                        assert not (ctx.get(check.illegal) and ctx.get(check.virtual))
                        want = expected_access(number, write, mode, bits, arch)
                        name = CSRS_BY_NUMBER[number].name if number in CSRS_BY_NUMBER else hex(number)
                        assert got == want, f"{name} write={write} in {mode} with {bits}"

    simulator = Simulator(check)
    simulator.add_testbench(bench)
    simulator.run()


def expected_system(op: SystemOp, mode: str, bits: dict[str, int], hypervisor: bool) -> str:
    """Privileged spec 3.1.6.6 and 3.3, Svinval, H chapter "Hypervisor Instructions"; docs/xvmx.md, section 5:
    V = 1 without the H extension is a plain machine."""
    virt = mode in ("VS", "VU")
    user = mode in ("U", "VU")
    refused = VIRTUAL if virt and hypervisor else ILLEGAL
    match op.name:
        case "NONE" | "ECALL" | "EBREAK":
            return ""
        case "MRET":
            return "" if mode == "M" else ILLEGAL
        case "WFI":
            if mode == "M":
                return ""
            if bits["tw"]:
                return ILLEGAL
            return refused if user or (virt and bits["vtw"]) else ""
        case "HYPERVISOR_ACCESS" | "HFENCE_VVMA" | "HFENCE_GVMA" | "HINVAL_VVMA" | "HINVAL_GVMA":
            if not hypervisor:
                return ILLEGAL
            if virt:
                return VIRTUAL
            if op is SystemOp.HYPERVISOR_ACCESS:
                return ILLEGAL if user and not bits["hu"] else ""
            return ILLEGAL if user or (mode == "HS" and "GVMA" in op.name and bits["tvm"]) else ""
    hs, vs = {"SRET": ("tsr", "vtsr"), "SFENCE_INVAL": (None, None)}.get(op.name, ("tvm", "vtvm"))
    forbidden = {"HS": hs, "VS": vs}.get(mode)
    return refused if user or (forbidden and bits[forbidden]) else ""


@pytest.mark.parametrize("hypervisor", [True, False])
def test_privileged_instructions(hypervisor):
    check = SystemCheck()

    async def bench(ctx):
        ctx.set(check.hypervisor, hypervisor)
        for controls in range(1 << 7):
            bits = {name: controls >> n & 1 for n, name in enumerate(CONTROLS)}
            if not hypervisor:  # what the CSR unit says to it
                bits |= dict.fromkeys(("hu", "vtvm", "vtw", "vtsr"), 0)
            ctx.set(check.controls, bits)
            for mode in MODES:
                privilege, virt = MODES[mode]
                ctx.set(check.mode, {"privilege": privilege, "virt": virt})
                for op in SystemOp:
                    ctx.set(check.op, op)
                    got = ILLEGAL if ctx.get(check.illegal) else VIRTUAL if ctx.get(check.virtual) else ""
                    assert got == expected_system(op, mode, bits, hypervisor), f"{op} in {mode} with {bits}"

    simulator = Simulator(check)
    simulator.add_testbench(bench)
    simulator.run()


def test_numbers_of_the_rules_exist():
    """The statement above names real registers only."""
    assert set(CSRS) >= VS_CSRS | H_CSRS
