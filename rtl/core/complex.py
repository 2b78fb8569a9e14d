"""The core complex: hart, MMU and first-level caches behind one AXI port."""

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.bus.arbiter import AxiArbiter
from rtl.bus.axi import AxiSignature
from rtl.bus.dma import DmaPort
from rtl.cache.dcache import DataCache
from rtl.cache.icache import InstructionCache
from rtl.cache.stepped import SteppedDataCache
from rtl.config import CoreConfig
from rtl.core.core import Core
from rtl.core.csr.snapshot import state_layout
from rtl.core.interface import Events, FetchTranslation, InterruptLines, Retire
from rtl.mmu.mmu import Mmu

__all__ = ["CoreComplex", "observation_ports"]


def observation_ports(config: CoreConfig) -> dict[str, wiring.Member]:
    """Ports of the complex that only an observing build has."""
    if not config.observe:
        return {}
    return {"state": Out(state_layout(config.hypervisor, config.xvmx)), "fetched": Out(FetchTranslation)}


class CoreComplex(wiring.Component):
    """::

        Core --fetch--------> Mmu <--load/store-- Core
          |                    | walker             |
          v                    v                    v
        InstructionCache    DataCache <------------ +
          |       clean -----> |   ^--- dma (coherent)
          +--> AxiArbiter <----+
                   |
                  bus

    Members
    -------
    bus: all memory and device accesses of the hart
    dma: AXI subordinate for other masters; coherent with the data cache, DRAM only. Without ``config.dma`` it
        takes no burst.
    lines, time: interrupt inputs and ``mtime``
    events, retire: observability
    state, fetched: with ``config.observe``: see :class:`CsrUnit`; translations of fetch addresses

    Raises
    ------
    ValueError: a cut in the frontend that wants another one
    """

    def __init__(self, config: CoreConfig) -> None:
        cuts = config.cuts
        if cuts.fetch and not (cuts.redirect or cuts.execute or cuts.memory or cuts.walk):
            # A redirect drops the request to the MMU, the walker drops its read, the memory stage gets the
            # data cache, execute's operation may leave: that is what redirects.
            raise ValueError("Cuts.fetch alone makes a redirect depend on itself; add Cuts.redirect")
        self.config = config
        super().__init__(
            {
                "bus": Out(AxiSignature()),
                "dma": In(AxiSignature()),
                "lines": In(InterruptLines),
                "time": In(64),
                "events": Out(Events),
                "retire": Out(Retire),
            }
            | observation_ports(config)
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.core = core = Core(self.config)
        m.submodules.mmu = mmu = Mmu(self.config)
        m.submodules.icache = icache = InstructionCache(self.config.icache, staged=self.config.cuts.fetch)
        cache = SteppedDataCache if self.config.cuts.memory else DataCache
        m.submodules.dcache = dcache = cache(self.config.dcache)
        # The instruction cache only reads, so the write channels can do without arbitration.
        writers = 1 if self.config.cuts.bus else 2
        m.submodules.arbiter = arbiter = AxiArbiter(managers=2, writers=writers)

        connect(m, core.fetch, mmu.fetch)
        connect(m, core.load_store, mmu.data)
        connect(m, core.fence, mmu.fence)
        connect(m, core.fetch_cache, icache.cpu)
        connect(m, core.data_cache, dcache.cpu)
        connect(m, mmu.walker, dcache.walker)
        connect(m, icache.clean, dcache.fetch_clean)
        if self.config.dma:
            m.submodules.dma_port = dma_port = DmaPort()
            connect(m, dma_port.port, dcache.dma)
            connect(m, flipped(self.dma), dma_port.bus)
        connect(m, dcache.bus, arbiter.managers[0])
        connect(m, icache.bus, arbiter.managers[1])
        connect(m, arbiter.bus, flipped(self.bus))
        m.d.comb += [
            mmu.context.eq(core.context),
            *(entry.eq(value) for entry, value in zip(mmu.pmp, core.pmp, strict=True)),
            core.snoop_valid.eq(dcache.snoop.valid),
            core.snoop_paddr.eq(dcache.snoop.paddr),
            core.lines.eq(self.lines),
            core.time.eq(self.time),
            core.outer_events.itlb_miss.eq(mmu.events.itlb_miss),
            core.outer_events.dtlb_miss.eq(mmu.events.dtlb_miss),
            core.outer_events.l2tlb_hit.eq(mmu.events.l2tlb_hit),
            core.outer_events.walk_read.eq(mmu.events.walk_read),
            core.outer_events.walk_done.eq(mmu.events.walk_done),
            core.outer_events.icache_miss.eq(icache.miss),
            core.outer_events.dcache_miss.eq(dcache.miss),
            self.events.eq(core.events),
            self.retire.eq(core.retire),
        ]
        if self.config.observe:
            request = core.fetch.request
            m.d.comb += [
                self.state.eq(core.state),
                self.fetched.valid.eq(core.fetch.valid & core.fetch.hit),
                self.fetched.vaddr.eq(request.vaddr),
                self.fetched.paddr.eq(core.fetch.paddr),
                self.fetched.mode.privilege.eq(request.privilege),
                self.fetched.mode.virt.eq(request.virt),
            ]
        return m
