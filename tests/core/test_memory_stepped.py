"""The memory stage with registers between translation, access and result, with an MMU and a cache played."""

from dataclasses import dataclass, field

import pytest
from amaranth.sim import Simulator

from rtl.cache.interface import CacheOp
from rtl.core.memory.stepped import SteppedMemoryStage
from rtl.core.stages import AmoOp, MemoryKind
from rtl.isa.causes import Cause
from rtl.isa.memory_map import DRAM_BASE, UART
from rtl.isa.privilege import Privilege
from rtl.mmu.interface import FaultKind

PAGE = 4096


@dataclass
class World:
    """One operation after the other goes through the stage. Physical addresses are the virtual ones, but for
    pages that are ``mapped``; ``faults`` has pages with faults, of which the MMU says in the same cycle that
    they hit if it is ``torn``. MMU and cache wait ``wait`` cycles."""

    wait: int = 0
    words: dict[int, int] = field(default_factory=dict)
    mapped: dict[int, int] = field(default_factory=dict)
    faults: dict[int, FaultKind] = field(default_factory=dict)
    torn: bool = False
    errors: set[int] = field(default_factory=set)
    snoop_at: tuple[int, int] | None = None
    """Which request to the cache, and in which of its cycles another master writes the line."""
    translations: list[int] = field(default_factory=list)
    accesses: list[tuple[CacheOp, int, int]] = field(default_factory=list)
    offered: int = 0
    """Cycles in which there was a request to the cache."""
    results: list[tuple[int, int | None]] = field(default_factory=list)
    """Cycles that each operation took, and its result; None for a fault."""
    causes: list[int] = field(default_factory=list)

    def run(self, *operations: dict) -> None:
        self.dut = SteppedMemoryStage()
        self.operations = operations
        simulator = Simulator(self.dut)
        simulator.add_clock(1e-6)
        simulator.add_testbench(self._mmu, background=True)
        simulator.add_testbench(self._cache, background=True)
        simulator.add_testbench(self._offer)
        simulator.run()

    async def _offer(self, ctx) -> None:
        dut = self.dut
        ctx.set(dut.data_mode.privilege, Privilege.S)
        ctx.set(dut.product, 77)
        for operation in self.operations:
            ctx.set(dut.operation.valid, 1)
            ctx.set(dut.operation.p, {"rd": 1, "rd_write": 1, "size": 3, "pc": 0x40, **operation})
            await ctx.tick().until(dut.operation.ready)
            ctx.set(dut.operation.valid, 0)
            cycles = 0
            while True:
                cycles += 1
                finished, fault = ctx.get(dut.forward[0].ready), ctx.get(dut.fault)
                data = ctx.get(dut.forward[0].data)
                assert cycles < 200 and not (finished and fault)
                if finished or fault:
                    self.results.append((cycles, data if finished else None))
                    break
                await ctx.tick()
            if fault:
                self.causes.append(ctx.get(dut.trap.cause))

    async def _mmu(self, ctx) -> None:
        port = self.dut.translate
        waited = 0
        while True:
            vaddr = ctx.get(port.request.vaddr)
            answers = ctx.get(port.valid) and waited == self.wait
            kind = self.faults.get(vaddr // PAGE)
            ctx.set(port.hit, answers and (kind is None or self.torn))
            ctx.set(port.fault_valid, answers and kind is not None)
            ctx.set(port.fault.kind, kind or FaultKind.ACCESS)
            ctx.set(port.paddr, self.mapped.get(vaddr // PAGE, vaddr & -PAGE) + vaddr % PAGE)
            if answers:
                self.translations.append(vaddr)
            valid = ctx.get(port.valid)
            waited = waited + 1 if valid and not answers else 0
            await ctx.tick()
            ctx.set(port.hit, 0)

    async def _cache(self, ctx) -> None:
        port = self.dut.cache
        waited = 0
        while True:
            valid, paddr = ctx.get(port.valid), ctx.get(port.paddr)
            self.offered += valid
            # Never in the first cycle of a request.
            done = valid and waited == self.wait + 1
            ctx.set(self.dut.snoop_valid, valid and (len(self.accesses), waited) == self.snoop_at)
            ctx.set(self.dut.snoop_paddr, paddr)
            ctx.set(port.done, done)
            ctx.set(port.error, done and paddr in self.errors)
            ctx.set(port.rdata, self.words.get(paddr & ~7, 0) if done else 0xBAD)
            if done:
                self._access(ctx, paddr)
            waited = waited + 1 if valid and not done else 0
            await ctx.tick()

    def _access(self, ctx, paddr: int) -> None:
        port = self.dut.cache
        op = CacheOp(ctx.get(port.op))
        self.accesses.append((op, paddr, ctx.get(port.wmask) if op == CacheOp.WRITE else 0))
        if op == CacheOp.WRITE and paddr not in self.errors:
            data, mask, word = ctx.get(port.wdata), ctx.get(port.wmask), paddr & ~7
            lanes = sum(0xFF << 8 * n for n in range(8) if mask >> n & 1)
            self.words[word] = self.words.get(word, 0) & ~lanes | data & lanes


def load(vaddr: int, **more) -> dict:
    return {"kind": MemoryKind.LOAD, "vaddr": vaddr, **more}


def store(vaddr: int, wdata: int, **more) -> dict:
    return {"kind": MemoryKind.STORE, "vaddr": vaddr, "wdata": wdata, **more}


AT = DRAM_BASE + 0x1230


@pytest.mark.parametrize("wait", [0, 3])
def test_cycles(wait):
    world = World(wait, {AT: 0x8899})
    world.run({"result": 5}, load(AT), store(AT, 6), {"multiply": 1}, load(AT, size=1), {"result": 7})
    long = 4 + 2 * wait
    assert world.results == [(1, 5), (long, 0x8899), (long, 0), (2, 77), (long, 6), (1, 7)]


def test_crossing_accesses():
    """A store writes when both parts are translated; the second page is not where the first one ends."""
    edge = DRAM_BASE + 2 * PAGE - 3
    first, second, behind = edge & ~7, DRAM_BASE + 8 * PAGE, edge + 3
    world = World(1, mapped={behind // PAGE: second})
    world.run(store(edge, 0x1122334455667788), load(edge))
    assert world.translations == [edge, behind] * 3
    assert [(op, paddr & ~7, mask) for op, paddr, mask in world.accesses] == [
        (CacheOp.WRITE, first, 0xE0),
        (CacheOp.WRITE, second, 0x1F),
        (CacheOp.READ, first, 0),
        (CacheOp.READ, second, 0),
    ]
    assert world.results[1][1] == 0x1122334455667788


@pytest.mark.parametrize("wait", [0, 2])
def test_amo_is_translated_once_and_locked(wait):
    world = World(wait, {AT: 40})
    world.run({"kind": MemoryKind.AMO, "amo": AmoOp.ADD, "vaddr": AT, "wdata": 2}, load(AT))
    assert [result for _, result in world.results] == [40, 42]
    assert world.translations == [AT, AT]


@pytest.mark.parametrize(
    "operation, fault, cause",
    [
        (load(AT), FaultKind.PAGE, Cause.LOAD_PAGE_FAULT),
        (store(AT, 1), FaultKind.ACCESS, Cause.STORE_ACCESS),
        (load(AT), FaultKind.GUEST_PAGE, Cause.LOAD_GUEST_PAGE_FAULT),
        ({"kind": MemoryKind.AMO, "vaddr": AT + 4}, None, Cause.STORE_MISALIGNED),
        ({"kind": MemoryKind.LR, "vaddr": AT + 4}, None, Cause.LOAD_MISALIGNED),
    ],
)
def test_faults_of_translation(operation, fault, cause):
    world = World(2, faults={AT // PAGE: fault} if fault is not None else {})
    world.run(operation, {"result": 3})
    assert [result for _, result in world.results] == [None, 3]
    assert world.offered == 0 and world.causes == [cause]


def test_a_fault_counts_more_than_a_hit():
    """The first-level TLB may have the page while a walk, begun for a moment's doubt, finds a fault."""
    world = World(1, faults={AT // PAGE: FaultKind.PAGE}, torn=True)
    world.run(store(AT, 1), {"result": 3})
    assert [result for _, result in world.results] == [None, 3]
    assert world.offered <= 1 and not world.accesses
    assert world.causes == [Cause.STORE_PAGE_FAULT]


@pytest.mark.parametrize(
    "operation, cause",
    [
        (load(1, size=1), Cause.LOAD_ACCESS),
        ({"kind": MemoryKind.SC, "vaddr": 8}, Cause.STORE_ACCESS),
        (load(0, hlvx=1), Cause.LOAD_ACCESS),
    ],
)
def test_devices_refuse_at_once(operation, cause):
    """The cache sees such a request in its first cycle at most."""
    world = World(mapped={0: UART.base})
    world.run(operation)
    assert world.offered <= 1 and not world.accesses
    assert world.causes == [cause]


def test_bus_errors():
    world = World(errors={AT})
    world.run(load(AT), store(AT, 1), load(AT + 8))
    assert [result for _, result in world.results] == [None, None, 0]


@pytest.mark.parametrize("cycle", [None, 0, 3])
def test_a_reservation_may_end_while_the_cache_is_asked(cycle):
    world = World(4, {AT: 9}, snoop_at=None if cycle is None else (1, cycle))
    conditional = {"kind": MemoryKind.SC, "vaddr": AT, "wdata": 10}
    world.run({"kind": MemoryKind.LR, "vaddr": AT}, conditional, load(AT))
    stored = cycle is None
    assert [result for _, result in world.results] == ([9, 0, 10] if stored else [9, 1, 9])
