"""Address decoders: one manager, several subordinates, for AXI and for the peripheral bus."""

from collections.abc import Sequence
from itertools import pairwise

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from rtl.bus.axi import AxiSignature
from rtl.bus.axi_channels import ADDRESS, READ_DATA, RESPONSE, WRITE_DATA, forward
from rtl.bus.error_subordinate import AxiErrorSubordinate
from rtl.bus.peripheral import PeripheralSignature
from rtl.bus.round_robin import RoundRobin
from rtl.isa.memory_map import Region

__all__ = ["AxiDecoder", "PeripheralDecoder"]

OUTSTANDING = 7
"""Bursts that one id (or all, if ordered) may have under way."""


def _check(regions: Sequence[Region]) -> None:
    if not regions:
        raise ValueError("a decoder needs at least one region")
    for region in regions:
        if region.size < 1:
            raise ValueError(f"region {region.name} must not be empty")
    ordered = sorted(regions, key=lambda region: region.base)
    for lower, upper in pairwise(ordered):
        if lower.end > upper.base:
            raise ValueError(f"regions {lower.name} and {upper.name} overlap")


def _within(address, region: Region):
    """Whether ``address`` lies in ``region``; a comparison of upper bits if the region is a naturally aligned
    power of two."""
    if region.size & (region.size - 1) == 0 and region.base % region.size == 0:
        bits = region.size.bit_length() - 1
        return address[bits:] == region.base >> bits
    return (address >= region.base) & (address < region.end)


