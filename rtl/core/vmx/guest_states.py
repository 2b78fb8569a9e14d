"""What the VMX unit does for the guest: the CSR bitmap, vmfunc, the interrupt file, posted interrupts."""

from contextlib import nullcontext
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.utils import exact_log2

from rtl.core.stages import AmoOp, MemoryKind
from rtl.core.vmx.accesses import BYTE, DOUBLE, Accesses
from rtl.core.vmx.checks import eptp_is_formed, vmid_of
from rtl.core.vmx.fields import INDEX
from rtl.isa.paging import PA_BITS, PAGE_SHIFT
from rtl.isa.xvmx import ExitReason, PostedDescriptor, ProcControl

__all__ = ["GuestStates"]


class GuestStates(Accesses):
    """The part of ``VmxUnit`` that works while V = 1 (docs/xvmx.md, sections 3, 5 and 9)."""

    a: Signal
    b: Signal
    reason: Signal
    checked: Signal
    bitmap_says: Signal
    identified: Signal
    identity: Signal
    due: Signal

    def _proc(self, bit: ProcControl) -> Any:
        raise NotImplementedError

    def _again(self) -> list:
        """What the instruction in execute asks for changes; with the cut it is looked at a cycle later."""
        return [self.due.eq(0)] if self.cut else []

    def _guest_states(self, m: Module) -> None:
        execute, vmcs = self.execute, self.vmcs
        with m.State("BITMAP_READ"):
            m.d.comb += execute.wait.eq(1)
            with m.If(self._single(m, "BITMAP_READ", MemoryKind.LOAD, self.address, BYTE)):
                pair = self.access_data[:8].word_select(execute.csr_number[:2], 2)
                says = (execute.csr_reads & pair[0]) | (execute.csr_writes & pair[1])
                m.d.sync += [self.checked.eq(1), self.bitmap_says.eq(says), *self._again()]
                m.next = "IDLE"
        with m.State("IDENTIFY"):
            # The first word that is not 0, and its first bit.
            value, first = vmcs.value, Signal(64)
            which, place = Signal(2), Signal(6)
            m.d.comb += [
                execute.wait.eq(1),
                vmcs.read.eq(1),
                vmcs.index.eq(INDEX["G_EIP0"] + which),
                first.eq(self.held(value & (-value)[:64])),
            ]
            for n in reversed(range(PostedDescriptor.PIR_WORDS)):
                with m.If(vmcs.pending[n]):
                    m.d.comb += which.eq(n)
            m.d.comb += place.eq(
                Cat(Cat(first[n] for n in range(64) if n >> bit & 1).any() for bit in range(6))
            )
            with m.If(self.held(vmcs.there)) if self.cut else nullcontext():
                m.d.sync += [
                    self.identity.eq(Mux(vmcs.pending.any(), Cat(place, which), 0)),
                    self.word.eq(value & ~first),
                    self.identified.eq(1),
                    *self._again(),
                ]
                m.next = "IDLE"
        self._function_states(m)

    def _function_states(self, m: Module) -> None:
        """vmfunc."""
        vmcs = self.vmcs
        with m.State("FUNCTION"):
            m.d.comb += [vmcs.read.eq(1), vmcs.index.eq(INDEX["EPTP_LIST"])]
            with self._when_read(m):
                m.d.sync += [
                    self.address.eq(Cat(Const(0, 3), self.b[:9], vmcs.value[PAGE_SHIFT:])),
                    self.reason.eq(ExitReason.VMFUNC),
                ]
                with m.If(self.a.any() | self.b[9:].any()):
                    m.next = "REFUSE"
                with m.Else():
                    m.next = "FUNCTION_READ"
        with m.State("FUNCTION_READ"):
            with m.If(self._single(m, "FUNCTION_READ", MemoryKind.LOAD, self.address, DOUBLE)):
                m.d.sync += self.word.eq(self.access_data)
                m.next = "FUNCTION_CHECK"
        with m.State("FUNCTION_CHECK"):
            vmid_lacks = self._proc(ProcControl.VPID) & ~vmid_of(self.word).any()
            with m.If(~eptp_is_formed(self.word) | vmid_lacks):
                m.next = "REFUSE"
            with m.Else():
                m.d.comb += [
                    vmcs.write.eq(1),
                    vmcs.write_index.eq(INDEX["EPTP"]),
                    vmcs.write_value.eq(self.word),
                ]
                m.next = "INVALIDATE"

    def _post_states(self, m: Module) -> None:
        """A notification: ON is cleared, the requests move to the guest's interrupt file."""
        execute, vmcs, csr = self.execute, self.vmcs, self.csr
        keep = ((1 << 64) - 1) ^ PostedDescriptor.ON
        if self.cut:
            with m.State("POST_DESCRIPTOR"):
                m.d.comb += [execute.wait.eq(1), vmcs.read.eq(1), vmcs.index.eq(INDEX["PI_DESC"])]
                with m.If(vmcs.there):
                    m.d.sync += self.address.eq(vmcs.value)
                    m.next = "POST_CONTROL"
        with m.State("POST_CONTROL"):
            m.d.comb += execute.wait.eq(1)
            at = self._descriptor(m) | PostedDescriptor.CONTROL
            m.d.comb += self.request.p.amo.eq(AmoOp.AND)
            with m.If(self._single(m, "POST_CONTROL", MemoryKind.AMO, at, DOUBLE, keep)):
                m.d.comb += csr.acknowledge.eq(1)
                m.next = "POST_REQUESTS"
        with m.State("POST_REQUESTS"):
            word = self.issued[:2]
            m.d.comb += execute.wait.eq(1)
            at = self._descriptor(m) | (PostedDescriptor.PIR + Cat(Const(0, 3), word))
            m.d.comb += self.request.p.amo.eq(AmoOp.SWAP)
            with m.If(self._single(m, "POST_REQUESTS", MemoryKind.AMO, at, DOUBLE)):
                if self.cut:
                    m.d.sync += self.word.eq(self.access_data)
                    m.next = "POST_MERGE"
                else:
                    self._merge(m, self.access_data)
        if self.cut:
            with m.State("POST_MERGE"):
                m.d.comb += [execute.wait.eq(1), vmcs.read.eq(1), vmcs.index.eq(INDEX["G_EIP0"] + word)]
                with m.If(vmcs.there):
                    m.next = "POST_REQUESTS"
                    self._merge(m, self.word)
            with m.State("POST_END"):
                m.d.comb += execute.wait.eq(1)
                with m.If(~vmcs.writing):
                    m.next = "IDLE"

    def _descriptor(self, m: Module) -> Value:
        """Address of the posted-interrupt descriptor, with zeros where its offsets are."""
        if self.cut:
            offset = exact_log2(PostedDescriptor.BYTES)
            return Cat(Const(0, offset), self.address[offset:])
        m.d.comb += [self.vmcs.read.eq(1), self.vmcs.index.eq(INDEX["PI_DESC"])]
        return self.vmcs.value[:PA_BITS]

    def _merge(self, m: Module, requests: Value) -> None:
        """One word of the requests joins the guest's interrupt file."""
        vmcs, word = self.vmcs, self.issued[:2]
        eip = INDEX["G_EIP0"] + word
        m.d.comb += [
            vmcs.index.eq(eip),
            vmcs.write.eq(1),
            vmcs.write_index.eq(eip),
            vmcs.write_value.eq(vmcs.value | requests),
        ]
        m.d.sync += self.issued.eq(self.issued + 1)
        with m.If(word == PostedDescriptor.PIR_WORDS - 1):
            m.d.sync += self.issued.eq(0)
            m.next = "POST_END" if self.cut else "IDLE"
