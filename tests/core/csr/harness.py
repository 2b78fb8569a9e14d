"""Drives a ``CsrUnit`` as the core does: one CSR instruction, trap or return per cycle."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from amaranth.sim import Simulator

from rtl.config import CoreConfig
from rtl.core.csr.unit import CsrUnit
from rtl.core.interface import CsrOp, SystemOp
from rtl.isa.causes import INTERRUPT_BIT
from rtl.isa.csrs import CSRS
from rtl.isa.privilege import Privilege, mode_name

__all__ = ["ILLEGAL", "MODES", "VIRTUAL", "Hart", "Refused", "run"]

ILLEGAL, VIRTUAL = "illegal instruction", "virtual instruction"

MODES: dict[str, tuple[Privilege, int]] = {
    "M": (Privilege.M, 0),
    "HS": (Privilege.S, 0),
    "U": (Privilege.U, 0),
    "VS": (Privilege.S, 1),
    "VU": (Privilege.U, 1),
}


class Refused(Exception):
    """A CSR instruction raised an exception; ``args[0]`` says which."""


@dataclass
class Hart:
    """The unit in a running simulation, with one method per thing that an instruction does."""

    ctx: object
    unit: CsrUnit

    @property
    def mode(self) -> str:
        """Name of the current mode."""
        mode = self.ctx.get(self.unit.mode)
        return mode_name(mode.privilege, mode.virt)

    def name_of(self, member) -> str:
        """Name of the mode on a port."""
        mode = self.ctx.get(member)
        return mode_name(mode.privilege, mode.virt)

    async def csr(self, name: str | int, op: CsrOp, operand: int, *, write: bool = True) -> int:
        """One CSR instruction; the old value. Raises ``Refused`` (after committing all the same)."""
        ctx, port = self.ctx, self.unit.csr
        ctx.set(port.valid, 1)
        ctx.set(port.number, CSRS[name].number if isinstance(name, str) else name)
        ctx.set(port.op, op)
        ctx.set(port.write, write)
        ctx.set(port.operand, operand)
        ctx.set(port.commit, 1)
        value, illegal, virtual = ctx.get(port.rdata), ctx.get(port.illegal), ctx.get(port.virtual)
        self.refetch, self.pmp_changed = ctx.get(port.refetch), ctx.get(self.unit.pmp_changed)
        await ctx.tick()
        ctx.set(port.valid, 0)
        ctx.set(port.commit, 0)
        assert not (illegal and virtual), f"{name}: both exceptions"
        if illegal or virtual:
            raise Refused(ILLEGAL if illegal else VIRTUAL)
        return value

    async def write(self, name: str, value: int) -> None:
        """csrw."""
        await self.csr(name, CsrOp.WRITE, value)

    async def read(self, name: str) -> int:
        """csrr."""
        return await self.csr(name, CsrOp.SET, 0, write=False)

    async def set(self, name: str, bits: int) -> int:
        """csrrs."""
        return await self.csr(name, CsrOp.SET, bits)

    async def clear(self, name: str, bits: int) -> int:
        """csrrc."""
        return await self.csr(name, CsrOp.CLEAR, bits)

    async def access(self, name: str | int, *, write: bool = False) -> str:
        """What an access does: "" or the exception."""
        try:
            await self.csr(name, CsrOp.SET, 0, write=write)
        except Refused as refused:
            return refused.args[0]
        return ""

    def system(self, op: SystemOp) -> str:
        """What a privileged instruction does: "" or the exception."""
        self.ctx.set(self.unit.system.op, op)
        illegal, virtual = self.ctx.get(self.unit.system.illegal), self.ctx.get(self.unit.system.virtual)
        assert not (illegal and virtual)
        return ILLEGAL if illegal else VIRTUAL if virtual else ""

    async def trap(self, cause: int, **fields: int) -> int:
        """Take a trap (``INTERRUPT_BIT`` set in the cause for an interrupt); the handler's address."""
        ctx, port = self.ctx, self.unit.trap
        ctx.set(port.trap, {"interrupt": cause >> 63, "cause": cause & ~INTERRUPT_BIT, **fields})
        ctx.set(port.valid, 1)
        vector = ctx.get(port.vector)
        self.events = ctx.get(self.unit.events_out)
        self.trap_cause = ctx.get(self.unit.trap_cause)
        await ctx.tick()
        ctx.set(port.valid, 0)
        return vector

    async def xret(self, *, machine: bool) -> int:
        """Execute mret or sret; the address it returns to."""
        ctx, port = self.ctx, self.unit.xret
        ctx.set(port.machine, machine)
        ctx.set(port.valid, 1)
        target = ctx.get(port.target)
        self.events = ctx.get(self.unit.events_out)
        await ctx.tick()
        ctx.set(port.valid, 0)
        return target

    async def enter(self, mode: str) -> None:
        """Go to a mode from M by mret. Changes MPP, MPV, MPIE, MIE and MPRV of mstatus."""
        privilege, virt = MODES[mode]
        mstatus = CSRS["mstatus"]
        await self.clear("mstatus", mstatus.mask("MPP", "MPV"))
        await self.set("mstatus", (privilege << mstatus.field("MPP").lo) | (virt << mstatus.field("MPV").lo))
        await self.xret(machine=True)
        assert self.mode == mode

    def interrupt(self) -> int | None:
        """The interrupt that must be taken now, by its number in mip."""
        if not self.ctx.get(self.unit.interrupt_valid):
            return None
        return self.ctx.get(self.unit.interrupt_cause)

    async def tick(self, count: int = 1) -> None:
        """Let cycles pass."""
        for _ in range(count):
            await self.ctx.tick()


def run(test: Callable[[Hart], Awaitable[None]], config: CoreConfig | None = None) -> None:
    """Run a testbench on a new unit, in M mode after reset."""
    unit = CsrUnit(config or CoreConfig())

    async def bench(ctx) -> None:
        await test(Hart(ctx, unit))

    simulator = Simulator(unit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
