"""How the VMX unit uses memory, and what becomes of it when memory fails."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal, Value

from rtl.core.stages import MemoryKind
from rtl.core.vmx.slices import Held
from rtl.isa.paging import PA_BITS, PAGE_SHIFT
from rtl.isa.xvmx import VMCS_ABORT_OFFSET, AbortCode

__all__ = ["BYTE", "DOUBLE", "WORD", "Accesses", "page_of"]

BYTE, WORD, DOUBLE = 0, 2, 3
"""Sizes of accesses."""
_ABORT_STATES = {
    "SAVE": AbortCode.WRITE_BACK,
    "CLEAR": AbortCode.WRITE_BACK,
    "REVISION": AbortCode.LOAD,
    "LOAD": AbortCode.LOAD,
    "BITMAP_READ": AbortCode.CSR_BITMAP,
    "FUNCTION_READ": AbortCode.EPTP_LIST,
    "POST_CONTROL": AbortCode.PI_DESC,
    "POST_REQUESTS": AbortCode.PI_DESC,
}


def page_of(address: Value) -> Value:
    """Physical page number."""
    return address[PAGE_SHIFT:PA_BITS]


class Accesses:
    """The part of ``VmxUnit`` that its states for memory share (docs/xvmx.md, sections 4 and 8)."""

    execute: Any
    csr: Any
    fence: Any
    forget: Any
    verdict: Any
    cut: bool
    held: Held
    request: Any
    access_done: Any
    access_fault: Any
    access_data: Any
    vmcs: Any
    settle: Any
    guest: Signal
    in_vmx: Signal
    vmxon_page: Signal
    current: Signal
    current_page: Signal
    launched: Signal
    outstanding: Signal
    result: Signal
    halted: Signal
    exits: Signal
    address: Signal
    waiting: Signal
    issued: Signal
    answered: Signal
    word: Signal
    code: Signal

    def _when_read(self, m: Module) -> AbstractContextManager:
        """What follows happens when ``vmcs.value`` is that of ``vmcs.index``: at once, but for the cut."""
        return m.If(self.vmcs.there) if self.cut else nullcontext()

    def _access(self, m: Module, kind: MemoryKind, address: Value, size: int, data: Value | int = 0) -> None:
        """Offer an access; ``address`` is kept when it is taken."""
        micro = self.request
        m.d.comb += [
            micro.valid.eq(1),
            micro.p.kind.eq(kind),
            micro.p.size.eq(size),
            micro.p.address.eq(address),
            micro.p.data.eq(data),
        ]
        with m.If(micro.ready):
            m.d.sync += self.address.eq(address)

    def _single(self, m: Module, state: str, kind: MemoryKind, address: Value, size: int, data=0) -> Value:
        """One access, and the abort if it fails. Returns whether it is done, in the cycle of the answer."""
        with m.If(~self.waiting):
            self._access(m, kind, address, size, data)
            with m.If(self.request.ready):
                m.d.sync += self.waiting.eq(1)
        with m.Elif(self.access_done):
            m.d.sync += self.waiting.eq(0)
        self._abort_if_failed(m, state)
        return self.access_done

    def _abort_if_failed(self, m: Module, state: str) -> None:
        with m.If(self.access_fault):
            m.d.sync += [self.waiting.eq(0), self.code.eq(_ABORT_STATES[state])]
            m.next = "ABORT"

    def _abort_states(self, m: Module) -> None:
        """Leave a mark in the current VMCS, drop it, and trap to M."""
        execute = self.execute
        with m.State("ABORT"):
            m.d.comb += execute.wait.eq(1)
            m.d.sync += self.word.eq(Cat(Const(0, PAGE_SHIFT), page_of(self.address)))
            with m.If(self.current):
                m.next = "INDICATE"
            with m.Else():
                m.next = "ABORTED"
        with m.State("INDICATE"):
            m.d.comb += execute.wait.eq(1)
            at = Cat(Const(VMCS_ABORT_OFFSET, PAGE_SHIFT), self.current_page)
            with m.If(~self.waiting):
                self._access(m, MemoryKind.STORE, at, WORD, self.code)
                with m.If(self.request.ready):
                    m.d.sync += self.waiting.eq(1)
            with m.Elif(self.access_done | self.access_fault):
                m.d.sync += [self.waiting.eq(0), self.current.eq(0)]
                m.next = "ABORTED"
        with m.State("ABORTED"):
            m.d.comb += [execute.abort.eq(1), execute.address.eq(self.word), execute.wait.eq(0)]
            m.d.sync += [self.outstanding.eq(0), self.issued.eq(0), self.answered.eq(0)]
            with m.If(execute.leaves):
                m.next = "IDLE"
