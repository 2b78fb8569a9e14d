"""A manager on an AXI port, for tests: bursts with several ids under way, random handshakes."""

from collections import deque
from dataclasses import dataclass, field
from random import Random
from types import SimpleNamespace

from rtl.bus.axi import AxiBurst
from tests.bus.axi_memory import burst_addresses, merge
from tests.bus.pins import Pins

__all__ = ["AxiManager", "Transaction", "random_transaction"]

_ADDRESS = ("id", "addr", "len", "size", "burst")
_SAMPLED = ["arvalid", "arready", "awvalid", "awready", "wvalid", "wready"]
_SAMPLED += ["rvalid", "rready", "rid", "rdata", "rresp", "rlast", "bvalid", "bready", "bid", "bresp"]


@dataclass
class Transaction:
    """A burst to issue; ``words`` and ``resp`` are its answer (``resp``: the worst of the beats)."""

    write: bool
    ident: int
    address: int
    beats: int = 1
    size: int = 3
    burst: AxiBurst = AxiBurst.INCR
    data: list[tuple[int, int]] = field(default_factory=list)
    """Words and strobes to write."""
    words: list[int] = field(default_factory=list)
    resp: int = 0
    done: bool = False

    @property
    def addresses(self) -> list[int]:
        """Address of each beat."""
        return burst_addresses(self.address, self.beats, self.size, self.burst)

    def lanes(self, beat: int) -> int:
        """Byte lanes that may carry data in a beat, as strobes."""
        address = self.addresses[beat]
        end = (address & ~((1 << self.size) - 1)) + (1 << self.size)
        return sum(1 << (byte & 7) for byte in range(address, end))

    def apply(self, words: dict[int, int]) -> None:
        """Carry the write out on a model memory."""
        for address, (word, strobes) in zip(self.addresses, self.data, strict=True):
            words[address & ~7] = merge(words.get(address & ~7, 0), word, strobes)


def random_transaction(rng: Random, base: int, size: int, ids: int) -> Transaction:
    """Any legal burst within ``size`` bytes (a power of two, at most 4096) at ``base``."""
    burst = rng.choice((AxiBurst.INCR, AxiBurst.INCR, AxiBurst.WRAP, AxiBurst.FIXED))
    beat_size = rng.choice((0, 1, 2, 3, 3, 3))
    limit = size >> beat_size
    if burst == AxiBurst.WRAP:
        beats = rng.choice([count for count in (2, 4, 8, 16) if count <= limit])
        address = base + (rng.randrange(limit) << beat_size)
    else:
        beats = rng.randrange(1, min(limit, 16) + 1)
        address = base + rng.randrange(((limit - beats) << beat_size) + 1)
    transaction = Transaction(rng.random() < 0.5, rng.randrange(ids), address, beats, beat_size, burst)
    if transaction.write:
        transaction.data = [
            (rng.getrandbits(64), transaction.lanes(beat) & rng.choice((0xFF, 0xFF, rng.getrandbits(8))))
            for beat in range(beats)
        ]
    return transaction


class AxiManager:
    """Issues transactions on ``port``; with ``rng``, at random moments and with random back-pressure.

    A transaction waits while another that is under way touches one of its words and one of them writes.
    """

    def __init__(self, port, rng: Random | None = None) -> None:
        self.port = port
        self._pins = Pins(port)
        self.rng = rng
        self.cycles = 0
        self._under_way: list[Transaction] = []
        self._data: deque[tuple[int, int, bool]] = deque()

    async def run(self, ctx, transactions: list[Transaction]) -> None:
        """Issue all and wait for their answers."""
        waiting = deque(transactions)
        offered: Transaction | None = None
        sending = False
        sampled = [getattr(self.port, name) for name in _SAMPLED]
        while waiting or offered or self._under_way:
            if offered is None and waiting and self._chance(0.5) and self._may_go(waiting[0]):
                offered = waiting.popleft()
                self._offer(ctx, offered)
            sending = bool(self._data) and (sending or self._chance(0.6))
            self._pins.set(
                ctx,
                arvalid=offered is not None and not offered.write,
                awvalid=offered is not None and offered.write,
                wvalid=sending,
                rready=self._chance(0.7),
                bready=self._chance(0.7),
            )
            if sending:
                word, strobes, last = self._data[0]
                self._pins.set(ctx, wdata=word, wstrb=strobes, wlast=last)
            _, _, *values = await ctx.tick().sample(*sampled)
            s = SimpleNamespace(**dict(zip(_SAMPLED, values, strict=True)))
            self.cycles += 1
            if (s.arvalid and s.arready) or (s.awvalid and s.awready):
                offered = None
            if s.wvalid and s.wready:
                self._data.popleft()
                sending = False
            self._take(s)
        self._pins.set(ctx, arvalid=False, awvalid=False, wvalid=False)

    def _chance(self, probability: float) -> bool:
        return self.rng is None or self.rng.random() < probability

    def _may_go(self, transaction: Transaction) -> bool:
        if len(self._under_way) >= 6:
            return False
        words = {address & ~7 for address in transaction.addresses}
        return not any(
            (other.write or transaction.write) and words & {address & ~7 for address in other.addresses}
            for other in self._under_way
        )

    def _offer(self, ctx, transaction: Transaction) -> None:
        channel = "aw" if transaction.write else "ar"
        values = (
            transaction.ident,
            transaction.address,
            transaction.beats - 1,
            transaction.size,
            transaction.burst,
        )
        self._pins.set(ctx, **dict(zip((channel + name for name in _ADDRESS), values, strict=True)))
        self._under_way.append(transaction)
        for number, (word, strobes) in enumerate(transaction.data, 1):
            self._data.append((word, strobes, number == transaction.beats))

    def _take(self, s: SimpleNamespace) -> None:
        """Take answers: of one id in the order of issue."""
        if s.rvalid and s.rready:
            read = next(t for t in self._under_way if not t.write and t.ident == s.rid)
            read.words.append(s.rdata)
            read.resp = max(read.resp, s.rresp.value)
            assert bool(s.rlast) == (len(read.words) == read.beats), "RLAST at the wrong beat"
            if s.rlast:
                read.done = True
                self._under_way.remove(read)
        if s.bvalid and s.bready:
            write = next(t for t in self._under_way if t.write and t.ident == s.bid)
            write.resp = s.bresp.value
            write.done = True
            self._under_way.remove(write)
