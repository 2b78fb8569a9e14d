"""The state of Xvmx in a hart, and its transitions (docs/xvmx.md, sections 1, 6, 7 and 8)."""

from typing import TYPE_CHECKING

from cosim.model.bits import MASK
from cosim.model.decode import Decoded
from cosim.model.exceptions import Access, Trap, VmExit
from cosim.model.xvmx.checks import entry_error, guest_state_is_valid
from cosim.model.xvmx.vmcs import Vmcs
from rtl.isa.causes import INTERRUPT_BIT, Cause, Interrupt
from rtl.isa.csr_state import S_INTERRUPTS, csr_states
from rtl.isa.csrs import CSRS
from rtl.isa.privilege import Privilege
from rtl.isa.xvmx import (
    ENTRY_FAILURE,
    FIELDS,
    NO_VMCS,
    VMCS_ABORT_OFFSET,
    VMCS_LAUNCH_OFFSET,
    VMCS_REVISION_OFFSET,
    AbortCode,
    Arch,
    EventBits,
    ExitControl,
    ExitReason,
    Group,
    PinControl,
    PostedDescriptor,
    ProcControl,
    VmError,
)

if TYPE_CHECKING:
    from cosim.model.hart import Hart

__all__ = ["Vmx"]

_S, _M = int(Privilege.S), int(Privilege.M)
_PAGE = 4096
_XVMX = Arch.XVMX
_MVIRT = CSRS["mvirt"]
_ARCH, _HOLE, _NOS2 = (_MVIRT.mask(name) for name in ("ARCH", "HOLE", "NOS2"))
_SSTATUS = csr_states()["sstatus"]
_SIE, _SPIE, _SPP = (CSRS["sstatus"].mask(name) for name in ("SIE", "SPIE", "SPP"))
_GUEST_TRAP_BITS = CSRS["mstatus"].mask("MPV", "GVA")
_EXIT_GROUP = [
    field.name for field in FIELDS.values() if field.group == Group.READ_ONLY and field.name != "INSTR_ERROR"
]
_HOST_COPIES = ("stvec", "sscratch", "satp", "scounteren", "senvcfg", "stimecmp")


