"""Which of root's registers a VM exit must load from the host group (docs/xvmx.md, section 7)."""

from amaranth.hdl import Module

from rtl.core.vmx.fields import HOST_REGISTERS, INDEX

__all__ = ["bit_of", "watch_root"]


def bit_of(name: str) -> int:
    """Place of a field of the host group in ``VmxUnit.stale``."""
    return [index for index, _ in HOST_REGISTERS].index(INDEX[name])


def watch_root(m: Module, unit) -> None:
    """Note root's registers that may differ from the host group: their field, or they themselves, changed."""
    csr, vmcs, stale, held = unit.csr, unit.vmcs, unit.stale, unit.held
    written, place = held(vmcs.write), held(vmcs.write_index)
    with m.If(written), m.Switch(place):
        for bit, (index, _) in enumerate(HOST_REGISTERS):
            with m.Case(index):
                m.d.sync += stale[bit].eq(1)
    # The unit's own writes come here, too; with the cut they do so a cycle later.
    root_write = csr.root_write & ~csr.write if unit.cut else csr.root_write
    root_number = held(csr.root_number)
    with m.If(held(root_write)):
        for bit, (_, number) in enumerate(HOST_REGISTERS):
            with m.If(root_number == number):
                m.d.sync += stale[bit].eq(1)
        with m.If(root_number[8:10] == 3):  # machine registers: mstatus, mie, mideleg and so on
            m.d.sync += stale.eq(-1)
    with m.If(held(csr.root_changes)):
        m.d.sync += stale[bit_of("H_SSTATUS")].eq(1)
