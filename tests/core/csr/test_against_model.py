"""Random sequences of CSR instructions, traps, returns and interrupts: the unit against the golden model."""

import random

import pytest

from cosim.model.exceptions import Trap
from cosim.model.hart import Hart as ModelHart
from cosim.model.memory import Bus
from cosim.model.traps import interrupt_to_take, mret, sret, take
from rtl.config import CoreConfig
from rtl.core.interface import CsrOp
from rtl.isa.causes import INTERRUPT_BIT, Cause
from rtl.isa.csr_state import csr_states
from rtl.isa.csrs import CSRS, CSRS_BY_NUMBER
from rtl.isa.privilege import mode_name
from tests.core.csr.harness import ILLEGAL, VIRTUAL, Hart, Refused, run

ONES = (1 << 64) - 1
COUNTING = ("mcycle", "minstret", "cycle", "instret", "mcountinhibit")
LEFT_OUT = (*COUNTING, "mvirt")
"""A change of architecture leaves registers without a specified value."""
NUMBERS = [n for n, csr in CSRS_BY_NUMBER.items() if csr.name not in LEFT_OUT] + [0x5A8, 0x800, 0xDA0]
BUSY = (
    "mstatus",
    "sstatus",
    "hstatus",
    "mideleg",
    "hideleg",
    "medeleg",
    "hedeleg",
    "mie",
    "mip",
    "hvip",
    "sie",
)
CAUSES = [cause for cause in Cause if cause != Cause.VMX_ABORT]


class Surroundings:
    """The platform of the model, in the test's hands."""

    mtime = 0
    mip = 0

    def time(self) -> int:
        return self.mtime

    def lines(self) -> int:
        return self.mip

    def ticks_to_timer(self) -> int:
        return 1 << 40

    def cycles_per_tick(self) -> int:
        return 10

    def polled(self) -> None:
        pass


def any_value(rng: random.Random) -> int:
    """Bits of several densities, and times near those of the platform."""
    match rng.randrange(5):
        case 0:
            return rng.getrandbits(64)
        case 1:
            return rng.getrandbits(64) & rng.getrandbits(64) & rng.getrandbits(64)
        case 2:
            return ONES ^ 1 << rng.randrange(64)
        case 3:
            return 1 << rng.randrange(64)
    return rng.randrange(200)