class _Outstanding(wiring.Component):
    """Keeps the answers to one id in order (AMBA AXI4, A5.3): an address may only go out if whatever its id
    has under way is at the same subordinate.

    Members
    -------
    id, target: of the address on offer (``target`` one-hot); ``allowed``: it may go
    start: it goes; ``end``, ``end_id``: the last of an answer is handed over
    """

    def __init__(self, targets: int, id_width: int) -> None:
        self.targets = targets
        self.id_width = id_width
        super().__init__(
            {
                "id": In(id_width),
                "target": In(targets),
                "allowed": Out(1),
                "start": In(1),
                "end": In(1),
                "end_id": In(id_width),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        for ident in range(1 << self.id_width):
            count = Signal(range(OUTSTANDING + 1), name=f"count{ident}")
            target = Signal(self.targets, name=f"target{ident}")
            starts = self.start & (self.id == ident)
            ends = self.end & (self.end_id == ident)
            with m.If(self.id == ident):
                same = (target == self.target) & (count != OUTSTANDING)
                m.d.comb += self.allowed.eq((count == 0) | same)
            with m.If(starts):
                m.d.sync += target.eq(self.target)
            with m.If(starts != ends):
                m.d.sync += count.eq(Mux(starts, count + 1, count - 1))
        return m


class AxiDecoder(wiring.Component):
    """Leads each burst to the subordinate whose region holds its address; no cycle is added.

    A burst elsewhere is answered with DECERR. Bursts of one id at different subordinates wait for each other,
    those of different ids do not; the beats of a read burst are not interleaved with another's. Write data
    follow at the earliest in the cycle after their address.

    Parameters
    ----------
    regions: where the subordinates are, in the order of their ports; addresses are passed on unchanged
    ordered: bursts of all ids wait for each other as those of one id do; far less logic
    cut: work out an address's target in a cycle of its own (``Cuts.bus``)

    Members
    -------
    bus: the manager's port
    subordinates: list of the ports to the subordinates
    """

    def __init__(
        self,
        regions: Sequence[Region],
        *,
        id_width: int = 4,
        addr_width: int = 56,
        ordered: bool = False,
        cut: bool = False,
    ) -> None:
        _check(regions)
        self.ordered = ordered
        self.cut = cut
        self.regions = tuple(regions)
        self.id_width = id_width
        self.addr_width = addr_width
        signature = AxiSignature(id_width=id_width, addr_width=addr_width)
        super().__init__({"bus": In(signature), "subordinates": Out(signature).array(len(regions))})

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.nowhere = nowhere = AxiErrorSubordinate(
            id_width=self.id_width, addr_width=self.addr_width
        )
        outside = AxiSignature(id_width=self.id_width, addr_width=self.addr_width).create(path=("outside",))
        connect(m, outside, nowhere.bus)
        targets = [*self.subordinates, outside]
        self._read(m, targets)
        self._write(m, targets)
        return m

    def _select(self, m: Module, address, name: str, waits: Value) -> Signal:
        """One-hot: the target of ``address``, the last if it is in no region. With ``cut`` it is not known
        before the second cycle of an address, that is, after one in which the address ``waits``."""
        chosen = Signal(len(self.regions) + 1, name=name)
        hits = Cat(_within(address, region) for region in self.regions)
        if self.cut:
            m.d.sync += chosen.eq(Cat(hits, ~hits.any()) & waits.replicate(len(chosen)))
        else:
            m.d.comb += chosen.eq(Cat(hits, ~hits.any()))
        return chosen

    def _read(self, m: Module, targets: list) -> None:
        bus, count = self.bus, len(targets)
        m.submodules.reads = reads = _Outstanding(count, 0 if self.ordered else self.id_width)
        m.submodules.read_turn = turn = RoundRobin(count)
        chosen = self._select(m, bus.araddr, "read_target", bus.arvalid & ~reads.start)
        m.d.comb += [
            reads.id.eq(bus.arid),
            reads.target.eq(chosen),
            reads.start.eq(bus.arvalid & bus.arready),
            reads.end.eq(bus.rvalid & bus.rready & bus.rlast),
            reads.end_id.eq(bus.rid),
            turn.requests.eq(Cat(target.rvalid for target in targets)),
            turn.accept.eq(bus.rready & bus.rlast),
        ]
        for number, target in enumerate(targets):
            m.d.comb += forward(target, bus, ("id", *ADDRESS), "ar")
            m.d.comb += target.arvalid.eq(bus.arvalid & reads.allowed & chosen[number])
            with m.If(chosen[number]):
                m.d.comb += bus.arready.eq(target.arready & reads.allowed)
            with m.If(turn.grant[number]):
                m.d.comb += forward(bus, target, ("rid", "rvalid", *READ_DATA))
                m.d.comb += target.rready.eq(bus.rready)

    def _write(self, m: Module, targets: list) -> None:
        bus, count = self.bus, len(targets)
        m.submodules.writes = writes = _Outstanding(count, 0 if self.ordered else self.id_width)
        m.submodules.response_turn = turn = RoundRobin(count)
        chosen = self._select(m, bus.awaddr, "write_target", bus.awvalid & ~writes.start)
        data_target = Signal(count)
        """Where the data of the burst whose address has gone belong; 0 if none is due."""
        data_ends = bus.wvalid & bus.wready & bus.wlast
        may_go = writes.allowed & ~data_target.any()
        m.d.comb += [
            writes.id.eq(bus.awid),
            writes.target.eq(chosen),
            writes.start.eq(bus.awvalid & bus.awready),
            writes.end.eq(bus.bvalid & bus.bready),
            writes.end_id.eq(bus.bid),
            turn.requests.eq(Cat(target.bvalid for target in targets)),
            turn.accept.eq(bus.bready),
        ]
        with m.If(writes.start):
            m.d.sync += data_target.eq(chosen)
        with m.Elif(data_ends):
            m.d.sync += data_target.eq(0)
        for number, target in enumerate(targets):
            m.d.comb += forward(target, bus, ("id", *ADDRESS), "aw")
            m.d.comb += forward(target, bus, WRITE_DATA)
            m.d.comb += target.awvalid.eq(bus.awvalid & may_go & chosen[number])
            m.d.comb += target.wvalid.eq(bus.wvalid & data_target[number])
            with m.If(chosen[number]):
                m.d.comb += bus.awready.eq(target.awready & may_go)
            with m.If(data_target[number]):
                m.d.comb += bus.wready.eq(target.wready)
            with m.If(turn.grant[number]):
                m.d.comb += forward(bus, target, ("bid", "bvalid", *RESPONSE))
                m.d.comb += target.bready.eq(bus.bready)


class PeripheralDecoder(wiring.Component):
    """Leads each access to the device whose region holds its address, with the offset in that region.

    An access elsewhere is answered at once with ``error``.

    Parameters
    ----------
    regions: where the devices are, in the order of their ports
    cut: an access reaches its device a cycle later, and its answer comes back a cycle later, from registers
        (``Cuts.bus``)

    Members
    -------
    bus: the bridge's port
    devices: list of the ports to the devices
    """

    def __init__(self, regions: Sequence[Region], *, cut: bool = False) -> None:
        _check(regions)
        self.regions = tuple(regions)
        self.cut = cut
        signature = PeripheralSignature()
        super().__init__({"bus": In(signature), "devices": Out(signature).array(len(regions))})

    def elaborate(self, platform) -> Module:
        m = Module()
        bus = self.bus
        if self.cut:
            self._between_registers(m)
            return m
        m.d.comb += [bus.ready.eq(1), bus.error.eq(1)]
        for region, device in zip(self.regions, self.devices, strict=True):
            chosen = Signal(name=f"at_{region.name}")
            m.d.comb += [
                chosen.eq(_within(bus.addr, region)),
                device.valid.eq(bus.valid & chosen),
                device.addr.eq(bus.addr - region.base),
                *forward(device, bus, ("size", "write", "wdata", "wstrb")),
            ]
            with m.If(chosen):
                m.d.comb += forward(bus, device, ("ready", "rdata", "error"))
        return m

    def _between_registers(self, m: Module) -> None:
        """Only which device is meant, and its answer, are in registers: the rest of an access stands anyway
        until it is answered."""
        bus, nowhere = self.bus, len(self.regions)
        hits = Cat(_within(bus.addr, region) for region in self.regions)
        chosen = Signal(nowhere + 1)
        ready, error, rdata = chosen[nowhere], chosen[nowhere], Const(0, 64)
        for number, (region, device) in enumerate(zip(self.regions, self.devices, strict=True)):
            bits = (region.size - 1).bit_length()
            here = chosen[number]
            m.d.comb += [
                device.valid.eq(here),
                device.addr.eq((bus.addr[:bits] - region.base % (1 << bits))[:bits]),
                *forward(device, bus, ("size", "write", "wdata", "wstrb")),
            ]
            ready |= here & device.ready
            error |= here & device.error
            rdata |= here.replicate(64) & device.rdata
        waits = bus.valid & ~bus.ready & ~ready
        m.d.sync += [
            chosen.eq(Cat(hits, ~hits.any()) & waits.replicate(len(chosen))),
            bus.ready.eq(ready),
            bus.error.eq(error),
            bus.rdata.eq(rdata),
        ]
