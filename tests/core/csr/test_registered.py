"""The CSR unit with Cuts.execute: what is registered between a check and what acts on it."""

import pytest

from rtl.config import CoreConfig, Cuts
from rtl.core.interface import CsrOp
from rtl.isa.causes import Interrupt
from rtl.isa.csrs import CSRS
from rtl.isa.xvmx import Arch
from tests.core.csr.harness import Hart, run

CUT = CoreConfig(cuts=Cuts(execute=True))
ALL = CoreConfig(cuts=Cuts.everywhere())


async def access(hart: Hart, name: str, op: CsrOp, operand: int, *, write: bool = True) -> int:
    """A CSR instruction in four cycles; what it reads."""
    ctx, port = hart.ctx, hart.unit.csr
    ctx.set(port.valid, 1)
    ctx.set(port.number, CSRS[name].number)
    ctx.set(port.op, op)
    ctx.set(port.write, write)
    ctx.set(port.operand, operand)
    await ctx.tick().repeat(3)
    ctx.set(hart.unit.acting, 1)
    ctx.set(port.commit, 1)
    value = ctx.get(port.rdata)
    await ctx.tick()
    for member in (port.valid, port.commit, hart.unit.acting):
        ctx.set(member, 0)
    return value


async def read(hart: Hart, name: str) -> int:
    return await access(hart, name, CsrOp.SET, 0, write=False)


@pytest.mark.parametrize("cut", [CUT, ALL])
@pytest.mark.parametrize("op", [CsrOp.WRITE, CsrOp.SET, CsrOp.CLEAR])
def test_a_write_combines_with_what_was_read(op: CsrOp, cut: CoreConfig) -> None:
    async def test(hart: Hart) -> None:
        await access(hart, "mscratch", CsrOp.WRITE, 0xFF00)
        assert await access(hart, "mscratch", op, 0x0FF0) == 0xFF00
        expected = {CsrOp.WRITE: 0x0FF0, CsrOp.SET: 0xFFF0, CsrOp.CLEAR: 0xF000}[op]
        assert await read(hart, "mscratch") == expected
        assert await read(hart, "mhartid") == await read(hart, "mtinst") == 0

    run(test, cut)


@pytest.mark.parametrize("cut", [CUT, ALL])
def test_what_is_read_stays_while_it_acts(cut: CoreConfig) -> None:
    async def test(hart: Hart) -> None:
        ctx, port = hart.ctx, hart.unit.csr
        ctx.set(port.valid, 1)
        ctx.set(port.number, CSRS["mcycle"].number)
        await ctx.tick().repeat(2)
        ctx.set(hart.unit.acting, 1)
        first = ctx.get(port.rdata)
        await ctx.tick().repeat(3)
        assert ctx.get(port.rdata) == first

    run(test, cut)


def test_the_hole_drops_writes() -> None:
    """A write of sstatus in U mode, where mvirt.HOLE lets it be read, has no effect."""

    async def test(hart: Hart) -> None:
        hole = CSRS["mvirt"].mask("HOLE")
        await access(hart, "mvirt", CsrOp.WRITE, hole | int(Arch.XVMX))
        await access(hart, "mstatus", CsrOp.CLEAR, CSRS["mstatus"].mask("MPP"))
        before = await read(hart, "sstatus")
        await hart.xret(machine=True)
        assert hart.mode == "U"
        await access(hart, "sstatus", CsrOp.SET, CSRS["sstatus"].mask("SUM"))
        assert await read(hart, "sstatus") == before
        await hart.trap(8)
        assert not await read(hart, "sstatus") & CSRS["sstatus"].mask("SUM")

    run(test, CUT)