class Pair:
    """Both sides, driven alike."""

    def __init__(self, hart: Hart, rng: random.Random):
        self.hart, self.rng = hart, rng
        self.surroundings = Surroundings()
        self.model = ModelHart(Bus(4096), self.surroundings)
        self.offsets = {
            name: 64 * n
            for n, name in enumerate(hart.unit.snapshot.shape().members)
            if name not in COUNTING and "counter" not in name
        }

    async def csr(self) -> str:
        rng = self.rng
        name = rng.choice(BUSY) if rng.random() < 0.3 else None
        number = csr_states()[name].csr.number if name else rng.choice(NUMBERS)
        op = rng.choice([CsrOp.WRITE, CsrOp.SET, CsrOp.CLEAR])
        write = op == CsrOp.WRITE or rng.random() < 0.7
        return await self.access(number, op, any_value(rng) if write else 0, write)

    async def access(self, number: int, op: CsrOp, operand: int, write: bool) -> str:
        model = self.model
        modify = {
            CsrOp.WRITE: lambda old: operand,
            CsrOp.SET: lambda old: old | operand,
            CsrOp.CLEAR: lambda old: old & ~operand,
        }[op]
        try:
            want: int | str = model.csrs.access(number, 0, write, modify)
        except Trap as trap:
            want = {Cause.ILLEGAL_INSTRUCTION: ILLEGAL, Cause.VIRTUAL_INSTRUCTION: VIRTUAL}[trap.cause]
        try:
            got: int | str = await self.hart.csr(number, op, operand, write=write)
        except Refused as refused:
            got = refused.args[0]
        step = f"{op.name} {CSRS_BY_NUMBER[number].name if number in CSRS_BY_NUMBER else number} {operand:#x}"
        if number in CSRS_BY_NUMBER and "counter" in CSRS_BY_NUMBER[number].name and isinstance(want, int):
            got = want  # only the access itself is compared
        assert got == want, step
        return step

    async def trap(self, cause: int) -> str:
        rng, model = self.rng, self.model
        interrupt = cause & INTERRUPT_BIT
        pc, tval = rng.getrandbits(63) << 1, 0 if interrupt else rng.getrandbits(64)
        gpa = 0 if interrupt else rng.getrandbits(41)
        gva = 0 if interrupt else rng.getrandbits(1)
        tinst = 0 if interrupt else rng.getrandbits(32)
        model.pc = pc
        report = None if interrupt else Trap(cause, tval, tval2=gpa >> 2, gva=bool(gva))
        take(model, cause, report, tinst)
        vector = await self.hart.trap(cause, pc=pc, tval=tval, gpa=gpa, gva=gva, tinst=tinst)
        assert vector == model.next_pc & ONES
        return f"trap {cause:#x}"

    async def xret(self) -> str:
        machine = self.hart.mode == "M" and self.rng.random() < 0.7
        if machine:  # often to a guest
            guest = (
                CSRS["mstatus"].mask("MPV") | self.rng.choice((0, 1, 3)) << CSRS["mstatus"].field("MPP").lo
            )
            await self.access(CSRS["mstatus"].number, CsrOp.WRITE, guest | self.rng.getrandbits(23), True)
        (mret if machine else sret)(self.model)
        assert await self.hart.xret(machine=machine) == self.model.next_pc
        return "mret" if machine else "sret"

    async def platform(self) -> str:
        """New interrupt lines, and time goes on."""
        self.surroundings.mtime += self.rng.randrange(20)
        levels = {name: self.rng.getrandbits(1) for name in ("msip", "mtip", "meip", "seip")}
        bits = {"msip": 3, "mtip": 7, "meip": 11, "seip": 9}
        self.surroundings.mip = sum(level << bits[name] for name, level in levels.items())
        self.hart.ctx.set(self.hart.unit.time, self.surroundings.mtime)
        self.hart.ctx.set(self.hart.unit.lines, levels)
        return f"lines {levels} time {self.surroundings.mtime}"

    async def step(self) -> str:
        rng, hart = self.rng, self.hart
        await hart.tick()  # the timers' flags reach the choice of interrupts a cycle later
        interrupt = hart.interrupt()
        assert interrupt == interrupt_to_take(self.model)
        if interrupt is not None and rng.random() < 0.5:
            return await self.trap(INTERRUPT_BIT | interrupt)
        choice = rng.random()
        if choice < 0.06:
            return await self.trap(rng.choice(CAUSES))
        if choice < 0.14 and hart.mode not in ("U", "VU"):
            return await self.xret()
        if choice < 0.2:
            return await self.platform()
        return await self.csr()

    def compare(self, step: str) -> None:
        model, hart = self.model, self.hart
        assert hart.mode == mode_name(model.privilege, model.virt), step
        snapshot = hart.ctx.get(hart.unit.snapshot.as_value())
        for name, offset in self.offsets.items():
            assert snapshot >> offset & ONES == model.csrs.read(name), f"{name} after {step} to {hart.mode}"


@pytest.mark.parametrize("seed", range(4))
def test_random_sequences(seed):
    async def test(hart):
        pair = Pair(hart, random.Random(seed))
        await hart.write("mcountinhibit", ONES)
        modes = set()
        for _ in range(500):
            pair.compare(await pair.step())
            modes.add(hart.mode)
            if hart.mode in ("U", "VU") and pair.rng.random() < 0.2:
                pair.compare(await pair.trap(Cause.ECALL_U))
        assert modes == {"M", "HS", "U", "VS", "VU"}

    run(test, CoreConfig(observe=True))
