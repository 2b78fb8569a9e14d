"""Faults of the bus, of atomics, and of the caches."""

from cosim.mutation.fault import Fault

__all__ = ["BUS_FAULTS"]

_ARBITER, _TURN, _MEMORY = "rtl/bus/arbiter.py", "rtl/bus/round_robin.py", "rtl/core/memory/memory.py"

BUS_FAULTS = (
    Fault(
        "reservation_snoop",
        "a write of another master does not end a reservation",
        _MEMORY,
        old="with m.If(self.snoop_valid &",
        new="with m.If(~FAULT & self.snoop_valid &",
        units=("tests/formal/test_proofs.py",),
    ),
    Fault(
        "reservation_kept",
        "a store-conditional keeps the reservation",
        _MEMORY,
        old="with m.Elif(op.kind == MemoryKind.SC):",
        new="with m.Elif((op.kind == MemoryKind.SC) & ~FAULT):",
        programs=("rv64a_lrsc",),
    ),
    Fault(
        "reservation_line",
        "a store-conditional succeeds on any line once one is reserved",
        _MEMORY,
        old="reservation.valid & (reservation.line == line)",
        new="reservation.valid & ((reservation.line == line) | FAULT)",
        programs=("rv64a_lrsc",),
    ),
    Fault(
        "turn_moves",
        "the arbiter's grant moves before it is accepted",
        _TURN,
        old="held.eq(~self.accept)",
        new="held.eq(~self.accept & ~FAULT)",
        units=("tests/bus/test_interconnect.py",),
    ),
    Fault(
        "turn_unfair",
        "the arbiter always begins with the same requester",
        _TURN,
        old="last.eq(self.index),",
        new="last.eq(Mux(FAULT & ~held & self.accept, 0, self.index)),",
        units=("tests/bus/test_interconnect.py",),
    ),
    Fault(
        "arbiter_answers",
        "the arbiter gives read data to the first manager too",
        _ARBITER,
        old="with m.If(bus.rid[low:] == number):",
        new="with m.If((bus.rid[low:] == number) | (FAULT & (number == 0))):",
        units=("tests/bus/test_interconnect.py",),
    ),
    Fault(
        "arbiter_data_twice",
        "the arbiter lets data of a next burst out before the address of this one",
        _ARBITER,
        old="bus.wvalid.eq(manager.wvalid & turn.grant[number] & ~data_sent),",
        new="bus.wvalid.eq(manager.wvalid & turn.grant[number] & (~data_sent | FAULT)),",
        units=("tests/bus/test_interconnect.py",),
    ),
    Fault(
        "arbiter_writer",
        "the arbiter gives the write channels away between address and data",
        _ARBITER,
        old="with m.If(address_sent):\n            m.d.comb += writer",
        new="with m.If(address_sent & ~FAULT):\n            m.d.comb += writer",
        units=("tests/bus/test_interconnect.py",),
    ),
)
