"""What a VM entry asks of the fields (docs/xvmx.md, section 6): a bit per field, found when it is written."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from rtl.core.vmx.fields import INDEX, INDEX_BITS
from rtl.isa.causes import Interrupt
from rtl.isa.csrs import CSRS
from rtl.isa.paging import PA_BITS, AtpMode
from rtl.isa.xvmx import (
    EVENT_EXCEPTIONS,
    EVENT_INTERRUPTS,
    EventBits,
    ExitControl,
    PinControl,
    ProcControl,
)

__all__ = ["EntryChecks", "eptp_is_formed", "is_address", "vmid_of"]


def is_address(value: Value, alignment: int) -> Value:
    """A physical address that is a multiple of ``alignment`` (a power of two)."""
    return ~(value[PA_BITS:].any() | value[: exact_log2(alignment)].any())


def eptp_is_formed(value: Value) -> Value:
    """An EPTP, its VMID apart: Sv39x4, a root table of 16 KiB."""
    mode = CSRS["hgatp"].field("MODE").lo
    return (value[mode:] == AtpMode.SV39) & ~(value[58:mode].any() | value[:2].any())


def vmid_of(value: Value) -> Value:
    """The VMID of an EPTP: the VPID."""
    field = CSRS["hgatp"].field("VMID")
    return value[field.lo : field.hi + 1]


def _atp_is_bad(value: Value) -> Value:
    return ~value[CSRS["satp"].field("MODE").lo :].matches(*(int(mode) for mode in AtpMode))


def _unknown(value: Value, flags: type) -> Value:
    return value[sum(flags).bit_length() :].any()


def _event_is_bad(value: Value) -> Value:
    interrupt = EventBits.INTERRUPT.bit_length() - 1
    code = value[:6]
    exceptions = [n for n in range(64) if EVENT_EXCEPTIONS >> n & 1]
    interrupts = [n for n in range(64) if EVENT_INTERRUPTS >> n & 1]
    allowed = (value[interrupt] & code.matches(*interrupts)) | (~value[interrupt] & code.matches(*exceptions))
    return value[6:interrupt].any() | ~allowed


_BAD = {
    "PIN_CTLS": lambda value: _unknown(value, PinControl),
    "PROC_CTLS": lambda value: _unknown(value, ProcControl),
    "EXIT_CTLS": lambda value: _unknown(value, ExitControl),
    "ENTRY_CTLS": lambda value: value.any(),
    "CSR_BITMAP": lambda value: ~is_address(value, 1024),
    "EPTP": lambda value: ~eptp_is_formed(value),
    "EPTP_LIST": lambda value: ~is_address(value, 4096),
    "PI_DESC": lambda value: ~is_address(value, 64),
    "PI_VECTOR": lambda value: value != Interrupt.SSI,
    "ENTRY_EVENT": _event_is_bad,
    "G_PC": lambda value: value[0],
    "G_PRIV": lambda value: value[1:].any(),
    "G_SATP": _atp_is_bad,
    "G_ACTIVITY": lambda value: value[1:].any(),
    "G_INTERRUPTIBILITY": lambda value: value.any(),
    "H_PC": lambda value: value[0],
    "H_SATP": _atp_is_bad,
}
"""Field -> whether a value of it can never be entered with (if it is in use)."""


class EntryChecks(wiring.Component):
    """Members
    -------
    write, index, value: a field gets this value at the end of this cycle
    pin, proc, leaving: controls
    nos2: there is no second stage
    event_valid, event_interrupt: of ENTRY_EVENT
    user, sie: G_PRIV is 0; G_SSTATUS.SIE
    ask: look at the result
    controls_bad, host_bad, guest_bad: an entry must fail
    """

    write: In(1)
    index: In(INDEX_BITS)
    value: In(64)
    pin: In(3)
    proc: In(14)
    leaving: In(2)
    nos2: In(1)
    event_valid: In(1)
    event_interrupt: In(1)
    user: In(1)
    sie: In(1)
    ask: In(1)
    controls_bad: Out(1)
    host_bad: Out(1)
    guest_bad: Out(1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        flags = Signal(len(_BAD) + 1, name="bad", init=-1)
        bad = {name: flags[n] for n, name in enumerate(_BAD)}
        no_vmid = flags[len(_BAD)]
        with m.If(self.write), m.Switch(self.index):
            for name, rule in _BAD.items():
                with m.Case(INDEX[name]):
                    m.d.sync += bad[name].eq(rule(self.value))
                    if name == "EPTP":
                        m.d.sync += no_vmid.eq(~vmid_of(self.value).any())
        with m.If(self.nos2):  # EPTP is zero
            m.d.sync += [bad["EPTP"].eq(1), no_vmid.eq(1)]

        def on(control: PinControl | ProcControl | ExitControl) -> Value:
            word = {PinControl: self.pin, ProcControl: self.proc, ExitControl: self.leaving}[type(control)]
            return word[control.bit_length() - 1]

        unfit = {
            ExitControl.SAVE_PREEMPT: ~on(PinControl.PREEMPT),
            PinControl.POSTED: ~on(PinControl.EXTINT)
            | ~on(ExitControl.ACK)
            | bad["PI_VECTOR"]
            | bad["PI_DESC"],
            ProcControl.CSRBM: bad["CSR_BITMAP"],
            ProcControl.EPT: self.nos2 | bad["EPTP"],
            ProcControl.VPID: self.nos2 | no_vmid,
            ProcControl.VMFUNC: ~on(ProcControl.EPT) | bad["EPTP_LIST"],
        }
        controls_bad = self.event_valid & bad["ENTRY_EVENT"]
        for name in ("PIN_CTLS", "PROC_CTLS", "EXIT_CTLS", "ENTRY_CTLS"):
            controls_bad = controls_bad | bad[name]
        for control, why in unfit.items():
            controls_bad = controls_bad | (on(control) & why)
        guest_bad = self.event_valid & self.event_interrupt & ~self.user & ~self.sie
        for name in ("G_PC", "G_PRIV", "G_SATP", "G_ACTIVITY", "G_INTERRUPTIBILITY"):
            guest_bad = guest_bad | bad[name]
        with m.If(self.ask):  # so that the simulator looks only then
            m.d.comb += [
                self.controls_bad.eq(controls_bad),
                self.host_bad.eq(bad["H_PC"] | bad["H_SATP"]),
                self.guest_bad.eq(guest_bad),
            ]
        return m
