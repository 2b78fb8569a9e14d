"""The phases of an operation in execute with Cuts.execute: what leaves when, and which interrupts stand."""

import pytest
from amaranth.sim import Simulator

from rtl.core.execute.phases import Phases
from rtl.core.interface import CsrOp, SystemOp

SPECIAL = [
    {"illegal": 1},
    {"csr": CsrOp.SET},
    {"system": SystemOp.SRET},
    {"vmx": 1},
    {"fence_i": 1},
    {"divide": 1},
    {"pause": 1},
]


def simulate(process) -> None:
    dut = Phases()
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)

    async def begin(ctx) -> None:
        ctx.set(dut.clear, 1)
        await process(ctx, dut)

    simulator.add_testbench(begin)
    simulator.run()


async def arrive(ctx, dut, **control: int) -> None:
    """An operation comes."""
    ctx.set(dut.stands, 0)
    ctx.set(dut.takes, 1)
    ctx.set(dut.arrives.control, control)
    await ctx.tick()
    ctx.set(dut.takes, 0)
    ctx.set(dut.arrives.control, {})
    ctx.set(dut.illegal, control.get("illegal", 0))
    ctx.set(dut.stands, 1)


async def leave(ctx, dut) -> None:
    """The operation leaves; another one comes, an ordinary one."""
    ctx.set(dut.leaves, 1)
    ctx.set(dut.takes, 1)
    await ctx.tick()
    ctx.set(dut.leaves, 0)
    ctx.set(dut.takes, 0)
    ctx.set(dut.illegal, 0)


def test_an_ordinary_operation_leaves_at_once() -> None:
    async def process(ctx, dut) -> None:
        await arrive(ctx, dut)
        for _ in range(3):
            assert ctx.get(dut.may_leave) and ctx.get(dut.may_act)
            assert not ctx.get(dut.acting) and not ctx.get(dut.special)
            await leave(ctx, dut)

    simulate(process)


@pytest.mark.parametrize("control", SPECIAL, ids=lambda control: next(iter(control)))
@pytest.mark.parametrize("traps", [False, True])
def test_a_special_operation_leaves_in_the_fourth_cycle(control: dict, traps: bool) -> None:
    async def process(ctx, dut) -> None:
        for _ in range(2):
            ctx.set(dut.found, 0)
            await arrive(ctx, dut, **control)
            assert not ctx.get(dut.may_leave) and not ctx.get(dut.may_act)
            await ctx.tick()  # LOOK
            assert ctx.get(dut.looked) and not ctx.get(dut.may_leave)
            ctx.set(dut.checks.vmx_reason, 7)
            await ctx.tick()  # CHECK
            assert ctx.get(dut.checked.vmx_reason) == 7 and not ctx.get(dut.may_leave)
            ctx.set(dut.found, traps)
            ctx.set(dut.found_trap.cause, 5)
            await ctx.tick()  # JUDGE
            ctx.set(dut.found, not traps)  # what is found later does not matter
            ctx.set(dut.found_trap.cause, 9)
            for cycle in range(3):  # a trap acts for two cycles
                last = cycle > 0 or not traps
                assert ctx.get(dut.acting) and ctx.get(dut.may_leave) == ctx.get(dut.ends) == last
                assert ctx.get(dut.valid) == ctx.get(dut.kill) == traps != ctx.get(dut.acts)
                assert ctx.get(dut.trap.cause) == 5
                await ctx.tick()
            await leave(ctx, dut)
            assert not ctx.get(dut.acting) and not ctx.get(dut.kill) and not ctx.get(dut.looked)
            assert not ctx.get(dut.acts) and not ctx.get(dut.ends)

    simulate(process)


@pytest.mark.parametrize("waits_for", ["clear", "finished", "wait"])
def test_checks_go_on_until_all_is_known(waits_for: str) -> None:
    async def process(ctx, dut) -> None:
        await arrive(ctx, dut, vmx=1)
        ready = waits_for != "wait"
        ctx.set(getattr(dut, waits_for), not ready)
        await ctx.tick().repeat(5)
        assert not ctx.get(dut.acting)
        ctx.set(getattr(dut, waits_for), ready)
        await ctx.tick()  # CHECK
        assert not ctx.get(dut.acting)
        await ctx.tick()  # JUDGE
        assert ctx.get(dut.acting) and not ctx.get(dut.kill)

    simulate(process)