class Vmx:
    """Xvmx of ``hart``.

    Attributes
    ----------
    arch, hole, nos2: fields of mvirt
    operating, vmxon_pointer: VMX operation and its region
    current, launched: address of the current VMCS (``NO_VMCS``: none) and its launch state
    vmcs: its fields
    outstanding: between an entry and the exit (M mode may be in between)
    step_due: an instruction has completed under the control STEP
    preempt_at: mtime at which the preemption timer ends
    """

    def __init__(self, hart: "Hart"):
        self.hart = hart
        self.vmcs = Vmcs(hart)
        self.arch = Arch.H
        self.hole = self.nos2 = False
        self.operating = False
        self.vmxon_pointer = 0
        self.current = NO_VMCS
        self.launched = False
        self.outstanding = False
        self.step_due = False
        self.preempt_at = 0

    # ---- mvirt ----

    def write_mvirt(self, new: int) -> None:
        """Section 1."""
        hart = self.hart
        value = hart.csrs.value
        arch = Arch(new & _ARCH) if new & _ARCH in list(Arch) else self.arch
        value["mvirt"] = new & (_HOLE | _NOS2) | arch
        self.hole, self.nos2 = bool(new & _HOLE), bool(new & _NOS2)
        if self.nos2:
            value["hgatp"] = self.vmcs.field["EPTP"] = 0
        if arch != self.arch:
            self.arch = arch
            self.operating = self.outstanding = False
            self.current = NO_VMCS
            hart.csrs.replace("mstatus", _GUEST_TRAP_BITS, 0)
            hart.architecture_changed()
        hart.forget_translations()

    # ---- Questions ----

    @property
    def in_guest(self) -> bool:
        """Whether the hart is in non-root."""
        return bool(self.hart.virt) and self.arch is _XVMX

    def proc(self, bit: ProcControl) -> bool:
        """A bit of PROC_CTLS."""
        return bool(self.vmcs.field["PROC_CTLS"] & bit)

    def pin(self, bit: PinControl) -> bool:
        """A bit of PIN_CTLS."""
        return bool(self.vmcs.field["PIN_CTLS"] & bit)

    def gatp(self) -> int:
        """What takes hgatp's place in non-root translations: EPTP, or 0 for no second stage."""
        uses = self.current != NO_VMCS and self.proc(ProcControl.EPT)
        return self.vmcs.field["EPTP"] if uses else 0

    def time_offset(self) -> int:
        """Guest's clock minus time."""
        return self.vmcs.field["TIME_OFFSET"] if self.proc(ProcControl.TIMEOFF) else 0

    @property
    def stepping(self) -> bool:
        """Whether the next instruction must be followed by an exit."""
        return self.in_guest and self.proc(ProcControl.STEP)

    # ---- Returns from M ----

    def allows_return(self) -> bool:
        """Whether mret may set V."""
        return self.arch == Arch.H or self.outstanding

    def returned(self, privilege: int, virt: int) -> None:
        """mret or sret goes to a mode; leaving M for root abandons an entry (section 2)."""
        if privilege != _M and not virt:
            self.outstanding = self.step_due = False

    # ---- Memory ----

    def check(self, address: int, access: int, code: AbortCode) -> None:
        """A VMX abort if hardware cannot access a structure at ``address``."""
        hart = self.hart
        if not hart.bus.is_main_memory(address) or not hart.pmp.allows(address, access, _S):
            raise self._abort(address, code)

    def read_memory(self, address: int, size: int, code: AbortCode) -> int:
        """``size`` bytes of a structure, or a VMX abort."""
        self.check(address, Access.LOAD, code)
        return int.from_bytes(self.hart.bus.read_bytes(address, size), "little")

    def write_memory(self, address: int, size: int, value: int, code: AbortCode) -> None:
        """``size`` bytes of a structure, or a VMX abort."""
        self.check(address, Access.STORE, code)
        self.hart.bus.write_bytes(address, value.to_bytes(size, "little"))

    def _abort(self, address: int, code: AbortCode) -> Trap:
        """Section 8."""
        hart, region = self.hart, self.current
        self.current, self.outstanding = NO_VMCS, False
        if (
            region != NO_VMCS
            and hart.bus.is_main_memory(region)
            and hart.pmp.allows(region, Access.STORE, _S)
        ):
            hart.bus.write_bytes(region + VMCS_ABORT_OFFSET, code.to_bytes(4, "little"))
        return Trap(Cause.VMX_ABORT, address & ~(_PAGE - 1))

    def revision(self, address: int) -> int:
        """Revision id of a region."""
        return self.read_memory(address + VMCS_REVISION_OFFSET, 4, AbortCode.LOAD)

    def write_back(self) -> None:
        """The current VMCS to memory."""
        for offset, value in [(VMCS_LAUNCH_OFFSET, int(self.launched)), *self.vmcs.image()]:
            self.write_memory(self.current + offset, 8, value, AbortCode.WRITE_BACK)

    def load(self, address: int) -> None:
        """The VMCS at ``address`` becomes current."""
        words = {
            field: self.read_memory(address + field.offset, 8, AbortCode.LOAD) for field in FIELDS.values()
        }
        self.launched = bool(self.read_memory(address + VMCS_LAUNCH_OFFSET, 8, AbortCode.LOAD) & 1)
        for field, value in words.items():
            self.vmcs.write(field, value)
        self.current = address

    # ---- Entry ----

    def fail(self, error: VmError) -> int:
        """VMfail: the value for rd."""
        if self.current == NO_VMCS:
            return NO_VMCS
        self.vmcs.field["INSTR_ERROR"] = int(error)
        return int(error)

    def try_entry(self, resume: bool) -> int | None:
        """vmlaunch or vmresume: the value for rd if it fails, None after an entry; the exit ENTRY_FAIL."""
        value = self.hart.csrs.value
        if self.current == NO_VMCS:
            return NO_VMCS
        if self.launched != resume:
            return self.fail(VmError.VMRESUME_NOT_LAUNCHED if resume else VmError.VMLAUNCH_NOT_CLEAR)
        error = entry_error(self.vmcs, self.nos2)
        if error is not None:
            return self.fail(error)
        if not guest_state_is_valid(self.vmcs, value["vsstatus"], value["vsatp"]):
            raise VmExit(ExitReason.ENTRY_FAIL)
        self._enter()
        return None

    def _enter(self) -> None:
        hart, field = self.hart, self.vmcs.field
        self.launched = self.outstanding = True
        hart.x[2] = field["G_SP"]
        hart.drop_reservation()
        if not self.proc(ProcControl.VPID):
            hart.forget_guest_translations()
        self.preempt_at = hart.time() + field["PREEMPT_TIMER"]
        hart.next_pc = field["G_PC"]
        privilege = field["G_PRIV"]
        waits = field["G_ACTIVITY"] and not self.vmcs.event_valid
        self.step_due = self.vmcs.event_valid and self.proc(ProcControl.STEP)
        if self.vmcs.event_valid:
            event = field["ENTRY_EVENT"]
            field["ENTRY_EVENT"] = event & ~EventBits.VALID
            cause = event & EventBits.CAUSE | (INTERRUPT_BIT if event & EventBits.INTERRUPT else 0)
            self._deliver(cause, field["G_PC"], privilege, field["ENTRY_TVAL"])
            privilege = _S
        hart.enter(privilege, 1)
        if waits:
            hart.sleep()

    def _deliver(self, cause: int, pc: int, privilege: int, tval: int) -> None:
        """The guest's stvec gets a trap from ``pc``."""
        hart, value = self.hart, self.hart.csrs.value
        status = _SPIE if value["vsstatus"] & _SIE else 0
        status |= _SPP if privilege == _S else 0
        hart.csrs.replace("vsstatus", _SIE | _SPIE | _SPP, status)
        value.update(vsepc=pc, vscause=cause, vstval=tval)
        base = value["vstvec"] & ~3
        vectored = value["vstvec"] & 1 and cause & INTERRUPT_BIT
        hart.next_pc = (base + 4 * (cause & ~INTERRUPT_BIT) if vectored else base) & MASK

    def deliver(self, cause: int, tval: int = 0) -> None:
        """A trap in the guest that the guest handles."""
        hart = self.hart
        self._deliver(cause, hart.pc, hart.privilege, tval)
        self.step_due = self.proc(ProcControl.STEP)
        hart.enter(_S, 1)

    # ---- Exit ----

    def exit(self, report: VmExit, decoded: Decoded | None) -> None:
        """Section 7: leave the guest, or refuse to enter it; ``decoded`` is the instruction that exits."""
        hart, field, value = self.hart, self.vmcs.field, self.hart.csrs.value
        field.update(dict.fromkeys(_EXIT_GROUP, 0))
        entry_failed = report.reason == ExitReason.ENTRY_FAIL
        field["EXIT_REASON"] = report.reason | (ENTRY_FAILURE if entry_failed else 0)
        if not entry_failed:
            field["EXIT_QUAL"], field["EXIT_TVAL"] = report.qualification, report.tval
            field["GUEST_LINEAR"], field["GUEST_PHYS"] = report.linear, report.physical
            if decoded is not None:
                field["EXIT_INSTR"], field["EXIT_INSTR_LEN"] = decoded.bits, decoded.size
            field.update(G_PC=hart.pc, G_SP=hart.x[2], G_PRIV=hart.privilege, G_ACTIVITY=0)
            if field["EXIT_CTLS"] & ExitControl.SAVE_PREEMPT:
                field["PREEMPT_TIMER"] = max(self.preempt_at - hart.time(), 0)
        self.outstanding = self.step_due = False
        hart.csrs.replace("mstatus", _SSTATUS.writable, field["H_SSTATUS"] & ~_SIE)
        hart.csrs.replace("mie", value["mideleg"] & S_INTERRUPTS, field["H_SIE"])
        value.update({name: field[f"H_{name.upper()}"] for name in _HOST_COPIES})
        hart.x[2] = field["H_SP"]
        hart.drop_reservation()
        if not self.proc(ProcControl.VPID):
            hart.forget_guest_translations()
        hart.next_pc = field["H_PC"]
        hart.enter(_S, 0)

    # ---- Posted interrupts ----

    def post(self) -> None:
        """Section 9: take a notification without an exit; a VMX abort leaves the notification pending."""
        hart, descriptor = self.hart, self.vmcs.field["PI_DESC"]
        self.check(descriptor, Access.STORE, AbortCode.PI_DESC)
        hart.csrs.replace("mip", 1 << Interrupt.SSI, 0)
        at = descriptor + PostedDescriptor.CONTROL
        control = self.read_memory(at, 1, AbortCode.PI_DESC)
        self.write_memory(at, 1, control & ~PostedDescriptor.ON, AbortCode.PI_DESC)
        size = 8 * PostedDescriptor.PIR_WORDS
        posted = self.read_memory(descriptor + PostedDescriptor.PIR, size, AbortCode.PI_DESC)
        self.write_memory(descriptor + PostedDescriptor.PIR, size, 0, AbortCode.PI_DESC)
        self.vmcs.interrupt_file |= posted
