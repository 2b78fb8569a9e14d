"""The design under simulation: the SoC with the ports that the C++ side drives and watches."""

from amaranth import Cat, ClockDomain, Module
from amaranth.hdl import Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from cosim.observe import PORT_WORDS, companion_record, retire_words
from cosim.waves.probe import Probe
from rtl.core.interface import Events, FetchTranslation
from rtl.isa.paging import PA_BITS

__all__ = ["SimTop"]


class SimTop(wiring.Component):
    """Wraps a SoC; its Verilog ports are what ``cosim/native`` is written against.

    Inputs pass through a register: what the C++ side sets before an edge the SoC sees after it, as from any
    synchronous neighbour. So no logic hangs on an input directly, and a cycle needs one evaluation, not two.

    Parameters
    ----------
    soc: wiring.Component
        ``rtl.soc.Soc``, or anything with the same ports.
    observe: bool
        Bring out the whole retire record (``retire``), and ``state`` if the SoC has it; else only what HTIF
        needs.
    probe: bool
        Add the signals that people look at in a wave (``cosim.waves.probe``).

    Members
    -------
    events: one bit or field per event, as in :class:`rtl.core.interface.Events`
    pc: address of the instruction that retires
    retire_valid, retire_trap, retire: with ``observe``, the retire record in words (``cosim.observe``)
    companion_valid, companion_older, companion: with ``observe``, its companion's record
    state, fetched: with ``observe``, 64 bits for each register that lockstep compares; fetch translations
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
            if name not in ("retire", "events", "wake", "state", "fetched")
        }
        members |= {
            "clk": In(1),
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
            members |= {"retire_valid": Out(1), "retire_trap": Out(1), "retire": Out(64 * PORT_WORDS)}
            members |= {"companion_valid": Out(1), "companion_older": Out(1)}
            members |= {"companion": Out(64 * PORT_WORDS)}
        self.state_words = 0
        if observe and "state" in soc.signature.members:
            bits = len(Value.cast(soc.state))
            members |= {"state": Out(bits), "fetched": Out(FetchTranslation)}
            self.state_words = bits // 64
        super().__init__(members)

    def elaborate(self, platform) -> Module:
        m = Module()
        # Verilator starts with every register at its initial value, which is what a reset gives.
        m.domains.sync = domain = ClockDomain(reset_less=True)
        domain.clk = self.clk
        m.submodules.soc = soc = self.soc
        for path, member, ours in self.signature.flatten(self):
            theirs = soc
            for name in path:
                theirs = getattr(theirs, name, None) if isinstance(name, str) else theirs[name]
            if theirs is None or path[0] in ("wake", "events", "retire", "state", "fetched"):
                continue
            if member.flow == Out:
                m.d.comb += Value.cast(ours).eq(theirs)
            else:
                m.d.sync += Value.cast(theirs).eq(ours)
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
            m.d.comb += [
                self.retire_valid.eq(retire.valid),
                self.retire_trap.eq(retire.trap),
                self.retire.eq(retire_words(Value.cast(retire))),
                self.companion_valid.eq(retire.companion.valid),
                self.companion_older.eq(retire.companion.older),
                self.companion.eq(retire_words(companion_record(m, retire))),
            ]
        if self.state_words:
            m.d.comb += [self.state.eq(Value.cast(soc.state)), self.fetched.eq(soc.fetched)]
        if self.probe:
            m.submodules.probe = probe = Probe()
            m.d.comb += [probe.retire.eq(retire), probe.events.eq(soc.events)]
        return m
