"""Random worlds: every answer, and every A and D bit, is what the specification's algorithm says."""

import random

import pytest

from rtl.mmu.interface import Access, FenceOp
from tests.mmu.bench import Bench
from tests.mmu.reference import translate
from tests.mmu.world import World

STEPS = 100


async def _one(bench: Bench, world: World) -> None:
    """One access, answered as the reference does."""
    request = world.request()
    port = bench.mmu.fetch if request.access == Access.FETCH else bench.mmu.data
    expected = translate(memory := dict(bench.memory), world.context, world.pmp, request)
    result, _ = await bench.translate(request, port)
    assert (result, request) == (expected, request)
    assert bench.memory == memory


async def _both(bench: Bench, world: World) -> None:
    """A fetch and a data access at once."""
    ports = (bench.mmu.data, bench.mmu.fetch)
    requests = (world.request(world.rng.choice((Access.LOAD, Access.STORE))), world.request(Access.FETCH))
    memory = dict(bench.memory)
    expected = [translate(memory, world.context, world.pmp, request) for request in requests]
    for port, request in zip(ports, requests, strict=True):
        bench.offer(port, request)
    results: list = [None, None]
    for _ in range(600):
        for i, port in enumerate(ports):
            if results[i] is None:
                results[i] = bench.answer(port)
        await bench.ctx.tick()
        for result, port in zip(results, ports, strict=True):
            if result is not None:
                bench.ctx.set(port.valid, 0)
        if None not in results:
            break
    assert results == expected
    assert bench.memory == memory


async def _dropped(bench: Bench, world: World) -> None:
    """A fetch that is withdrawn after a while: its walk may end, or not."""
    request = world.request(Access.FETCH)
    before, after = dict(bench.memory), dict(bench.memory)
    translate(after, world.context, world.pmp, request)
    bench.offer(bench.mmu.fetch, request)
    for _ in range(world.rng.randrange(1, 12)):
        await bench.ctx.tick()
    bench.ctx.set(bench.mmu.fetch.valid, 0)
    await bench.ctx.tick().repeat(80)
    assert all(value in (before[where], after[where]) for where, value in bench.memory.items())


async def _fence(bench: Bench, world: World) -> None:
    rng = world.rng
    await bench.fence(
        rng.choice(list(FenceOp)),
        address=rng.choice((None, world.request().vaddr)),
        ident=rng.choice((None, 1, 2)),
    )


@pytest.mark.parametrize("seed", range(24))
def test_random_world(seed, each_cut):
    rng = random.Random(seed)
    moves = {
        _one: 70,
        _both: 16,
        _dropped: 2,
        _fence: 4,
        lambda b, w: w.change_host(): 5,
        lambda b, w: w.change_inner(): 5,
        lambda b, w: w.change_guest(): 5,
        lambda b, w: w.change_pmp(): 2,
    }

    async def test(bench):
        world = World(bench, rng)
        world.next_context()
        for _ in range(STEPS):
            if rng.random() < 0.1:
                world.next_context()
            (move,) = rng.choices(list(moves), moves.values())
            await move(bench, world)

    Bench(latency=lambda: rng.choice((0, 0, 0, 1, 2, 5))).run(test)
