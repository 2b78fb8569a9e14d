"""Entry checks against the golden model's, over random and over almost good fields."""

import random
from types import SimpleNamespace

from amaranth.sim import Simulator

from cosim.model.xvmx.checks import entry_error, guest_state_is_valid
from rtl.core.vmx.checks import EntryChecks
from rtl.core.vmx.fields import INDEX
from rtl.isa.csrs import CSRS
from rtl.isa.xvmx import EventBits, VmError

ONES = (1 << 64) - 1
SIE = CSRS["sstatus"].mask("SIE")
GOOD = {
    "PIN_CTLS": [0, 1, 3, 7],
    "PROC_CTLS": [0, 1 << 7, 1 << 10, 1 << 11, 3 << 10, 7 << 10, 0x3FFF],
    "EXIT_CTLS": [0, 1, 3],
    "ENTRY_CTLS": [0],
    "CSR_BITMAP": [0, 0x8000_0400],
    "EPTP": [8 << 60 | 1 << 44 | 0x80004, 8 << 60 | 0x80004, 0, 5 << 44],
    "EPTP_LIST": [0x8000_1000],
    "PI_DESC": [0x8000_0040],
    "PI_VECTOR": [1],
    "ENTRY_EVENT": [0, EventBits.VALID | 2, EventBits.VALID | EventBits.INTERRUPT | 5],
    "G_PC": [0x8000_0000, 2],
    "G_PRIV": [0, 1],
    "G_SSTATUS": [0, SIE],
    "G_SATP": [0, 8 << 60 | 1],
    "G_ACTIVITY": [0, 1],
    "G_INTERRUPTIBILITY": [0],
    "H_PC": [0x8000_0000],
    "H_SATP": [0, 8 << 60],
}


def spoiled(rng: random.Random, value: int) -> int:
    """``value`` with something wrong, perhaps."""
    match rng.randrange(4):
        case 0:
            return value ^ 1 << rng.randrange(64)
        case 1:
            return rng.getrandbits(64)
        case 2:
            return rng.randrange(4)
        case _:
            return value | EventBits.VALID | rng.randrange(32)


def test_entry_checks() -> None:
    dut = EntryChecks()
    rng = random.Random(7)
    seen = set()

    async def bench(ctx):
        ctx.set(dut.ask, 1)
        for _ in range(1500):
            field = {name: rng.choice(values) for name, values in GOOD.items()}
            for name in rng.sample(list(GOOD), rng.choice((0, 0, 1, 1, 2))):
                field[name] = spoiled(rng, field[name])
            nos2 = rng.random() < 0.1
            if nos2:
                field["EPTP"] = 0
            ctx.set(dut.nos2, nos2)
            ctx.set(dut.write, 1)
            for name, value in field.items():
                ctx.set(dut.index, INDEX[name])
                ctx.set(dut.value, value)
                await ctx.tick()
            ctx.set(dut.write, 0)
            for port, name in (("pin", "PIN_CTLS"), ("proc", "PROC_CTLS"), ("leaving", "EXIT_CTLS")):
                signal = getattr(dut, port)
                ctx.set(signal, field[name] & (1 << len(signal)) - 1)
            event = field["ENTRY_EVENT"]
            ctx.set(dut.event_valid, bool(event & EventBits.VALID))
            ctx.set(dut.event_interrupt, bool(event & EventBits.INTERRUPT))
            ctx.set(dut.user, not field["G_PRIV"] & 1)
            ctx.set(dut.sie, bool(field["G_SSTATUS"] & SIE))
            await ctx.tick()
            vmcs = SimpleNamespace(field=field, event_valid=bool(event & EventBits.VALID))
            error = entry_error(vmcs, nos2)
            got = (
                VmError.ENTRY_CONTROLS
                if ctx.get(dut.controls_bad)
                else VmError.ENTRY_HOST_STATE
                if ctx.get(dut.host_bad)
                else None
            )
            assert got == error, {name: hex(value) for name, value in field.items()}
            good = guest_state_is_valid(vmcs, field["G_SSTATUS"], field["G_SATP"])
            if field["G_PRIV"] < 2:
                assert ctx.get(dut.guest_bad) == (not good), {n: hex(v) for n, v in field.items()}
            else:
                assert ctx.get(dut.guest_bad)
            seen.add((error, good))

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert (None, True) in seen and (VmError.ENTRY_CONTROLS, True) in seen and (None, False) in seen
