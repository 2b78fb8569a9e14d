"""Physical memory protection, 4 KiB granularity (Machine chapter, "Physical Memory Protection")."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.isa.memory_map import MAPPED_BITS
from rtl.isa.paging import LEVEL_BITS, PAGE_SHIFT, PMP_ENTRIES, PMP_GRANULARITY_SHIFT, PPN_BITS, PmpMatch
from rtl.mmu.interface import PmpEntry

__all__ = ["Pmp", "PmpCheck"]

_ADDR_SHIFT = PAGE_SHIFT - 2
"""pmpaddr holds address bits 55:2, so its bit 10 is bit 0 of the page number."""

_RUNG = 6
"""Address bits that are examined together."""

_PAGE_BITS = MAPPED_BITS - PAGE_SHIFT
"""Page-number bits of what the memory map has."""

PmpCheck = wiring.Signature(
    {
        "valid": Out(1),
        "page": Out(PPN_BITS),
        "machine": Out(1),
        "r": In(1),
        "w": In(1),
        "x": In(1),
        "mega": In(1),
        "giga": In(1),
    }
)
"""May the page be read, written, executed, in M mode or in any other? ``mega``, ``giga``: the same verdict
holds in the whole aligned 2 MiB, 1 GiB around it (may be 0 although it does). All 0 while not ``valid``.

