"""A memory behind an AXI port, for tests: exact latency, or random latency and back-pressure."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from types import SimpleNamespace

from rtl.bus.axi import AxiBurst, AxiResp
from tests.bus.pins import Pins

__all__ = ["AxiMemory", "Burst", "burst_addresses", "merge"]

_SAMPLED = ["arvalid", "arready", "arid", "araddr", "arlen", "arsize", "arburst", "rvalid", "rready"]
_SAMPLED += ["awvalid", "awready", "awid", "awaddr", "awlen", "awsize", "awburst"]
_SAMPLED += ["wvalid", "wready", "wdata", "wstrb", "wlast", "bvalid", "bready"]


def burst_addresses(address: int, beats: int, size: int, burst: AxiBurst) -> list[int]:
    """Addresses of the beats of an AXI burst (AMBA AXI4, A3.4.1)."""
    step = 1 << size
    if burst == AxiBurst.FIXED:
        return [address] * beats
    aligned = address & ~(step - 1)
    if burst == AxiBurst.INCR:
        return [address] + [aligned + step * beat for beat in range(1, beats)]
    lower = address & ~(step * beats - 1)
    return [lower + (address - lower + step * beat) % (step * beats) for beat in range(beats)]


def merge(old: int, new: int, strobes: int) -> int:
    """``old`` with the bytes of ``new`` whose strobe is set."""
    mask = sum(0xFF << 8 * lane for lane in range(8) if strobes >> lane & 1)
    return old & ~mask | new & mask


@dataclass
class Burst:
    """A burst as the memory took it."""

    kind: str
    ident: int
    address: int
    size: int
    addresses: list[int]
    due: int
    data: list[int] | None = None
    beats: list[tuple[int, int]] = field(default_factory=list)
    """Write data and strobes."""
    next: int = 0


class AxiMemory:
    """Serves an ``AxiSignature`` port out of ``words`` (aligned address -> 64-bit word, 0 where absent).

    With ``rng`` None the first beat of a read comes ``latency + 1`` edges after its address was taken, then
    one beat per cycle, and a write's response ``latency + 1`` edges after its last data. With ``rng``,
    latencies and handshakes are random, and a read sees memory either at its address or as each beat leaves.
    ``fails(address)`` makes a beat an error. ``log`` holds every burst taken, in order.
    A run longer than ``limit`` cycles fails.
    """

    def __init__(
        self,
        port,
        *,
        latency: int = 1,
        rng: Random | None = None,
        fails: Callable[[int], bool] = lambda address: False,
    ) -> None:
        self.port = port
        self._pins = Pins(port)
        self.latency = latency
        self.rng = rng
        self.fails = fails
        self.words: dict[int, int] = {}
        self.log: list[Burst] = []
        self.cycle = 0
        self.limit = 100_000
        self._reads: deque[Burst] = deque()
        self._writes: deque[Burst] = deque()
        self._data: deque[tuple[int, int, int]] = deque()
        self._responses: deque[Burst] = deque()

    async def run(self, ctx) -> None:
        """Testbench: serve for ever (add it with ``background=True``)."""
        reading = responding = False
        sampled = [getattr(self.port, name) for name in _SAMPLED]
        while True:
            reading = reading or self._is_due(self._reads)
            responding = responding or self._is_due(self._responses)
            self._drive(ctx, reading, responding)
            _, _, *values = await ctx.tick().sample(*sampled)
            s = SimpleNamespace(**dict(zip(_SAMPLED, values, strict=True)))
            self.cycle += 1
            assert self.cycle < self.limit, "the test hangs"
            if s.rvalid and s.rready:
                reading = False
                self._reads[0].next += 1
                if self._reads[0].next == len(self._reads[0].addresses):
                    self._reads.popleft()
            if s.bvalid and s.bready:
                responding = False
                self._responses.popleft()
            self._take(s)

    def _chance(self, probability: float) -> bool:
        return self.rng is None or self.rng.random() < probability

    def _is_due(self, queue: deque[Burst]) -> bool:
        return bool(queue) and queue[0].due <= self.cycle and self._chance(0.8)

    def _latency(self) -> int:
        if self.rng is None:
            return self.latency
        return self.rng.choice((0, 0, 1, 2, 5, self.rng.randrange(30)))

    def _drive(self, ctx, reading: bool, responding: bool) -> None:
        self._pins.set(
            ctx,
            arready=self._chance(0.7) and len(self._reads) < 4,
            awready=self._chance(0.7) and len(self._writes) < 2,
            wready=self._chance(0.7) and len(self._data) < 16,
            rvalid=reading,
            bvalid=responding,
        )
        if reading:
            read = self._reads[0]
            address = read.addresses[read.next]
            self._pins.set(
                ctx,
                rid=read.ident,
                rdata=read.data[read.next] if read.data else self.words.get(address & ~7, 0),
                rresp=AxiResp.SLVERR if self.fails(address) else AxiResp.OKAY,
                rlast=read.next == len(read.addresses) - 1,
            )
        if responding:
            write = self._responses[0]
            resp = AxiResp.SLVERR if self._failed(write) else AxiResp.OKAY
            self._pins.set(ctx, bid=write.ident, bresp=resp)

    def _failed(self, write: Burst) -> bool:
        return any(self.fails(address) for address in write.addresses)

    def _take(self, s: SimpleNamespace) -> None:
        """Take what was handed over at this edge."""
        if s.arvalid and s.arready:
            addresses = burst_addresses(s.araddr, s.arlen + 1, s.arsize, s.arburst)
            read = Burst("r", s.arid, s.araddr, s.arsize, addresses, self.cycle + self._latency())
            if self._chance(0.5):
                read.data = [self.words.get(address & ~7, 0) for address in addresses]
            self._reads.append(read)
            self.log.append(read)
        if s.awvalid and s.awready:
            addresses = burst_addresses(s.awaddr, s.awlen + 1, s.awsize, s.awburst)
            write = Burst("w", s.awid, s.awaddr, s.awsize, addresses, 0)
            self._writes.append(write)
            self.log.append(write)
        if s.wvalid and s.wready:
            self._data.append((s.wdata, s.wstrb, s.wlast))
        while self._writes and self._data:
            write = self._writes[0]
            word, strobes, last = self._data.popleft()
            write.beats.append((word, strobes))
            assert bool(last) == (len(write.beats) == len(write.addresses)), "WLAST at the wrong beat"
            if last:
                self._commit(self._writes.popleft())

    def _commit(self, write: Burst) -> None:
        write.due = self.cycle + self._latency()
        self._responses.append(write)
        if not self._failed(write):
            for address, (word, strobes) in zip(write.addresses, write.beats, strict=True):
                self.words[address & ~7] = merge(self.words.get(address & ~7, 0), word, strobes)
