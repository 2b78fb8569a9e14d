"""The bus arbiter loses nothing, duplicates nothing, mixes nothing up and starves nobody."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import In

from cosim.formal.proof import Proof, assume, claim, past
from rtl.bus.arbiter import AxiArbiter
from rtl.bus.axi import AxiSignature
from rtl.bus.round_robin import RoundRobin

__all__ = ["ArbiterProof", "RoundRobinProof"]

_ADDRESS = ("addr", "len", "size", "burst")


class RoundRobinProof(Proof):
    """Three requesters, each of which keeps asking until it is served; any ``accept``, 12 cycles.

    Claims: one grant at most, to one who asks, and one if anybody asks; it stays until it is accepted;
    nobody is passed over by more than two others while it asks.
    """

    depth = 12
    count = 3

    def __init__(self) -> None:
        super().__init__({"requests": In(self.count), "accept": In(1)})

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.turn = turn = RoundRobin(self.count)
        m.d.comb += [turn.requests.eq(self.requests), turn.accept.eq(self.accept)]
        grant = turn.grant
        accepted = Mux(self.accept, grant, 0)
        before = past(m, self.requests & ~accepted)
        assume(m, (before & ~self.requests) == 0)
        claim(m, "one_grant", (grant & (grant - 1)[: self.count]) == 0)
        claim(m, "grant_who_asks", (grant & ~self.requests) == 0)
        claim(m, "work_is_done", grant.any() == self.requests.any())
        claim(m, "index_is_the_grant", ~grant.any() | (grant == (1 << turn.index)[: self.count]))
        waiting = past(m, grant.any() & ~self.accept)
        claim(m, "grant_stays", ~waiting | (grant == past(m, grant)))
        for n in range(self.count):
            passed = Signal(range(self.count + 1), name=f"passed_{n}")
            with m.If(~self.requests[n] | grant[n]):
                m.d.sync += passed.eq(0)
            with m.Elif(accepted.any() & (passed < self.count)):
                m.d.sync += passed.eq(passed + 1)
            claim(m, f"fair_to_{n}", passed < self.count)
        return m


class ArbiterProof(Proof):
    """Two managers with one-bit ids; everything that managers and the subordinate may do in 9 cycles.

    A handshake on a manager's channel and one on the bus's are the same event, since no cycle is added.
    Claims: AR, AW and W: a bus handshake is one manager's, exactly one, and carries its payload and, in the
    id, its number; R and B: it goes to the manager that the id names, and to nobody else, unchanged; what
    the bus offers stays until it is taken (AXI4 A3.2.1); write bursts reach the bus in the order of their
    addresses, never mixed; a manager that waits with an address sees at most one other's go first.

    Assumption: managers keep what they offer until it is taken.
    """

    depth = 9

    def __init__(self) -> None:
        self.managers = 2
        manager = AxiSignature(id_width=1, addr_width=4, data_width=64)
        members = {}
        for name, member in manager.members.items():
            if member.flow is not In:
                members[name] = In(member.shape).array(self.managers)
        answers = AxiSignature(id_width=2, addr_width=4).members
        members |= {f"bus_{name}": member for name, member in answers.items() if member.flow is In}
        super().__init__(members)

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.arbiter = arbiter = AxiArbiter(self.managers, id_width=2, addr_width=4)
        bus = arbiter.bus
        for n, manager in enumerate(arbiter.managers):
            for name, member in AxiSignature(id_width=1, addr_width=4).members.items():
                if member.flow is not In:
                    m.d.comb += Value.cast(getattr(manager, name)).eq(getattr(self, name)[n])
        for name, member in AxiSignature(id_width=2, addr_width=4).members.items():
            if member.flow is In:
                m.d.comb += Value.cast(getattr(bus, name)).eq(getattr(self, f"bus_{name}"))
        for channel in ("ar", "aw"):
            self._address(m, arbiter, channel)
        self._data(m, arbiter)
        for channel, payload in (("r", ("rdata", "rresp", "rlast")), ("b", ("bresp",))):
            self._answer(m, arbiter, channel, payload)
        return m

    def _address(self, m: Module, arbiter, channel: str) -> None:
        bus = arbiter.bus

        def payload(port) -> Value:
            return Cat(Value.cast(getattr(port, channel + name)) for name in _ADDRESS)

        goes = getattr(bus, channel + "valid") & getattr(bus, channel + "ready")
        taken = Cat(
            getattr(port, channel + "valid") & getattr(port, channel + "ready") for port in arbiter.managers
        )
        number = getattr(bus, channel + "id")[1:]
        for n, port in enumerate(arbiter.managers):
            same = (payload(port) == payload(bus)) & (
                getattr(bus, channel + "id") == Cat(getattr(port, channel + "id"), n)
            )
            claim(m, f"{channel}_is_that_of_{n}", ~taken[n] | same)
            self._keeps(
                m,
                getattr(port, channel + "valid"),
                getattr(port, channel + "ready"),
                Cat(payload(port), getattr(port, channel + "id")),
            )
            passed = Signal(2, name=f"{channel}_passed_{n}")
            with m.If(~getattr(port, channel + "valid") | taken[n]):
                m.d.sync += passed.eq(0)
            with m.Elif(goes & (passed < 3)):
                m.d.sync += passed.eq(passed + 1)
            claim(m, f"{channel}_fair_to_{n}", passed < self.managers)
        claim(m, f"{channel}_once", taken == Mux(goes, 1 << number, 0)[: self.managers])
        offered = Cat(getattr(bus, channel + "valid"), payload(bus), getattr(bus, channel + "id"))
        waits = past(m, getattr(bus, channel + "valid") & ~getattr(bus, channel + "ready"))
        claim(m, f"{channel}_stays", ~waits | (offered == past(m, offered)))

    @staticmethod
    def _keeps(m: Module, valid: Value, ready: Value, payload: Value) -> None:
        """What a manager offers stays until it is taken."""
        waits = past(m, valid & ~ready)
        assume(m, ~waits | (valid & (payload == past(m, payload))))

    def _data(self, m: Module, arbiter) -> None:
        bus = arbiter.bus

        def payload(port) -> Value:
            return Cat(port.wdata, port.wstrb, port.wlast)

        goes = bus.wvalid & bus.wready
        taken = Cat(port.wvalid & port.wready for port in arbiter.managers)
        ends = goes & bus.wlast
        address = bus.awvalid & bus.awready
        claim(m, "w_once", taken.any() == goes)
        claim(m, "w_of_one", ~taken.all())
        waits = past(m, bus.wvalid & ~bus.wready)
        offered = Cat(bus.wvalid, payload(bus))
        claim(m, "w_stays", ~waits | (offered == past(m, offered)))

        # Addresses on the bus whose data have not ended, and data that have ended before their address.
        owner = Signal()
        addressed = Signal()
        done = Signal()
        begun = Signal()
        source = taken[1]
        number = bus.awid[1]
        now_addressed = addressed | address
        now_owner = Mux(address, number, owner)
        now_done = done | ends
        both = now_addressed & now_done
        m.d.sync += [
            addressed.eq(now_addressed & ~both),
            done.eq(now_done & ~both),
            begun.eq(Mux(both, 0, begun | goes)),
        ]
        with m.If(address):
            m.d.sync += owner.eq(number)
        with m.Elif(goes & ~addressed):
            m.d.sync += owner.eq(source)
        claim(m, "one_write_at_a_time", (~address | ~addressed) & (~goes | ~done))
        claim(m, "data_are_the_owners", ~goes | ~(addressed | begun) | (source == owner))
        claim(m, "address_is_the_owners", ~address | ~begun | (number == owner))
        claim(m, "begin_together", ~(address & goes) | (source == now_owner))

        for n, port in enumerate(arbiter.managers):
            claim(m, f"w_is_that_of_{n}", ~taken[n] | (payload(port) == payload(bus)))
            self._keeps(m, port.wvalid, port.wready, payload(port))

    def _answer(self, m: Module, arbiter, channel: str, names: tuple[str, ...]) -> None:
        bus = arbiter.bus

        def payload(port) -> Value:
            return Cat(Value.cast(getattr(port, name)) for name in names)

        valid, ready = getattr(bus, channel + "valid"), getattr(bus, channel + "ready")
        number = getattr(bus, channel + "id")[1:]
        for n, port in enumerate(arbiter.managers):
            named = number == n
            same = (payload(port) == payload(bus)) & (
                getattr(port, channel + "id") == getattr(bus, channel + "id")[:1]
            )
            claim(m, f"{channel}_goes_to_{n}", getattr(port, channel + "valid") == (valid & named))
            claim(m, f"{channel}_whole_to_{n}", ~(valid & named) | same)
            claim(m, f"{channel}_ready_of_{n}", ~named | (ready == getattr(port, channel + "ready")))
