"""The registers of the CSR unit that ``Cuts.execute`` puts into long paths."""

from amaranth.hdl import Module, Mux, Signal, Value

from rtl.core.csr.registers import Level

__all__ = ["decision", "found_number", "handler", "old_value", "read_in_steps"]


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


def read_in_steps(m: Module, number: Value, groups: dict[int, dict[int, Value]], value: Value) -> None:
    """``value``: of the register that had this number in the cycle before. ``groups``: by the number's upper
    four bits, registers by the lower eight. In the first cycle there is a choice in each group, in the second
    one of the groups."""
    chosen = Signal(4)
    m.d.sync += chosen.eq(number[8:])
    founds = {group: Signal(64, name=f"value_{group:x}") for group in groups}
    for group, registers in groups.items():
        m.d.sync += founds[group].eq(0)
        with m.Switch(number[:8]):
            for each, register in registers.items():
                with m.Case(each):
                    m.d.sync += founds[group].eq(register)
    with m.Switch(chosen):
        for group, found in founds.items():
            with m.Case(group):
                m.d.comb += value.eq(found)


def handler(unit, m: Module, delegation) -> tuple[Value, Value]:
    """Level and code of the trap: as delegation says, or as it said in the cycle before, if traps stand that
    long: the memory stage's do with ``Cuts.memory``, and those of execute with ``Cuts.execute``."""
    if not unit.config.cuts.execute or unit.config.cuts.late_vectors:
        return delegation.level, delegation.code
    level, code = Signal(Level, name="trap_level"), Signal(6, name="trap_code")
    m.d.sync += [level.eq(delegation.level), code.eq(delegation.code)]
    return level, code


def decision(unit, m: Module, values: dict[str, Value]) -> dict[str, Value]:
    """The interrupt to take, and what the VMX unit learns of it, a cycle later. It stays while ``keep``, and
    for the VMX unit while what it led to acts."""
    kept = {name: Signal.like(Value.cast(value), name=f"kept_{name}") for name, value in values.items()}
    with m.If(~unit.keep):
        m.d.sync += [kept[name].eq(value) for name, value in values.items()]
    told: dict[str, Value] = dict(kept)
    for name in ("physical", "code"):
        acted_on = Signal.like(kept[name], name=f"acted_on_{name}")
        with m.If(~unit.acting):
            m.d.sync += acted_on.eq(kept[name])
        told[name] = Mux(unit.acting, acted_on, kept[name])
    return told
