"""The current VMCS on chip."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from rtl.core.interface import Trap
from rtl.core.vmx.checks import EntryChecks
from rtl.core.vmx.fields import BACKED, COUNT, GROUPS, INDEX, INDEX_BITS, masks
from rtl.core.vmx.record import ExitRecord
from rtl.core.vmx.slices import holder
from rtl.isa.privilege import Privilege
from rtl.isa.xvmx import EventBits, ExitControl, Group, PinControl, PostedDescriptor, ProcControl

__all__ = ["RootWrite", "Vmcs"]

_EIP = INDEX["G_EIP0"]
_VIRQ = INDEX["VIRQ"]
_RECORD, _RECORD_COUNT = GROUPS[Group.READ_ONLY]
_EVENT_VALID, _EVENT_INTERRUPT = (bit.bit_length() - 1 for bit in (EventBits.VALID, EventBits.INTERRUPT))


class RootWrite(data.Struct):
    """A write of a register of root."""

    write: 1
    number: 12
    data: 64


class Vmcs(wiring.Component):
    """Fields by index (``rtl.core.vmx.fields``). One is read and one written per cycle; a backed one passes
    through the CSR unit. Writes are masked as vmwrite masks (docs/xvmx.md, section 4).

    With ``cut`` a read takes four cycles, one of a backed field six, and a write takes effect one cycle
    later, in the flip-flops and in backed fields two.

    Parameters
    ----------
    cut: put registers behind what is asked, and behind what is read (``Cuts.vmx``)

    Members
    -------
    there: (with ``cut``) ``value`` is that of ``index``, which must not have changed since ``read`` went up,
        or since ``there`` was up without ``hold``
    hold: (with ``cut``) ``there`` stays
    writing: (with ``cut``) a write has not taken effect everywhere
    root: (with ``cut``) a register of root is written a cycle later, by the way of backed fields
    index, value: read, combinational; ``read`` says that ``value`` is looked at
    write, write_index, write_value: written at the end of the cycle
    csr_number, csr_read, csr_value, csr_write, csr_data: registers of the CSR unit
    exits, trap, acknowledged, code: a VM exit begins; see ExitRecord
    loaded: all fields come from memory now, those of the last exit too
    nos2, sie: second stage removed; G_SSTATUS.SIE
    pin, proc, leaving, exception_bitmap: controls
    event_valid, event_interrupt, event_code: ENTRY_EVENT
    supervisor, waits: G_PRIV is 1; G_ACTIVITY is 1
    pending: which words of the guest's interrupt file are not 0
    drained: the first of those becomes 0 at the end of this cycle
    ask, controls_bad, host_bad, guest_bad: an entry must fail
    reason, interrupt, failed: the last exit, as ExitRecord says
    """

    def __init__(self, cut: bool = False) -> None:
        self.cut = cut
        super().__init__(
            {
                **({"hold": In(1), "there": Out(1), "writing": Out(1), "root": In(RootWrite)} if cut else {}),
                "index": In(INDEX_BITS),
                "read": In(1),
                "value": Out(64),
                "write": In(1),
                "write_index": In(INDEX_BITS),
                "write_value": In(64),
                "csr_number": Out(12),
                "csr_read": Out(1),
                "csr_value": In(64),
                "csr_write": Out(1),
                "csr_data": Out(64),
                "exits": In(1),
                "trap": In(Trap),
                "acknowledged": In(1),
                "code": In(6),
                "loaded": In(1),
                "nos2": In(1),
                "sie": In(1),
                "pin": Out(3),
                "proc": Out(14),
                "leaving": Out(2),
                "exception_bitmap": Out(64),
                "event_valid": Out(1),
                "event_interrupt": Out(1),
                "event_code": Out(6),
                "supervisor": Out(1),
                "waits": Out(1),
                "pending": Out(PostedDescriptor.PIR_WORDS),
                "drained": In(1),
                "ask": In(1),
                "controls_bad": Out(1),
                "host_bad": Out(1),
                "guest_bad": Out(1),
                "reason": Out(6),
                "interrupt": Out(1),
                "failed": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.words = words = memory.Memory(shape=64, depth=COUNT, init=[])
        m.submodules.checks = checks = EntryChecks()
        m.submodules.record = record = ExitRecord()
        read, write = words.read_port(domain="comb"), words.write_port()
        masked = Signal(64)
        self.held = held = holder(m, self.cut)
        self.read_now, self.index_now = held(self.read), held(self.index)
        self.write_now, self.index_written = held(self.write), held(self.write_index)
        self.value_written = held(self.write_value)
        m.d.comb += [
            read.addr.eq(self.index_now),
            write.addr.eq(self.index_written),
            write.data.eq(masked),
            write.en.eq(self.write_now),
        ]
        self._backed(m)
        self._masks(m, masked)
        written, index_copied, copied = held(self.write_now), held(self.index_written), held(masked)
        self._copies(m, written, index_copied, copied)
        self._record(m, record)
        value, index = Signal(64) if self.cut else self.value, self.index_now
        m.d.comb += [value.eq(read.data)]
        with m.If(self.read_now):
            if not self.cut:
                with m.If(self.csr_read):
                    m.d.comb += value.eq(Mux(index == _VIRQ, self.csr_value >> 1, self.csr_value))
            exited = Signal()
            in_record = (index > _RECORD) & (index < _RECORD + _RECORD_COUNT)
            with m.If(exited & in_record):
                m.d.comb += value.eq(record.value)
        if self.cut:
            self._later(m, value)
        with m.If(self.exits):
            m.d.sync += exited.eq(1)
        with m.If(self.loaded):
            m.d.sync += exited.eq(0)
        m.d.comb += [
            checks.write.eq(written),
            checks.index.eq(index_copied),
            checks.value.eq(copied),
            checks.nos2.eq(self.nos2),
            checks.sie.eq(self.sie),
            checks.ask.eq(self.ask),
            checks.user.eq(~self.supervisor),
            *(
                getattr(checks, name).eq(getattr(self, name))
                for name in ("pin", "proc", "leaving", "event_valid", "event_interrupt")
            ),
            *(
                getattr(self, name).eq(getattr(checks, name))
                for name in ("controls_bad", "host_bad", "guest_bad")
            ),
        ]
        return m

    def _later(self, m: Module, found: Value) -> None:
        """With the cut: what is ``found`` in the memory and in the record, or what the CSR unit gives."""
        age = Signal(3)
        from_csr, is_virq = self.held(self.csr_read), self.held(self.held(self.index_now == _VIRQ))
        value, csr_value = self.held(found), self.held(self.csr_value)
        m.d.comb += [
            self.there.eq((age == 5) | ((age == 3) & ~from_csr)),
            self.writing.eq(self.write_now | self.held(self.write_now)),
            self.value.eq(Mux(from_csr, Mux(is_virq, csr_value >> 1, csr_value), value)),
        ]
        with m.If(~self.read | (self.there & ~self.hold)):
            m.d.sync += age.eq(0)
        with m.Elif(~self.there):
            m.d.sync += age.eq(age + 1)

    def _backed(self, m: Module) -> None:
        """Lead accesses of backed fields to the CSR unit; VIRQ stands one bit higher in hvip."""
        index = Signal(INDEX_BITS)
        backed = Signal()
        number = Signal(12) if self.cut else self.csr_number
        m.d.comb += index.eq(Mux(self.write_now, self.index_written, self.index_now))
        with m.If(self.write_now | self.read_now), m.Switch(index):
            for each, register in BACKED.items():
                with m.Case(each):
                    m.d.comb += [backed.eq(1), number.eq(register)]
        data = Mux(index == _VIRQ, self.value_written << 1, self.value_written)
        writes = backed & self.write_now
        if self.cut:
            root = self.root
            m.d.comb += self.csr_number.eq(self.held(Mux(root.write, root.number, number)))
            data, writes = Mux(root.write, root.data, data), writes | root.write
        m.d.comb += [
            self.csr_read.eq(self.held(backed & ~self.write_now)),
            self.csr_write.eq(self.held(writes)),
            self.csr_data.eq(self.held(data)),
        ]

    def _masks(self, m: Module, masked: Signal) -> None:
        value = self.value_written
        m.d.comb += masked.eq(value)
        with m.If(self.write_now), m.Switch(self.index_written):
            for index, (taken, fixed) in masks().items():
                with m.Case(index):
                    m.d.comb += masked.eq(value & taken | fixed)

    def _copies(self, m: Module, written: Value, index: Value, masked: Signal) -> None:
        """Flip-flops beside the memory."""
        pin, proc, leaving = Signal(len(PinControl)), Signal(len(ProcControl)), Signal(len(ExitControl))
        bitmap = Signal(64)
        event = Signal(6)
        valid, interrupt, supervisor, waits = Signal(), Signal(), Signal(), Signal()
        pending = Signal(PostedDescriptor.PIR_WORDS)
        m.d.comb += [
            self.pin.eq(pin),
            self.proc.eq(proc),
            self.leaving.eq(leaving),
            self.exception_bitmap.eq(bitmap),
            self.event_valid.eq(valid),
            self.event_interrupt.eq(interrupt),
            self.event_code.eq(event),
            self.supervisor.eq(supervisor),
            self.waits.eq(waits),
            self.pending.eq(pending),
        ]
        copies = {
            "PIN_CTLS": [(pin, masked)],
            "PROC_CTLS": [(proc, masked)],
            "EXIT_CTLS": [(leaving, masked)],
            "EXCEPTION_BITMAP": [(bitmap, masked)],
            "ENTRY_EVENT": [
                (event, masked),
                (valid, masked[_EVENT_VALID]),
                (interrupt, masked[_EVENT_INTERRUPT]),
            ],
            "G_PRIV": [(supervisor, masked[0])],
            "G_ACTIVITY": [(waits, masked[0])],
            **{f"G_EIP{n}": [(pending[n], masked.any())] for n in range(PostedDescriptor.PIR_WORDS)},
        }
        with m.If(self.drained):
            m.d.sync += pending.eq(pending & (pending - 1)[: len(pending)])
        with m.If(written), m.Switch(index):
            for name, targets in copies.items():
                with m.Case(INDEX[name]):
                    m.d.sync += [target.eq(value) for target, value in targets]
        assert Privilege.S == 1

    def _record(self, m: Module, record: ExitRecord) -> None:
        m.d.comb += [
            record.take.eq(self.exits),
            record.trap.eq(self.trap),
            record.acknowledged.eq(self.acknowledged),
            record.code.eq(self.code),
            record.index.eq(Mux(self.read_now, self.index_now, 0)),
            self.reason.eq(record.reason),
            self.interrupt.eq(record.interrupt),
            self.failed.eq(record.failed),
        ]
