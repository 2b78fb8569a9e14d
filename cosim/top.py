"""The design under simulation: the SoC with the ports that the C++ side drives and watches."""

from amaranth import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from cosim.waves.probe import Probe
from rtl.core.interface import Events, Retire
from rtl.isa.paging import PA_BITS

__all__ = ["SimTop"]


class SimTop(wiring.Component):
    """Wraps a SoC; its Verilog ports are what ``cosim/native`` is written against.

    Parameters
    ----------
    soc: wiring.Component
        ``rtl.soc.Soc``, or anything with the same ports.
    observe: bool
        Bring out the whole retire record (``retire``); else only what HTIF needs.
    probe: bool
        Add the signals that people look at in a wave (``cosim.waves.probe``).

    Members
    -------
    events: one bit or field per event, as in :class:`rtl.core.interface.Events`
    pc: address of the instruction that retires
    store, store_address, store_data, store_size: a store that retires, with its physical address
    design_wake: the SoC's own ``wake``
    host_wake: raised by the C++ side for a moment when Python is due; comes back on ``wake``
    """

    def __init__(self, soc: wiring.Component, *, observe: bool = False, probe: bool = False) -> None:
        self.soc = soc
        self.observe = observe
        self.probe = probe
        members = {
            name: member
            for name, member in soc.signature.members.items()
            if name not in ("retire", "events", "wake")
        }
        members |= {
            "host_wake": In(1),
            "wake": Out(1),
            "design_wake": Out(1),
            "events": Out(Events),
            "pc": Out(64),
            "store": Out(1),
            "store_address": Out(PA_BITS),
            "store_data": Out(64),
            "store_size": Out(2),
        }
        if observe:
            members["retire"] = Out(Retire)
        super().__init__(members)

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.soc = soc = self.soc
        for name in soc.signature.members:
            if name in ("retire", "events", "wake"):
                continue
            member = soc.signature.members[name]
            ours = getattr(self, name)
            theirs = getattr(soc, name)
            if member.is_signature:
                connect(m, flipped(ours), theirs)
            elif member.flow == Out:
                m.d.comb += ours.eq(theirs)
            else:
                m.d.comb += theirs.eq(ours)
        retire = soc.retire
        m.d.comb += [
            self.events.eq(soc.events),
            self.pc.eq(retire.pc),
            self.store.eq(Cat(retire.valid, ~retire.trap, retire.mem_write).all()),
            self.store_address.eq(retire.mem_paddr),
            self.store_data.eq(retire.mem_data),
            self.store_size.eq(retire.mem_size),
            self.wake.eq(self.host_wake),
            self.design_wake.eq(soc.wake),
        ]
        if self.observe:
            m.d.comb += self.retire.eq(retire)
        if self.probe:
            m.submodules.probe = probe = Probe()
            m.d.comb += [probe.retire.eq(retire), probe.events.eq(soc.events)]
        return m