def test_an_interrupt_stands_if_nothing_older_can_have_changed_it() -> None:
    async def process(ctx, dut) -> None:
        await arrive(ctx, dut)
        ctx.set(dut.interrupt, 1)
        ctx.set(dut.clear, 0)
        for _ in range(3):  # the decision was made while a store was under way
            assert not ctx.get(dut.may_leave) and not ctx.get(dut.interrupted)
            await ctx.tick()
        ctx.set(dut.clear, 1)
        # A decision that stays is still the one of the time before.
        assert ctx.get(dut.keep)
        await ctx.tick()
        assert not ctx.get(dut.interrupted) and not ctx.get(dut.keep)
        await ctx.tick()
        assert ctx.get(dut.interrupted) and ctx.get(dut.keep)
        ctx.set(dut.found, 1)
        await ctx.tick()
        assert ctx.get(dut.interrupted) and not ctx.get(dut.keep)
        await ctx.tick()
        assert ctx.get(dut.acting) and ctx.get(dut.kill)

    simulate(process)


def test_an_interrupt_that_goes_away_lets_the_operation_go() -> None:
    async def process(ctx, dut) -> None:
        await arrive(ctx, dut)
        ctx.set(dut.interrupt, 1)
        ctx.set(dut.clear, 0)
        await ctx.tick().repeat(2)
        ctx.set(dut.clear, 1)
        ctx.set(dut.interrupt, 0)
        assert ctx.get(dut.may_leave)
        await ctx.tick()
        assert not ctx.get(dut.acting)

    simulate(process)


def test_no_interrupt_comes_before_what_has_begun() -> None:
    async def process(ctx, dut) -> None:
        await arrive(ctx, dut, vmx=1)
        ctx.set(dut.finished, 0)
        ctx.set(dut.started, 1)
        ctx.set(dut.interrupt, 1)
        await ctx.tick().repeat(3)
        assert not ctx.get(dut.interrupted) and not ctx.get(dut.held)
        ctx.set(dut.finished, 1)
        await ctx.tick().repeat(2)
        assert ctx.get(dut.acting) and not ctx.get(dut.kill)

    simulate(process)


@pytest.mark.parametrize("how", ["acts", "disturbs"])
def test_interrupts_are_looked_at_anew_before_the_next_operation(how: str) -> None:
    """Privileged spec 3.1.9: immediately after what they depend on was written."""

    async def process(ctx, dut) -> None:
        if how == "acts":
            await arrive(ctx, dut, csr=CsrOp.WRITE)
            await ctx.tick().repeat(3)
            assert ctx.get(dut.acting)
        else:
            await arrive(ctx, dut)
            ctx.set(dut.disturbs, 1)
        await leave(ctx, dut)
        ctx.set(dut.disturbs, 0)
        assert ctx.get(dut.held) and not ctx.get(dut.may_leave)
        await ctx.tick()
        assert ctx.get(dut.may_leave)
        ctx.set(dut.interrupt, 1)
        assert ctx.get(dut.interrupted)

    simulate(process)


def test_an_abort_traps_before_an_ordinary_operation() -> None:
    """While the VMX unit works on a posted interrupt, and when it fails, nothing leaves."""

    async def process(ctx, dut) -> None:
        await arrive(ctx, dut)
        ctx.set(dut.interrupt, 1)
        ctx.set(dut.wait, 1)
        await ctx.tick().repeat(2)
        ctx.set(dut.interrupt, 0)
        assert not ctx.get(dut.may_leave)
        await ctx.tick()
        ctx.set(dut.wait, 0)
        ctx.set(dut.abort, 1)
        ctx.set(dut.found, 1)
        for _ in range(2):
            assert not ctx.get(dut.may_leave)
            await ctx.tick()
        assert ctx.get(dut.acting) and ctx.get(dut.kill)

    simulate(process)


def test_what_acts_waits_for_its_event() -> None:
    async def process(ctx, dut) -> None:
        await arrive(ctx, dut, system=SystemOp.WFI)
        ctx.set(dut.wakes, 1)
        await ctx.tick().repeat(3)
        ctx.set(dut.wakes, 0)
        assert ctx.get(dut.acting) and not ctx.get(dut.released)
        await ctx.tick()
        assert not ctx.get(dut.released)
        ctx.set(dut.wakes, 1)
        await ctx.tick()
        ctx.set(dut.wakes, 0)
        assert ctx.get(dut.released)
        await leave(ctx, dut)
        assert not ctx.get(dut.released)

    simulate(process)
