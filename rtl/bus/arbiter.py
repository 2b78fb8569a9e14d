"""Several AXI managers on one AXI port."""

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.bus.axi import AxiSignature
from rtl.bus.axi_channels import ADDRESS, READ_DATA, RESPONSE, WRITE_DATA, forward
from rtl.bus.round_robin import RoundRobin

__all__ = ["AxiArbiter"]


class AxiArbiter(wiring.Component):
    """Joins several managers; no cycle is added on any channel.

    The number of the manager becomes the upper bits of the id, so that answers find their way back and each
    manager's own ids keep their order. Reads and writes are independent and fair. A write burst has the
    write channels for itself from its address to its last data.

    Parameters
    ----------
    managers: their number
    writers: so many of them write, the first ones; all if None. A single one is wired to the write channels.
    id_width: id width of ``bus``; a manager's is narrower by the bits of its number

    Members
    -------
    managers: list of the ports to the managers
    bus: the common port
    """

    def __init__(
        self, managers: int = 2, *, writers: int | None = None, id_width: int = 4, addr_width: int = 56
    ) -> None:
        index_bits = (managers - 1).bit_length()
        if id_width <= index_bits:
            raise ValueError(
                f"AxiArbiter of {managers} managers needs an id_width above {index_bits}, not {id_width}"
            )
        self.count = managers
        self.writers = managers if writers is None else writers
        if not 1 <= self.writers <= managers:
            raise ValueError(
                f"AxiArbiter of {managers} managers needs 1 to {managers} writers, not {writers}"
            )
        self.manager_id_width = id_width - index_bits
        manager = AxiSignature(id_width=self.manager_id_width, addr_width=addr_width)
        super().__init__(
            {
                "managers": In(manager).array(managers),
                "bus": Out(AxiSignature(id_width=id_width, addr_width=addr_width)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.read_turn = reads = RoundRobin(self.count)
        if self.writers > 1:
            m.submodules.write_turn = writes = RoundRobin(self.writers)
        self._read_address(m, reads)
        if self.writers > 1:
            self._write(m, writes)
        else:
            self._only_writer(m)
        self._answers(m)
        return m

    def _read_address(self, m: Module, turn: RoundRobin) -> None:
        bus = self.bus
        m.d.comb += [
            turn.requests.eq(Cat(manager.arvalid for manager in self.managers)),
            turn.accept.eq(bus.arready),
            bus.arvalid.eq(turn.requests.any()),
        ]
        with m.Switch(turn.index):
            for number, manager in enumerate(self.managers):
                with m.Case(number):
                    m.d.comb += forward(bus, manager, ADDRESS, "ar")
                    m.d.comb += [bus.arid.eq(Cat(manager.arid, turn.index)), manager.arready.eq(bus.arready)]

    def _write(self, m: Module, turn: RoundRobin) -> None:
        """Address and data of the chosen manager, until both have gone."""
        bus, writers = self.bus, self.managers[: self.writers]
        address_sent = Signal()
        data_sent = Signal()
        address_goes = address_sent | (bus.awvalid & bus.awready)
        data_goes = data_sent | (bus.wvalid & bus.wready & bus.wlast)
        ends = Signal()
        m.d.comb += [
            ends.eq(address_goes & data_goes),
            turn.accept.eq(ends),
        ]
        with m.If(ends):
            m.d.sync += [address_sent.eq(0), data_sent.eq(0)]
        with m.Else():
            m.d.sync += [address_sent.eq(address_goes), data_sent.eq(data_goes)]
        # Between its address and its last data a manager keeps the channels though awvalid may be down.
        m.d.comb += turn.requests.eq(
            Cat(manager.awvalid for manager in writers) | self._writer(m, turn, address_sent)
        )
        with m.Switch(turn.index):
            for number, manager in enumerate(writers):
                with m.Case(number):
                    m.d.comb += forward(bus, manager, ADDRESS, "aw")
                    m.d.comb += forward(bus, manager, WRITE_DATA)
                    m.d.comb += [
                        bus.awid.eq(Cat(manager.awid, turn.index)),
                        bus.awvalid.eq(manager.awvalid & ~address_sent),
                        manager.awready.eq(bus.awready & ~address_sent),
                        bus.wvalid.eq(manager.wvalid & turn.grant[number] & ~data_sent),
                        manager.wready.eq(bus.wready & turn.grant[number] & ~data_sent),
                    ]

    def _only_writer(self, m: Module) -> None:
        """The first manager has the write channels for itself."""
        bus, manager = self.bus, self.managers[0]
        m.d.comb += forward(bus, manager, ("id", "valid", *ADDRESS), "aw")
        m.d.comb += forward(bus, manager, ("wvalid", *WRITE_DATA))
        m.d.comb += [manager.awready.eq(bus.awready), manager.wready.eq(bus.wready)]

    def _writer(self, m: Module, turn: RoundRobin, address_sent: Signal) -> Signal:
        """One-hot: the manager whose address has gone while data are still to go."""
        chosen = Signal(self.writers)
        m.d.sync += chosen.eq(turn.grant)
        writer = Signal(self.writers)
        with m.If(address_sent):
            m.d.comb += writer.eq(chosen)
        return writer

    def _answers(self, m: Module) -> None:
        """Lead R and B to the manager that their id names."""
        bus, low = self.bus, self.manager_id_width
        for number, manager in enumerate(self.managers):
            m.d.comb += forward(manager, bus, READ_DATA) + forward(manager, bus, RESPONSE)
            m.d.comb += [manager.rid.eq(bus.rid[:low]), manager.bid.eq(bus.bid[:low])]
            with m.If(bus.rid[low:] == number):
                m.d.comb += [manager.rvalid.eq(bus.rvalid), bus.rready.eq(manager.rready)]
            with m.If(bus.bid[low:] == number):
                m.d.comb += [manager.bvalid.eq(bus.bvalid), bus.bready.eq(manager.bready)]
