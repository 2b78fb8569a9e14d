"""The registers of the CSR unit that ``Cuts.execute`` puts into long paths."""

from amaranth.hdl import Module, Signal, Value

__all__ = ["decision", "found_number", "old_value"]


def found_number(m: Module, number: Value) -> Signal:
    """The number of the register that is read, and written: a cycle after the instruction's own."""
    found = Signal(12)
    m.d.sync += found.eq(number)
    return found


def old_value(unit, m: Module, value: Value, dropped: Value) -> Signal:
    """The value that a CSR instruction reads stays while it acts, so that what it writes does not depend on
    the paths by which that was read. Returns whether the write is dropped, which stays, too."""
    kept_dropped = Signal()
    with m.If(~unit.acting):
        m.d.sync += [unit.csr.rdata.eq(value), kept_dropped.eq(dropped)]
    return kept_dropped


def decision(unit, m: Module, values: dict[str, Value]) -> dict[str, Value]:
    """The interrupt to take, and what the VMX unit learns of it, a cycle later; it stays while ``keep``."""
    kept = {name: Signal.like(Value.cast(value), name=f"kept_{name}") for name, value in values.items()}
    with m.If(~unit.keep):
        m.d.sync += [kept[name].eq(value) for name, value in values.items()]
    return dict(kept)
