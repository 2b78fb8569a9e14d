"""Testbenches that drive the caches' ports at the level of their protocol, against one reference memory."""

from dataclasses import dataclass

from rtl.cache.interface import CacheOp
from rtl.isa.memory_map import DRAM_BASE
from tests.bus.axi_memory import merge
from tests.bus.pins import Pins

__all__ = ["Access", "CoherentDriver", "DataDriver", "Reference"]


class Reference:
    """What memory must hold: every write applied in the cycle in which its port says ``done``."""

    def __init__(self) -> None:
        self.words: dict[int, int] = {}
        self.writes = 0

    def read(self, address: int) -> int:
        """The aligned word at ``address``."""
        return self.words.get(address & ~7, 0)

    def write(self, address: int, word: int, mask: int) -> None:
        """Write bytes of the aligned word at ``address``."""
        self.words[address & ~7] = merge(self.read(address), word, mask)
        self.writes += 1


@dataclass
class Access:
    """One load or store; ``delay`` cycles pass before the physical address is known. Filled in: ``cycles``
    (of stage 1, 1 for a hit), ``rdata`` and ``error``."""

    paddr: int
    op: CacheOp = CacheOp.READ
    wdata: int = 0
    wmask: int = 0xFF
    size: int = 3
    delay: int = 0
    lock: bool = False
    idle: int = 0
    cycles: int = 0
    rdata: int = 0
    error: bool = False


class DataDriver:
    """Plays the load/store unit: accesses in two stages, one behind the other."""

    def __init__(self, port, reference: Reference | None = None) -> None:
        self.port = port
        self.pins = Pins(port)
        self.reference = reference
        self.cycles = 0

    async def run(self, ctx, accesses: list[Access]) -> None:
        """Carry out ``accesses`` in order, as fast as the port allows."""
        port = self.port
        waiting = list(reversed(accesses))
        idle = waiting[-1].idle if waiting else 0
        first: Access | None = None
        delay = 0
        while waiting or first:
            valid = first is not None and delay == 0
            offers = bool(waiting) and idle == 0
            self.pins.set(ctx, index_valid=offers, valid=valid)
            if offers:
                self.pins.set(ctx, index=waiting[-1].paddr & 0xFFF)
            if valid:
                self.present(ctx, first)
            elif first is None:
                self.pins.set(ctx, lock=False)
            _, _, taken, done, rdata, error = await ctx.tick().sample(
                port.index_ready, port.done, port.rdata, port.error
            )
            self.cycles += 1
            idle = max(idle - 1, 0)
            if valid:
                first.cycles += 1
                if done:
                    self._finish(first, rdata, error)
                    first = None
            else:
                assert not done, "done without a request"
                delay = max(delay - 1, 0)
            assert not (taken and valid and first), "index taken while stage 1 is occupied"
            if offers and taken and first is None:
                first = waiting.pop()
                delay = first.delay
                idle = waiting[-1].idle if waiting else 0
        self.pins.set(ctx, index_valid=False, valid=False, lock=False)

    def present(self, ctx, access: Access) -> None:
        """Set the stage 1 members except ``valid``."""
        names = ("paddr", "op", "wdata", "wmask", "size", "lock")
        self.pins.set(ctx, **{name: getattr(access, name) for name in names})

    def _finish(self, access: Access, rdata: int, error: int) -> None:
        access.rdata = rdata
        access.error = bool(error)
        if self.reference is None or error:
            return
        if access.op == CacheOp.WRITE:
            self.reference.write(access.paddr, access.wdata, access.wmask)
        elif access.paddr >= DRAM_BASE:
            expected = self.reference.read(access.paddr)
            assert rdata == expected, f"load {access.paddr:#x}: {rdata:#x}, not {expected:#x}"


class CoherentDriver:
    """Plays the walker, the DMA port or the instruction cache's cleaning."""

    def __init__(self, port, reference: Reference | None = None) -> None:
        self.port = port
        self.pins = Pins(port)
        self.reference = reference

    async def request(
        self,
        ctx,
        paddr: int,
        op: CacheOp = CacheOp.READ,
        *,
        wdata: int = 0,
        wmask: int = 0xFF,
        expected: int = 0,
    ) -> tuple[int, int, int, int]:
        """One request; returns (rdata, swapped, error, cycles from the one in which it was taken to done)."""
        port = self.port
        self.pins.set(ctx, valid=True, paddr=paddr, op=op, wdata=wdata, wmask=wmask, expected=expected)
        await ctx.tick().until(port.ready)
        self.pins.set(ctx, valid=False)
        cycles, done = 0, 0
        while not done:
            _, _, done, rdata, swapped, error = await ctx.tick().sample(
                port.done, port.rdata, port.swapped, port.error
            )
            cycles += 1
        self._check(paddr, op, wdata, wmask, expected, rdata, swapped, error)
        return rdata, swapped, error, cycles

    def _check(self, paddr, op, wdata, wmask, expected, rdata, swapped, error) -> None:
        if self.reference is None or error:
            return
        old = self.reference.read(paddr)
        if op == CacheOp.WRITE:
            self.reference.write(paddr, wdata, wmask)
        elif op == CacheOp.READ:
            assert rdata == old, f"read {paddr:#x}: {rdata:#x}, not {old:#x}"
        elif op == CacheOp.CAS:
            assert rdata == old, f"compare-and-swap {paddr:#x} saw {rdata:#x}, not {old:#x}"
            assert swapped == (old == expected)
            if swapped:
                self.reference.write(paddr, wdata, 0xFF)