A page outside of the memory map may not be accessed at all: that is an access fault anyway, and it makes the
comparisons less than half as wide."""


class _Region:
    """One entry, decoded into registers: what can be compared with a page number of the memory map at once.
    ``beyond``: the address register points beyond the map."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.full: Signal | None = None
        self.page = Signal(_PAGE_BITS, name=f"page_{index}")
        self.ignore = Signal(_PAGE_BITS, name=f"ignore_{index}")
        self.beyond = Signal(name=f"beyond_{index}")
        self.napot = Signal(name=f"napot_{index}")
        self.tor = Signal(name=f"tor_{index}")
        self.locked = Signal(name=f"locked_{index}")
        self.rwx = Signal(3, name=f"rwx_{index}")
        self.splits_mega = Signal(name=f"splits_mega_{index}")
        self.splits_giga = Signal(name=f"splits_giga_{index}")

    def prepare(self, m: Module, entry) -> None:
        """Which rungs of ``_RUNG`` address bits are all ones goes into registers, for ``decode`` a cycle
        later."""
        ladder = entry.addr[_ADDR_SHIFT - 1 :]
        rungs = [ladder[low : low + _RUNG].all() for low in range(0, _PAGE_BITS + 1 - _RUNG, _RUNG)]
        self.full = Signal(len(rungs), name=f"full_{self.index}")
        m.d.sync += self.full.eq(Cat(rungs))

    def decode(self, m: Module, entry, next_is_tor: Value) -> None:
        """Take over ``entry`` at the clock edge."""
        page = entry.addr[_ADDR_SHIFT:]
        ladder = entry.addr[_ADDR_SHIFT - 1 :]
        outside = page[_PAGE_BITS:]
        # Bit i of a NAPOT region's page number does not count if all of the address below is ones.
        if self.full is None:
            ignore = (ladder ^ (ladder + 1)[: len(ladder)])[1:]
            elsewhere = (outside & ~ignore[_PAGE_BITS:]).any()
        else:
            ones = [
                Cat(self.full[: i // _RUNG], ladder[i // _RUNG * _RUNG : i + 1]).all()
                for i in range(_PAGE_BITS + 1)
            ]
            ignore = Cat(ones)
            elsewhere = Mux(ones[_PAGE_BITS], (outside[1:] & ~outside[:-1]).any(), outside.any())
        napot, tor = entry.match == PmpMatch.NAPOT, entry.match == PmpMatch.TOR
        beyond = outside.any()
        bound = (tor | next_is_tor) & ~beyond
        inside = napot & ~elsewhere
        m.d.sync += [
            self.page.eq(page),
            self.ignore.eq(ignore),
            self.beyond.eq(beyond),
            self.napot.eq(inside),
            self.tor.eq(tor),
            self.locked.eq(entry.locked),
            self.rwx.eq(Cat(entry.r, entry.w, entry.x)),
            self.splits_mega.eq((inside & ~ignore[LEVEL_BITS - 1]) | (bound & page[:LEVEL_BITS].any())),
            self.splits_giga.eq(
                (inside & ~ignore[2 * LEVEL_BITS - 1]) | (bound & page[: 2 * LEVEL_BITS].any())
            ),
        ]

    def near(self, page: Value) -> tuple[Value, Value]:
        """An edge of the region lies inside the 2 MiB, the 1 GiB around ``page``."""
        return (
            self.splits_mega & (self.page[LEVEL_BITS:] == page[LEVEL_BITS:]),
            self.splits_giga & (self.page[2 * LEVEL_BITS :] == page[2 * LEVEL_BITS :]),
        )


class Pmp(wiring.Component):
    """Decoded entries and ``len(checks)`` combinational checkers.

    ``state`` is taken over at the end of a cycle with ``update``. The lowest-numbered entry that matches
    decides; in M mode it binds only if it is locked. What no entry matches is M's alone.

    Parameters
    ----------
    checkers: number of ``checks`` ports
    registered: ``state`` must be stable for a cycle before ``update``; a check is answered a cycle later
    """

    def __init__(self, checkers: int, *, registered: bool = False) -> None:
        self.registered = registered
        super().__init__(
            {
                "state": In(PmpEntry).array(PMP_ENTRIES),
                "update": In(1),
                "checks": In(PmpCheck).array(checkers),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        assert PMP_GRANULARITY_SHIFT == PAGE_SHIFT
        regions = [_Region(i) for i in range(PMP_ENTRIES)]
        if self.registered:
            for region, entry in zip(regions, self.state, strict=True):
                region.prepare(m, entry)
        with m.If(self.update):
            for i, region in enumerate(regions):
                following = self.state[i + 1].match == PmpMatch.TOR if i + 1 < PMP_ENTRIES else 0
                region.decode(m, self.state[i], following)
        for number, check in enumerate(self.checks):
            if self.registered:
                self._check_behind(m, regions, check, number)
            else:
                self._check(m, regions, check, number)
        return m

    def _check_behind(self, m: Module, regions: list[_Region], check, number: int) -> None:
        """Which entries match goes into registers, the first of them decides in the next cycle."""
        page = check.page[:_PAGE_BITS]
        inside, machine = Signal(name=f"inside_{number}"), Signal(name=f"machine_{number}")
        matches = Signal(PMP_ENTRIES, name=f"matches_{number}")
        below = Signal(PMP_ENTRIES, name=f"below_{number}")
        splits = Signal(2, name=f"splits_{number}")
        edges = [region.near(page) for region in regions]
        m.d.comb += below.eq(Cat(region.beyond | (page < region.page) for region in regions))
        m.d.sync += [
            inside.eq(check.valid & ~check.page[_PAGE_BITS:].any()),
            machine.eq(check.machine),
            matches.eq(
                Cat(
                    (region.napot & (((page ^ region.page) & ~region.ignore) == 0))
                    | (region.tor & below[i] & (~below[i - 1] if i else 1))
                    for i, region in enumerate(regions)
                )
            ),
            splits.eq(Cat(Cat(mega for mega, _ in edges).any(), Cat(giga for _, giga in edges).any())),
        ]
        with m.If(inside):
            m.d.comb += [
                Cat(check.r, check.w, check.x).eq(machine.replicate(3)),
                Cat(check.mega, check.giga).eq(~splits),
            ]
            for i, region in reversed(list(enumerate(regions))):
                with m.If(matches[i]):
                    m.d.comb += Cat(check.r, check.w, check.x).eq(
                        region.rwx | (machine & ~region.locked).replicate(3)
                    )

    def _check(self, m: Module, regions: list[_Region], check, number: int) -> None:
        below = [Signal(name=f"below_{number}_{i}") for i in range(PMP_ENTRIES)]
        allowed = Signal(3, name=f"allowed_{number}")
        m.d.comb += Cat(check.r, check.w, check.x).eq(allowed)
        # Whatever depends on the page is computed under the condition: a simulator then skips it.
        page = check.page[:_PAGE_BITS]
        with m.If(check.valid & ~check.page[_PAGE_BITS:].any()):
            m.d.comb += allowed.eq(check.machine.replicate(3))
            for i, region in reversed(list(enumerate(regions))):
                not_before = ~below[i - 1] if i else 1
                napot = ((page ^ region.page) & ~region.ignore) == 0
                m.d.comb += below[i].eq(region.beyond | (page < region.page))
                with m.If((region.napot & napot) | (region.tor & below[i] & not_before)):
                    m.d.comb += allowed.eq(region.rwx | (check.machine & ~region.locked).replicate(3))
            edges = [region.near(page) for region in regions]
            m.d.comb += [
                check.mega.eq(~Cat(mega for mega, _ in edges).any()),
                check.giga.eq(~Cat(giga for _, giga in edges).any()),
            ]