def test_an_interrupt_is_told_a_cycle_later_and_stays_while_kept() -> None:
    async def test(hart: Hart) -> None:
        ctx, unit = hart.ctx, hart.unit
        await access(hart, "mie", CsrOp.WRITE, 1 << Interrupt.MTI | 1 << Interrupt.MEI)
        await access(hart, "mstatus", CsrOp.SET, CSRS["mstatus"].mask("MIE"))
        ctx.set(unit.lines.mtip, 1)
        assert hart.interrupt() is None
        await ctx.tick()
        assert hart.interrupt() == ctx.get(unit.vmx.code) == Interrupt.MTI
        ctx.set(unit.keep, 1)
        ctx.set(unit.lines.meip, 1)
        await ctx.tick().repeat(2)
        assert hart.interrupt() == ctx.get(unit.vmx.code) == Interrupt.MTI
        ctx.set(unit.keep, 0)
        await ctx.tick()
        assert hart.interrupt() == ctx.get(unit.vmx.code) == Interrupt.MEI
        # The VMX unit is told of the one that is acted on, whatever comes.
        await ctx.tick()
        ctx.set(unit.acting, 1)
        ctx.set(unit.lines, {"mtip": 1})
        await ctx.tick().repeat(2)
        assert ctx.get(unit.vmx.code) == Interrupt.MEI
        ctx.set(unit.acting, 0)
        assert hart.interrupt() == ctx.get(unit.vmx.code) == Interrupt.MTI
        ctx.set(unit.lines, {})
        await ctx.tick()
        assert hart.interrupt() is None

    run(test, CUT)


@pytest.mark.parametrize("vectored", [0, 1])
def test_the_vector_of_an_interrupt_comes_in_the_second_cycle(vectored: int) -> None:
    async def test(hart: Hart) -> None:
        ctx, port = hart.ctx, hart.unit.trap
        await access(hart, "mtvec", CsrOp.WRITE, 0x8000_0100 | vectored)
        ctx.set(port.trap, {"interrupt": 0, "cause": 2})
        assert ctx.get(port.vector) == 0x8000_0100
        ctx.set(port.trap, {"interrupt": 1, "cause": Interrupt.MTI})
        await ctx.tick()
        assert ctx.get(port.vector) == 0x8000_0100 + (4 * Interrupt.MTI if vectored else 0)

    run(test, CUT)


@pytest.mark.parametrize("vectored", [0, 1])
def test_where_a_trap_goes_is_found_out_a_cycle_before_it_goes(vectored: int) -> None:
    async def test(hart: Hart) -> None:
        ctx, port = hart.ctx, hart.unit.trap
        await access(hart, "mtvec", CsrOp.WRITE, 0x8000_0100 | vectored)
        await access(hart, "stvec", CsrOp.WRITE, 0x8000_0200 | vectored)
        await access(hart, "medeleg", CsrOp.WRITE, 1 << 8)
        await access(hart, "mstatus", CsrOp.CLEAR, CSRS["mstatus"].mask("MPP"))
        await hart.xret(machine=True)
        assert hart.mode == "U"
        for trap, handler, mode in (
            ({"interrupt": 0, "cause": 8, "pc": 0x1234}, 0x8000_0200, "HS"),
            ({"interrupt": 1, "cause": Interrupt.MTI}, 0x8000_0100 + vectored * 4 * Interrupt.MTI, "M"),
        ):
            ctx.set(port.trap, trap)
            await ctx.tick()
            ctx.set(port.trap, {"cause": 2} if mode == "HS" else {"interrupt": 1})
            assert ctx.get(port.vector) == handler
            ctx.set(port.trap, trap)
            ctx.set(port.valid, 1)
            await ctx.tick()
            ctx.set(port.valid, 0)
            assert hart.mode == mode
        assert await read(hart, "scause") == 8 and await read(hart, "sepc") == 0x1234
        assert await read(hart, "mcause") == 1 << 63 | Interrupt.MTI

    run(test, ALL)


@pytest.mark.parametrize("name", ["satp", "pmpaddr3", "mvirt", "mscratch"])
def test_whether_to_fetch_again_is_known_before_it_acts(name: str) -> None:
    async def test(hart: Hart) -> None:
        ctx, port = hart.ctx, hart.unit.csr
        for write in (0, 1):
            ctx.set(port.valid, 1)
            ctx.set(port.number, CSRS[name].number)
            ctx.set(port.write, write)
            await ctx.tick()
            assert ctx.get(port.refetch) == (write and name in ("pmpaddr3", "mvirt"))  # satp: not in M

    run(test, ALL)
