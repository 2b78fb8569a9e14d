"""PMP checkers against the specification's matching rules."""

import random

import pytest
from amaranth.sim import Simulator

from rtl.isa.paging import PmpMatch
from rtl.isa.privilege import Privilege
from rtl.mmu.interface import Access
from rtl.mmu.pmp import Pmp
from tests.mmu.reference import Pmp as State
from tests.mmu.reference import PmpEntry, pmp_permits

MODES = (Privilege.S, Privilege.M)
BASES = (0, 0x8000_0000, 0x8020_0000, 0xC000_0000, 0xFF_FFFF_FFFF_F000)


def _random_state(rng: random.Random) -> State:
    entries = []
    for _ in range(8):
        match = rng.choice((PmpMatch.OFF, PmpMatch.TOR, PmpMatch.NAPOT, PmpMatch.NAPOT))
        addr = (rng.choice(BASES) + rng.randrange(0x40) * (1 << rng.randrange(12, 22))) >> 2
        if match == PmpMatch.NAPOT:
            addr |= (1 << rng.choice((rng.randrange(0, 30), rng.randrange(28, 55)))) - 1
        entries.append(
            PmpEntry(match, addr & (1 << 54) - 1, *(rng.random() < 0.5 for _ in range(3)), rng.random() < 0.5)
        )
    return State(tuple(entries))


def _edges(state: State) -> list[int]:
    """Addresses where the verdict may change, and their neighbours."""
    edges = set()
    for entry in state.entries:
        edges.add(entry.addr >> 10 << 12)
        ones = entry.addr | 0x1FF
        size = ((ones ^ (ones + 1)) + 1) << 2
        base = (entry.addr << 2) & ~(size - 1)
        edges |= {base, base + size}
    around = {edge + near for edge in edges for near in (-0x1000, 0, 0x1000, 0x1F_F000, 0x20_0000)}
    return sorted(address for address in around if 0 <= address < 1 << 56)


def _verdict(state: State, address: int, mode: Privilege) -> tuple[bool, ...]:
    return tuple(pmp_permits(state, address, a, mode) for a in (Access.LOAD, Access.STORE, Access.FETCH))


@pytest.mark.parametrize("registered", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_verdict_and_uniformity(seed, registered):
    rng = random.Random(seed)
    pmp = Pmp(1, registered=registered)
    check = pmp.checks[0]

    async def test(ctx):
        ctx.set(pmp.update, 1)
        ctx.set(check.valid, 1)
        for _ in range(12 - 9 * registered):
            state = _random_state(rng)
            for entry, value in zip(pmp.state, state.entries, strict=True):
                fields = ("r", "w", "x", "match", "locked", "addr")
                ctx.set(entry, {name: int(getattr(value, name)) for name in fields})
            await ctx.tick().repeat(1 + registered)
            addresses = _edges(state)
            for address in addresses:
                ctx.set(check.page, address >> 12)
                for mode in MODES:
                    ctx.set(check.machine, mode == Privilege.M)
                    if registered:
                        await ctx.tick()
                    got = tuple(bool(ctx.get(signal)) for signal in (check.r, check.w, check.x))
                    assert got == _verdict(state, address, mode), (state, hex(address), mode)
                for size, uniform in ((1 << 21, check.mega), (1 << 30, check.giga)):
                    if ctx.get(uniform):
                        inside = [a for a in addresses if a & -size == address & -size]
                        assert len({_verdict(state, a, Privilege.S) for a in inside}) == 1

    sim = Simulator(pmp)
    sim.add_clock(1e-8)
    sim.add_testbench(test)
    sim.run()


def test_uniform_where_nothing_is_near():
    """One region over everything does not split superpages; a 4 KiB region splits only its own."""
    pmp = Pmp(1)
    check = pmp.checks[0]

    async def test(ctx):
        ctx.set(pmp.update, 1)
        ctx.set(check.valid, 1)
        everything = {"match": PmpMatch.NAPOT, "addr": (1 << 54) - 1, "r": 1, "w": 1, "x": 1}
        ctx.set(pmp.state[0], {"match": PmpMatch.NAPOT, "addr": 0x8020_3000 >> 2})
        ctx.set(pmp.state[1], everything)
        await ctx.tick()
        for address, mega, giga in (
            (0x8020_0000, 0, 0),
            (0x8000_0000, 1, 0),
            (0xBFFF_F000, 1, 0),
            (0xC000_0000, 1, 1),
        ):
            ctx.set(check.page, address >> 12)
            assert (ctx.get(check.mega), ctx.get(check.giga)) == (mega, giga)

    sim = Simulator(pmp)
    sim.add_clock(1e-8)
    sim.add_testbench(test)
    sim.run()


def test_state_is_taken_over_with_update_only():
    """Without ``update`` a new state does not count; without ``valid`` nothing is allowed."""
    pmp = Pmp(1)
    check = pmp.checks[0]

    async def test(ctx):
        ctx.set(pmp.state[0], {"match": PmpMatch.NAPOT, "addr": (1 << 54) - 1, "r": 1, "w": 1, "x": 1})
        ctx.set(check.valid, 1)
        await ctx.tick()
        assert not ctx.get(check.r)
        ctx.set(pmp.update, 1)
        await ctx.tick()
        assert ctx.get(check.r) and ctx.get(check.w) and ctx.get(check.x)
        ctx.set(check.valid, 0)
        assert not (ctx.get(check.r) or ctx.get(check.w) or ctx.get(check.x))

    sim = Simulator(pmp)
    sim.add_clock(1e-8)
    sim.add_testbench(test)
    sim.run()
