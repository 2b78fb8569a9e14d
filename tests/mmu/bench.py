"""The MMU in the simulator, with page tables in a dict of words, and a builder of such tables."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import astuple

from amaranth.sim import Simulator

from rtl.cache.interface import CacheOp
from rtl.config import CoreConfig, Cuts, TlbConfig
from rtl.isa.paging import Pte
from rtl.mmu.interface import FaultKind, FenceOp
from rtl.mmu.mmu import Mmu
from tests.mmu.reference import DRAM, OPEN_PMP, Context, Pmp, Request, TranslationFault

__all__ = ["ALL_FLAGS", "Bench", "Tables", "pte"]

ALL_FLAGS = Pte.V | Pte.R | Pte.W | Pte.X | Pte.U | Pte.A | Pte.D
SMALL = TlbConfig(
    instruction=2, data=3, second_level_sets=4, second_level_ways=2, walk_cache=2, guest_stage=2
)


def pte(address: int, flags: int) -> int:
    """Entry that points to ``address``."""
    return int(address >> 12 << 10 | flags)


class Tables:
    """Builds page tables: ``root`` and the tables below, at addresses that ``locate`` turns into physical."""

    def __init__(self, memory: dict[int, int], root: int, allocate: Callable[[], int], locate=lambda a: a):
        self.memory, self.root, self.allocate, self.locate = memory, root, allocate, locate
        self.pointers: set[int] = set()

    def find(self, address: int, level: int, *, wide: bool = False) -> tuple[int, int]:
        """Where the entry for ``address`` is at ``level``, or above if there is one; makes missing tables."""
        table = self.root
        for step in (2, 1, 0):
            index = address >> (12 + 9 * step) & (0x7FF if wide and step == 2 else 0x1FF)
            where = self.locate(table + 8 * index)
            if step == level:
                break
            if where not in self.pointers:
                if self.memory.get(where, 0) & Pte.V:
                    break
                self.memory[where] = pte(self.allocate(), Pte.V)
                self.pointers.add(where)
            table = (self.memory[where] >> 10) << 12
        return where, step

    def slot(self, address: int, level: int, *, wide: bool = False) -> int:
        """Physical address of the entry that ``find`` finds."""
        return self.find(address, level, wide=wide)[0]

    def map(self, address: int, target: int, flags: int = ALL_FLAGS, level: int = 0, *, wide=False) -> int:
        """Map a page; returns the physical address of its entry."""
        where = self.slot(address, level, wide=wide)
        self.memory[where] = pte(target, flags)
        return where


class Bench:
    """Runs one coroutine against an ``Mmu``; tables are read with ``latency()`` extra cycles."""

    cuts = Cuts()
    """Of the machines that are made; the fixture ``each_cut`` sets it for a test."""

    def __init__(self, tlb: TlbConfig = SMALL, latency: Callable[[], int] = lambda: 0, *, hypervisor=True):
        self.mmu = Mmu(CoreConfig(tlb=tlb, hypervisor=hypervisor, cuts=self.cuts))
        self.memory: dict[int, int] = {}
        self.latency = latency
        self.reads = 0
        self.before_swap: Callable[[int], None] = lambda address: None

    def run(self, test: Callable[["Bench", object], Awaitable[None]]) -> None:
        """Simulate until ``test`` ends."""

        async def main(ctx):
            self.ctx = ctx
            self.set_pmp(OPEN_PMP)
            await self.fence(FenceOp.ALL)
            await test(self)

        sim = Simulator(self.mmu)
        sim.add_clock(1e-8)
        sim.add_testbench(main)
        sim.add_process(self._tables)
        sim.run()

    async def _tables(self, ctx):
        port = self.mmu.walker
        ctx.set(port.ready, 1)
        wait, request = 0, None
        async for _, _, valid, ready, *rest in ctx.tick().sample(
            port.valid, port.ready, port.paddr, port.op, port.wdata, port.expected
        ):
            ctx.set(port.done, 0)
            if valid and ready:
                request, wait = rest, self.latency()
            if request and not wait:
                self._answer(ctx, port, *request)
                request = None
            wait -= 1
            ctx.set(port.ready, request is None and self.latency() < 2)

    def _answer(self, ctx, port, paddr, op, wdata, expected) -> None:
        ctx.set(port.done, 1)
        ctx.set(port.error, paddr not in DRAM)
        if CacheOp(op) == CacheOp.CAS:
            self.before_swap(paddr)
            same = self.memory.get(paddr, 0) == expected
            ctx.set(port.swapped, same)
            if same:
                self.memory[paddr] = wdata
        else:
            self.reads += 1
            ctx.set(port.rdata, int(self.memory.get(paddr, 0)))

    def set_context(self, context: Context) -> None:
        """Give the MMU these CSR values from now on."""
        fields = {}
        for name, ident in (("satp", "asid"), ("vsatp", "asid"), ("hgatp", "vmid")):
            mode, value, ppn = astuple(getattr(context, name))
            fields[name] = {"mode": mode, ident: value, "ppn": ppn}
        for name in ("adue", "vs_adue", "mxr", "sum", "vs_mxr", "vs_sum"):
            fields[name] = int(getattr(context, name))
        self.ctx.set(self.mmu.context, fields)

    def set_pmp(self, pmp: Pmp) -> None:
        """Set the PMP; a fence must follow."""
        for entry, value in zip(self.mmu.pmp, pmp.entries, strict=True):
            self.ctx.set(
                entry,
                {k: int(getattr(value, k)) for k in ("r", "w", "x", "match", "locked", "addr")},
            )

    def offer(self, port, request: Request) -> None:
        """Put a request on a port."""
        fields = {k: int(getattr(request, k)) for k in ("vaddr", "virt", "hlvx")}
        self.ctx.set(port.request, fields | {"access": request.access, "privilege": request.privilege})
        self.ctx.set(port.valid, 1)

    def answer(self, port) -> int | TranslationFault | None:
        """What a port says in this cycle."""
        if self.ctx.get(port.hit):
            assert not self.ctx.get(port.fault_valid)
            return self.ctx.get(port.paddr)
        if self.ctx.get(port.fault_valid):
            fault = self.ctx.get(port.fault)
            return TranslationFault(
                FaultKind(fault.kind), fault.gpa, bool(fault.implicit), bool(fault.implicit_write)
            )
        return None

    async def translate(self, request: Request, port=None, limit: int = 600):
        """Result of a request, and the cycles over a hit that it took."""
        port = self.mmu.data if port is None else port
        self.offer(port, request)
        for cycles in range(limit):
            result = self.answer(port)
            if result is not None:
                await self.ctx.tick()
                self.ctx.set(port.valid, 0)
                return result, cycles
            await self.ctx.tick()
        raise AssertionError(f"no answer to {request}")

    async def fence(self, op: FenceOp, *, address: int | None = None, ident: int | None = None) -> int:
        """Do a fence; returns its cycles."""
        port = self.mmu.fence
        fields = {
            "op": op,
            "by_address": int(address is not None),
            "by_id": int(ident is not None),
            "address": address or 0,
            "id": ident or 0,
        }
        self.ctx.set(port.fence, fields)
        self.ctx.set(port.valid, 1)
        cycles = 1
        while not self.ctx.get(port.ready):
            await self.ctx.tick()
            cycles += 1
        await self.ctx.tick()
        self.ctx.set(port.valid, 0)
        return cycles


def seeded(seed: int) -> random.Random:
    """A generator for one test case."""
    return random.Random(seed)
