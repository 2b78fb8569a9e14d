"""Faults of the bus, of reservations, caches and devices."""

from cosim.mutation.fault import Fault

__all__ = ["BUS_FAULTS"]

_ARBITER, _TURN, _MEMORY = "rtl/bus/arbiter.py", "rtl/bus/round_robin.py", "rtl/core/memory/memory.py"
_ARRAYS, _DCACHE, _ICACHE = "rtl/cache/arrays.py", "rtl/cache/dcache.py", "rtl/cache/icache.py"
_PLIC = "rtl/platform/plic.py"

BUS_FAULTS = (
    Fault(
        "reservation_snoop",
        "a write of another master does not end a reservation",
        _MEMORY,
        old="(self.snoop_valid & (self.snoop_paddr",
        new="(~FAULT & self.snoop_valid & (self.snoop_paddr",
        units=("tests/formal/test_proofs.py::test_proof_holds[reservation:ReservationProof]",),
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
        units=("tests/formal/test_proofs.py::test_proof_holds[arbiter:ArbiterProof]",),
    ),
    Fault(
        "arbiter_writer",
        "the arbiter gives the write channels away between address and data",
        _ARBITER,
        old="with m.If(address_sent):\n            m.d.comb += writer",
        new="with m.If(address_sent & ~FAULT):\n            m.d.comb += writer",
        units=("tests/bus/test_interconnect.py",),
    ),
    Fault(
        "dirty",
        "a store does not mark its line dirty",
        _ARRAYS,
        old="write.data.eq(self.dirty | self.dirty_ways)",
        new="write.data.eq(self.dirty | Mux(FAULT, 0, self.dirty_ways))",
        programs=("memory_stress", "zifencei"),
        units=("tests/cache/test_dcache.py",),
    ),
    Fault(
        "snoop",
        "the data cache does not tell of DMA's writes",
        _DCACHE,
        old="self.snoop.valid.eq(store &",
        new="self.snoop.valid.eq(~FAULT & store &",
        units=("tests/cache/test_dcache.py",),
    ),
    Fault(
        "lock",
        "the data cache lets others write between an AMO's read and write",
        _DCACHE,
        old="self._locked.eq(self.cpu.op == CacheOp.READ)",
        new="self._locked.eq((self.cpu.op == CacheOp.READ) & ~FAULT)",
        units=("tests/cache/test_dcache.py",),
    ),
    Fault(
        "clean_starves",
        "a line is not cleaned while the hart offers its next access",
        _DCACHE,
        old="may_index & ~waits)",
        new="may_index & (~waits | FAULT))",
        programs=("fetch_dirty_line",),
        units=("tests/cache/test_dcache.py",),
    ),
    Fault(
        "stale_fill",
        "a line that was not current in memory stays in the instruction cache",
        _ICACHE,
        old="Mux(swapped, _Miss.DROP, _Miss.NONE)",
        new="Mux(swapped & ~FAULT, _Miss.DROP, _Miss.NONE)",
        programs=("zifencei",),
        units=("tests/cache/test_icache.py",),
    ),
    Fault(
        "flush_fill",
        "fence.i spares the line that is just being filled",
        _ICACHE,
        old="fill.kill.eq(fetch.flush |",
        new="fill.kill.eq((fetch.flush & ~FAULT) |",
        programs=("zifencei",),
        units=("tests/cache/test_icache.py",),
    ),
    Fault(
        "plic_claim",
        "a claimed interrupt stays pending",
        _PLIC,
        old="& ~self._claimed)",
        new="& ~Mux(FAULT, 0, self._claimed))",
        units=("tests/platform/test_plic.py",),
    ),
    Fault(
        "plic_threshold",
        "a priority equal to the threshold interrupts",
        _PLIC,
        old="self.lines[c].eq(priority > self._thresholds[c]),",
        new="self.lines[c].eq(priority + FAULT > self._thresholds[c]),",
        units=("tests/platform/test_plic.py",),
    ),
)
