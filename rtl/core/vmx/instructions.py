"""The sequencer of the VMX unit: what each instruction does, and the unit's accesses to memory."""

from contextlib import nullcontext

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from rtl.core.stages import MemoryKind
from rtl.core.vmx.accesses import DOUBLE, WORD, page_of
from rtl.core.vmx.checks import eptp_is_formed, is_address
from rtl.core.vmx.fields import COUNT, GROUPS, INDEX, INDEX_BITS
from rtl.core.vmx.interface import VmxOp
from rtl.core.vmx.requests import Requests
from rtl.isa.paging import PA_BITS, PAGE_SHIFT, VMID_BITS
from rtl.isa.xvmx import (
    REVISION,
    VMCS_LAUNCH_OFFSET,
    VMCS_REVISION_OFFSET,
    AbortCode,
    ExitReason,
    Group,
    Invept,
    Invvpid,
    VmError,
)

__all__ = ["Instructions"]

_WORDS = 1 + COUNT
"""Doublewords of a VMCS in memory that are moved: the launch state, then the fields."""


class Instructions(Requests):
    """The part of ``VmxUnit`` that is a state machine (docs/xvmx.md, sections 3, 8 and 9).

    A state that uses memory issues one access after the other and looks at the answers; a failure leads
    it to a VMX abort.
    """

    def _sequence(self, m: Module) -> None:
        self.a, self.b = Signal(64), Signal(64)
        """Operands of the instruction in execute."""
        self.address = Signal(PA_BITS)
        """Of the access under way, or the last one."""
        self.waiting = Signal()
        """An access has been issued and not answered (for states that make one at a time)."""
        self.issued, self.answered = Signal(range(_WORDS + 1)), Signal(range(_WORDS + 1))
        self.word = Signal(64)
        self.code = Signal(range(max(AbortCode) + 1))
        self.reason = Signal(6)
        self.checked, self.bitmap_says, self.identified = Signal(), Signal(), Signal()
        self.fails, self.stores = Signal(), Signal()
        """With the cut: the instruction writes INSTR_ERROR, or a field, when it is done."""
        self.due = Signal()
        """With the cut: the unit begins with the instruction in execute as soon as nothing is older."""
        self.identity = Signal(8)
        self._requests(m)
        # Everything below is behind a bit that is up only with something to do, or with V = 1: the simulator
        # need not look at it.
        awake = Signal()
        if self.cut:
            self._which_field(m)
        with nullcontext() if self.cut else m.If(awake):
            m.d.comb += [self.a.eq(self.execute.a), self.b.eq(self.execute.b)]
            with m.FSM(name="vmx") as machine:
                with m.State("IDLE"):
                    self._idle(m)
                if self.cut:
                    with m.State("BEGIN"):
                        self._begin(m)
                self._region_states(m)
                self._transfer_states(m)
                self._exit_states(m)
                self._entry_states(m)
                self._guest_states(m)
                self._post_states(m)
                self._ends(m)
        if not self.cut:
            wanted = self.execute.instruction & self.execute.valid
            m.d.comb += awake.eq(~machine.ongoing("IDLE") | self.guest | wanted)

    # --- parts of states ---------------------------------------------------------------------------------

    def _finish(self, m: Module, result: Value | int) -> None:
        m.d.sync += self.result.eq(result)
        m.next = "DONE"

    def _fail(self, m: Module, error: VmError) -> None:
        """VMfailValid, or VMfailInvalid without a current VMCS."""
        vmcs = self.vmcs
        self._finish(m, Mux(self.current, error, (1 << 64) - 1))
        if self.cut:
            m.d.sync += self.fails.eq(self.current)
            return
        with m.If(self.current):
            m.d.comb += [
                vmcs.write.eq(1),
                vmcs.write_index.eq(INDEX["INSTR_ERROR"]),
                vmcs.write_value.eq(error),
            ]

    # --- what is to be done ------------------------------------------------------------------------------

    def _idle(self, m: Module) -> None:
        execute, vmcs = self.execute, self.vmcs
        ready = execute.clear & ~self.settle.busy
        if self.cut:
            ready = execute.clear & self.held(~self.settle.busy & ~vmcs.writing)
        with m.If(self.wants_post & ready):
            m.d.sync += [self.issued.eq(0)]
            m.next = "POST_DESCRIPTOR" if self.cut else "POST_CONTROL"
        with m.Elif(execute.valid & ready & ~self.halted):
            if self.cut:
                # From here on no interrupt comes before the instruction, and nothing older is left.
                with m.If(self.due):
                    m.d.comb += execute.begun.eq(1)
                    m.next = "BEGIN"
            else:
                self._begin(m)
        # Nothing of the above can be at the same time. That what is read must not depend on an exit keeps the
        # logic free of loops: an entry's event, which is read, is a trap too.
        with m.If(self.exiting):
            m.next = "EXIT"

    def _begin(self, m: Module) -> None:
        """What the unit has to do for the instruction in execute."""
        execute, vmcs = self.execute, self.vmcs
        if self.cut:
            begins, begun = execute.instruction, 0
            wants_bitmap, wants_identity = self.held(self.wants_bitmap), Const(1)
            field = Mux(begins, self.held(self.field), INDEX["CSR_BITMAP"])
            m.d.comb += vmcs.index.eq(field)  # the only ones that are read in this state
        else:
            begins, begun = execute.instruction & ~execute.illegal & ~execute.exit, 1
            wants_bitmap, wants_identity = self.wants_bitmap, self.wants_identity
        with m.If(begins):
            m.d.comb += execute.begun.eq(begun)
            self._dispatch(m)
        with m.Elif(wants_bitmap):
            m.d.comb += [execute.begun.eq(begun), vmcs.read.eq(1)]
            if not self.cut:
                m.d.comb += vmcs.index.eq(INDEX["CSR_BITMAP"])
            with self._when_read(m):
                m.d.sync += self.address.eq(self.vmcs.value + execute.csr_number[2:])
                m.next = "BITMAP_READ"
        with m.Elif(wants_identity):
            m.d.comb += execute.begun.eq(begun)
            m.next = "IDENTIFY"

    def _dispatch(self, m: Module) -> None:
        execute = self.execute
        a, b = self.a, self.b
        bad_address = self.held(~is_address(a, 1 << PAGE_SHIFT))
        is_vmxon_region = self.held(page_of(a) == self.vmxon_page)
        is_current = self.held(self._is_current(a))
        with m.Switch(execute.op):
            with m.Case(VmxOp.VMXON):
                with m.If(self.in_vmx):
                    self._fail(m, VmError.VMXON_IN_VMX)
                with m.Elif(bad_address):
                    self._finish(m, -1)
                with m.Else():
                    m.next = "REVISION"
            with m.Case(VmxOp.VMXOFF):
                m.d.sync += [self.in_vmx.eq(0), self.current.eq(0)]
                self._finish(m, 0)
            with m.Case(VmxOp.VMCLEAR, VmxOp.VMPTRLD):
                clear = execute.op == VmxOp.VMCLEAR
                m.d.sync += [self.issued.eq(0), self.answered.eq(0)]
                with m.If(bad_address & clear):
                    self._fail(m, VmError.VMCLEAR_ADDRESS)
                with m.Elif(is_vmxon_region & clear):
                    self._fail(m, VmError.VMCLEAR_VMXON_POINTER)
                with m.Elif(bad_address):
                    self._fail(m, VmError.VMPTRLD_ADDRESS)
                with m.Elif(is_vmxon_region):
                    self._fail(m, VmError.VMPTRLD_VMXON_POINTER)
                with m.Elif(~clear):
                    m.next = "REVISION"
                with m.Elif(is_current):
                    m.d.sync += self.launched.eq(0)
                    m.next = "SAVE"
                with m.Else():
                    m.next = "CLEAR"
            with m.Case(VmxOp.VMPTRST):
                pointer = Cat(Const(0, PAGE_SHIFT), self.current_page, Const(0, 64 - PA_BITS))
                self._finish(m, Mux(self.current, pointer, (1 << 64) - 1))
            with m.Case(VmxOp.VMREAD, VmxOp.VMWRITE):
                self._field(m)
            with m.Case(VmxOp.VMLAUNCH, VmxOp.VMRESUME):
                self._entry(m, execute.op == VmxOp.VMRESUME)
            with m.Case(VmxOp.VMFUNC):
                m.next = "FUNCTION"
            with m.Case(VmxOp.INVEPT):
                one = (a == Invept.CONTEXT) & eptp_is_formed(b)
                with m.If(self.held(one | (a == Invept.ALL))):
                    m.next = "INVALIDATE"
                with m.Else():
                    self._fail(m, VmError.INVALIDATE_OPERAND)
            with m.Case(VmxOp.INVVPID):
                every = a[:2] == Invvpid.ALL
                legal = every | (a[16 : 16 + VMID_BITS].any() & ~a[16 + VMID_BITS : 32].any())
                with m.If(self.held(legal & ~a[2:16].any() & ~a[32:].any())):
                    m.next = "INVALIDATE"
                with m.Else():
                    self._fail(m, VmError.INVALIDATE_OPERAND)

    def _is_current(self, address: Value) -> Value:
        return self.current & (self.current_page == page_of(address))

    def _field(self, m: Module) -> None:
        """vmread and vmwrite."""
        execute, vmcs = self.execute, self.vmcs
        if not self.cut:
            self._which_field(m)
        known, read_only, field = self.held(self.known), self.held(self.read_only), self.held(self.field)
        writes = execute.op == VmxOp.VMWRITE
        with m.If(~self.current | ~known):
            self._fail(m, VmError.UNKNOWN_FIELD)
        with m.Elif(~writes):
            m.d.comb += vmcs.read.eq(1)
            if not self.cut:
                m.d.comb += vmcs.index.eq(field)
            with self._when_read(m):
                self._finish(m, vmcs.value)
        with m.Elif(read_only):
            self._fail(m, VmError.READ_ONLY_FIELD)
        with m.Else():
            if self.cut:
                m.d.sync += self.stores.eq(1)
            else:
                m.d.comb += [
                    vmcs.write.eq(1),
                    vmcs.write_index.eq(field),
                    vmcs.write_value.eq(self.b),
                ]
            self._finish(m, 0)

    def _write_last(self, m: Module) -> Value:
        """With the cut: what the instruction writes to the VMCS. Returns whether it has done so."""
        vmcs = self.vmcs
        writes = self.fails | self.stores
        with m.If(writes):
            m.d.comb += [
                vmcs.write.eq(1),
                vmcs.write_index.eq(Mux(self.fails, INDEX["INSTR_ERROR"], self.held(self.field))),
                vmcs.write_value.eq(Mux(self.fails, self.result, self.b)),
            ]
            m.d.sync += [self.fails.eq(0), self.stores.eq(0)]
        return ~writes & ~vmcs.writing

    def _which_field(self, m: Module) -> None:
        """Field of vmread or vmwrite: whether there is one, whether it is read-only, its index."""
        a = self.a
        self.known, self.read_only = Signal(name="known"), Signal(name="read_only")
        self.field = Signal(INDEX_BITS)
        m.d.comb += self.read_only.eq(a[8:10] == Group.READ_ONLY >> 8)
        with m.Switch(a[8:10]):
            for group, (base, count) in GROUPS.items():
                with m.Case(group >> 8):
                    m.d.comb += [
                        self.known.eq(~a[10:].any() & (a[:8] < count)),
                        self.field.eq(base + a[:INDEX_BITS]),
                    ]

    def _entry(self, m: Module, resumes: Value) -> None:
        vmcs = self.vmcs
        if not self.cut:
            m.d.comb += vmcs.ask.eq(1)
        with m.If(~self.current):
            self._finish(m, -1)
        with m.Elif(resumes & ~self.launched):
            self._fail(m, VmError.VMRESUME_NOT_LAUNCHED)
        with m.Elif(~resumes & self.launched):
            self._fail(m, VmError.VMLAUNCH_NOT_CLEAR)
        with m.Elif(self.held(vmcs.controls_bad)):
            self._fail(m, VmError.ENTRY_CONTROLS)
        with m.Elif(self.held(vmcs.host_bad)):
            self._fail(m, VmError.ENTRY_HOST_STATE)
        with m.Elif(self.held(vmcs.guest_bad)):
            m.d.sync += self.reason.eq(ExitReason.ENTRY_FAIL)
            m.next = "REFUSE"
        with m.Else():
            m.next = "STACK"

    # --- memory ------------------------------------------------------------------------------------------

    def _region_states(self, m: Module) -> None:
        """Single words of a region that is not the current VMCS."""
        execute = self.execute
        page = page_of(self.a)
        with m.State("REVISION"):
            at = Cat(Const(VMCS_REVISION_OFFSET, PAGE_SHIFT), page)
            with m.If(self._single(m, "REVISION", MemoryKind.LOAD, at, WORD)):
                matches = self.access_data[:32] == REVISION
                with m.If(execute.op == VmxOp.VMXON):
                    with m.If(matches):
                        m.d.sync += [self.in_vmx.eq(1), self.vmxon_page.eq(page), self.current.eq(0)]
                    self._finish(m, Mux(matches, 0, (1 << 64) - 1))
                with m.Elif(~matches):
                    self._fail(m, VmError.VMPTRLD_REVISION)
                with m.Elif(self.held(self._is_current(self.a))):
                    self._finish(m, 0)
                with m.Elif(self.current):
                    m.next = "SAVE"
                with m.Else():
                    m.next = "LOAD"
        with m.State("CLEAR"):
            at = Cat(Const(VMCS_LAUNCH_OFFSET, PAGE_SHIFT), page)
            with m.If(self._single(m, "CLEAR", MemoryKind.STORE, at, DOUBLE)):
                self._finish(m, 0)

    def _transfer_states(self, m: Module) -> None:
        """The whole VMCS, one doubleword per cycle as long as the data cache answers at once."""
        execute, vmcs = self.execute, self.vmcs
        issued, answered = self.issued, self.answered
        place = Signal(PAGE_SHIFT)
        m.d.comb += place.eq(VMCS_LAUNCH_OFFSET + Cat(Const(0, 3), issued))
        last = self.access_done & (answered == _WORDS - 1)
        for state, page in (("SAVE", self.current_page), ("LOAD", page_of(self.a))):
            saves = state == "SAVE"
            with m.State(state):
                with m.If(issued != _WORDS):
                    data: Value | int = 0
                    if saves:
                        m.d.comb += [vmcs.read.eq(1), vmcs.index.eq(issued - 1)]
                        data = Mux(issued == 0, self.launched, vmcs.value)
                    kind = MemoryKind.STORE if saves else MemoryKind.LOAD
                    if saves and self.cut:
                        m.d.comb += vmcs.hold.eq(~self.request.ready)
                    with self._when_read(m) if saves else nullcontext():
                        self._access(m, kind, Cat(place, page), DOUBLE, data)
                        with m.If(self.request.ready):
                            m.d.sync += issued.eq(issued + 1)
                with m.If(self.access_done):
                    m.d.sync += answered.eq(answered + 1)
                    if not saves:
                        with m.If(answered == 0):
                            m.d.sync += self.launched.eq(self.access_data[0])
                        with m.Else():
                            m.d.comb += [
                                vmcs.write.eq(1),
                                vmcs.write_index.eq(answered - 1),
                                vmcs.write_value.eq(self.access_data),
                            ]
                self._abort_if_failed(m, state)
                with m.If(last):
                    m.d.sync += [issued.eq(0), answered.eq(0)]
                    if not saves:
                        m.d.comb += vmcs.loaded.eq(1)
                        m.d.sync += [self.current.eq(1), self.current_page.eq(page)]
                        self._finish(m, 0)
                    else:
                        with m.If(execute.op == VmxOp.VMPTRLD):
                            m.next = "LOAD"
                        with m.Else():
                            m.d.sync += self.current.eq(0)
                            self._finish(m, 0)

    # --- ends --------------------------------------------------------------------------------------------

    def _ends(self, m: Module) -> None:
        execute, vmcs = self.execute, self.vmcs
        with m.State("INVALIDATE"):
            m.d.comb += self.forget.eq(1)
            ready = self.fence.ready
            if self.cut:  # The EPTP is not there in the first cycle.
                m.d.comb += self.forget.eq(~vmcs.writing)
                ready = ready & self.fence.valid
            with m.If(ready):
                self._finish(m, 0)
        with m.State("DONE"):
            # It was legal when it began; after vmxoff it would not be.
            m.d.comb += [execute.done.eq(1), execute.write.eq(1), execute.illegal.eq(0)]
            if self.cut:  # The next instruction must find what this one has written.
                m.d.comb += execute.done.eq(self._write_last(m))
            with m.If(execute.leaves):
                m.next = "IDLE"
        with m.State("REFUSE"):
            m.d.comb += [execute.exit.eq(1), execute.reason.eq(self.reason), execute.qualification.eq(0)]
            with m.If(self.exiting):
                m.next = "EXIT"
        self._abort_states(m)
