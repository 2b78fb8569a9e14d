"""Which translations are allowed after a page table has changed and before the fence.

Privileged spec, "Supervisor Memory-Management Fence Instruction", and H chapter, "Hypervisor
Memory-Management Fence Instructions": until a fence that covers it, an access may be translated by the entry
that was there or by the one that is there now, for each entry on its way; after it, by the new one only. The
hardware shows which it has used, and the model then follows if that one is allowed.
"""

from collections import deque
from dataclasses import dataclass, replace
from itertools import pairwise

from cosim.lockstep.records import Retired
from cosim.lockstep.replay import Candidates, Outcome, Stage
from cosim.model.exceptions import Access, Trap
from cosim.model.hart import Hart
from cosim.model.record import Record
from cosim.model.translation import Space
from cosim.model.view import View
from rtl.isa.causes import Cause
from rtl.isa.csrs import CSRS
from rtl.isa.instructions import INSTRUCTIONS, Opcode
from rtl.isa.memory_map import DRAM_BASE
from rtl.isa.paging import LEVEL_BITS, PAGE_SHIFT
from rtl.isa.xvmx import Arch, ExitReason, Invept, Invvpid, ProcControl

__all__ = ["Translations"]

_OLD_KEPT = 16
"""Former values of one entry."""
_FENCES_KEPT = 4096
_PAGE = 4096
_LEAF_OR_INVALID = 0b1010
_VALID, _GLOBAL = 1, 1 << 5
_ASID = CSRS["satp"].field("ASID")
_VMID = CSRS["hgatp"].field("VMID")
_FAULTS = {
    int(cause): access
    for causes in (Access.PAGE_FAULT, Access.GUEST_PAGE_FAULT, Access.ACCESS_FAULT)
    for access, cause in enumerate(causes)
}
_TVALS = ("mtval", "stval", "vstval")
_TVAL2S = ("mtval2", "htval")
_GUEST_FAULTS = (Cause.FETCH_GUEST_PAGE_FAULT, Cause.LOAD_GUEST_PAGE_FAULT, Cause.STORE_GUEST_PAGE_FAULT)


def _matches(*names: str) -> list[tuple[int, int]]:
    return [(INSTRUCTIONS[name].mask, INSTRUCTIONS[name].match) for name in names]


_STAGES = {"satp": Stage.OWN, "vsatp": Stage.GUEST, "hgatp": Stage.SECOND}
_SUPERVISOR_FENCES = _matches("sfence.vma", "sinval.vma")
_GUEST_FENCES = _matches("hfence.vvma", "hinval.vvma")
_SECOND_FENCES = _matches("hfence.gvma", "hinval.gvma")
_XVMX_NAMES = {i.match >> 25: i.name for i in INSTRUCTIONS.values() if i.extension == "Xvmx"}


@dataclass(frozen=True, slots=True)
class _Fence:
    """``address``, ``id``: None for all; ``id`` is an ASID, or a VMID for ``Stage.SECOND``; ``vmid``: whose
    first-stage translations, for ``Stage.GUEST`` (None: everybody's)."""

    time: int
    stage: Stage
    address: int | None
    id: int | None
    vmid: int | None = None

    def covers(self, space: Space, address: int, old: int, level: int, is_global: bool) -> bool:
        """Whether it ends the use of value ``old`` of an entry at ``level`` in translating ``address``."""
        if self.address is not None:
            if old & _VALID and not old & _LEAF_OR_INVALID:
                return False  # rs1 orders accesses to leaves alone
            # Any address in a superpage is one that its entry corresponds to.
            bits = PAGE_SHIFT + (level * LEVEL_BITS if old & _VALID else 0)
            if (self.address ^ address) >> bits:
                return False
        if self.stage is Stage.GUEST and self.vmid not in (None, _vmid(space)):
            return False
        if self.id is None:
            return True
        if self.stage is Stage.SECOND:
            return self.id == _vmid(space)
        return self.id == _asid(space) and not is_global


def _asid(space: Space) -> int:
    return space.atp >> _ASID.lo & ((1 << _ASID.width) - 1)


def _vmid_in(gatp: int) -> int:
    return gatp >> _VMID.lo & ((1 << _VMID.width) - 1) if gatp >> 60 else 0


def _vmid(space: Space) -> int:
    return _vmid_in(space.gatp)


class _TableMemory:
    """The bus as the model's walker sees it: what it reads is a page table, and is watched from then on."""

    def __init__(self, translations: "Translations") -> None:
        self._bus = translations.hart.bus
        self._translations = translations
        self.is_main_memory = self._bus.is_main_memory

    def read_u64(self, address: int) -> int:
        self._translations.watch(address >> 12)
        return self._bus.read_u64(address)

    def write_u64(self, address: int, value: int) -> None:
        self._bus.write_u64(address, value)
        self._translations.updated(address, value)


class Translations:
    """Watches page tables and fences of ``hart``, and is its arbiter while tables have unfenced changes.

    Attributes
    ----------
    fetch_is_open: nobody can tell which of two allowed pages this instruction was fetched from
    """

    def __init__(self, hart: Hart) -> None:
        self.hart = hart
        self._time = 0
        self._tables: dict[int, bytearray] = {}
        self._old: dict[int, deque[tuple[int, int]]] = {}
        """Of each changed entry, (when it ended, former value)."""
        self._roots: deque[tuple[int, str, int]] = deque(maxlen=_OLD_KEPT)
        self._fences: deque[_Fence] = deque(maxlen=_FENCES_KEPT)
        self._whole = dict.fromkeys(Stage, 0)
        """Time of the last fence for everything."""
        self._changed = 0
        self._stages: set[Stage] = set()
        """Whose tables have been in use."""
        self._vmids: set[int] = set()
        self._retired: Retired | None = None
        self.fetch_is_open = False
        hart.walker.memory = _TableMemory(self)

    # ---- What happens ----

    def begin(self, retired: Retired) -> None:
        """The model is about to do what the hardware did."""
        self._retired = retired
        self.fetch_is_open = False

    def executed(self, record: Record) -> None:
        """A SYSTEM instruction has been executed: note a fence, or another root of the tables."""
        for name, _ in record.csr_writes:
            if name in ("satp", "vsatp", "hgatp"):
                self._root_written(name)
        word = record.bits
        if word & 0x7F == 0x73 and word >> 12 & 7 == 0 and word >> 25:
            self._fence_executed(word, bool(record.virt))
        elif word & 0x7F == Opcode.CUSTOM_3:
            self._xvmx_executed(word, record)

    def _xvmx_executed(self, word: int, record: Record) -> None:
        """An instruction of Xvmx (docs/xvmx.md, sections 3 and 7)."""
        name, x, vmx = _XVMX_NAMES.get(word >> 25), self.hart.x, self.hart.vmx
        first, second = x[word >> 15 & 31], x[word >> 20 & 31]
        if name in ("vmlaunch", "vmresume"):
            if self.hart.virt:
                self.transition()
        elif record.rd and record.rd_value:
            return  # it failed
        elif name == "invept":
            whole = first == Invept.ALL
            self.fence(Stage.SECOND, None, None if whole else _vmid_in(second))
        elif name == "invvpid":
            kind, vpid = first & 3, first >> 16 & 0xFFFF
            if kind == Invvpid.ALL:
                self._fence_all_guests()
                return
            self.fence(Stage.GUEST, second if kind == Invvpid.ADDRESS else None, vmid=vpid)
            if kind != Invvpid.ADDRESS:
                self.fence(Stage.SECOND, None, vpid)
        elif name == "vmfunc" and not vmx.proc(ProcControl.VPID):
            self._fence_all_guests()

    def transition(self) -> None:
        """Xvmx goes into the guest, or out of it."""
        self._stages |= {Stage.GUEST, Stage.SECOND}
        if not self.hart.vmx.proc(ProcControl.VPID):
            self._fence_all_guests()

    def _fence_all_guests(self) -> None:
        self.fence(Stage.GUEST, everybody=True)
        self.fence(Stage.SECOND)

    def _fence_executed(self, word: int, virt: bool) -> None:
        def is_one(kinds: list[tuple[int, int]]) -> bool:
            return any(word & mask == match for mask, match in kinds)

        rs1, rs2 = word >> 15 & 31, word >> 20 & 31
        address = self.hart.x[rs1] if rs1 else None
        number = self.hart.x[rs2] & 0xFFFF if rs2 else None
        if is_one(_SUPERVISOR_FENCES):
            self.fence(Stage.GUEST if virt else Stage.OWN, address, number)
        elif is_one(_GUEST_FENCES):
            self.fence(Stage.GUEST, address, number)
        elif is_one(_SECOND_FENCES):
            vmid = None if number is None else number & ((1 << _VMID.width) - 1)
            self.fence(Stage.SECOND, None if address is None else address << 2, vmid)

    def fence(
        self,
        stage: Stage,
        address: int | None = None,
        number: int | None = None,
        *,
        vmid: int | None = None,
        everybody: bool = False,
    ) -> None:
        """Entries of ``stage`` that are covered must be the present ones from now on. ``vmid``: another
        guest's than the present one's; or ``everybody``'s."""
        self._time += 1
        hart = self.hart
        if vmid is None and not everybody:
            vmid = _vmid_in(hart.csrs.value["hgatp"] if hart.vmx.arch == Arch.H else hart.vmx.gatp())
        whole = address is None and number is None
        mine = hart.vmx.arch == Arch.H and self._vmids <= {vmid}
        if whole and (stage is not Stage.GUEST or everybody or mine):
            self._whole[stage] = self._time
        self._fences.append(_Fence(self._time, stage, address, number, vmid))
        if self.hart.arbiter is not None and all(self._whole[used] > self._changed for used in self._stages):
            self._old.clear()
            self._roots.clear()
            self._fences.clear()
            self.hart.arbiter = None

    def _root_written(self, name: str) -> None:
        self._time += 1
        value = self.hart.csrs.value[name]
        number = (_VMID if name == "hgatp" else _ASID).mask
        if value >> 60:
            self._stages.add(_STAGES[name])
        if name == "hgatp":
            self._vmids.add(_vmid_in(value))
        if any(
            one == name and old >> 60 and old != value and not (old ^ value) & number
            for _, one, old in self._roots
        ):
            self._changed = self._time
            self.hart.arbiter = self._choose
        self._roots.append((self._time, name, value))

    # ---- Tables ----

    def watch(self, page: int) -> None:
        """A page table was read at this physical page."""
        if page in self._tables:
            return
        bus = self.hart.bus
        self._tables[page] = bytearray(bus.read_bytes(page << 12, _PAGE))
        others = bus.watchers.get(page)

        def stored(address: int, size: int) -> None:
            if others:
                others(address, size)
            for slot in range(address & ~7, address + size, 8):
                if slot >> 12 == page:
                    self._stored(slot)

        bus.watchers[page] = stored

    def updated(self, address: int, value: int) -> None:
        """The walker itself set A or D."""
        table = self._tables.get(address >> 12)
        if table is not None:
            table[address & 4095 : (address & 4095) + 8] = value.to_bytes(8, "little")

    def _stored(self, slot: int) -> None:
        table, at = self._tables[slot >> 12], slot & 4095
        old, new = int.from_bytes(table[at : at + 8], "little"), self.hart.bus.read_u64(slot)
        if old == new:
            return
        table[at : at + 8] = new.to_bytes(8, "little")
        self._time += 1
        self._changed = self._time
        self._old.setdefault(slot, deque(maxlen=_OLD_KEPT)).append((self._time, old))
        self.hart.arbiter = self._choose

    def _allowed(
        self, space: Space, stage: Stage, slot: int, level: int, address: int, is_global: bool
    ) -> list[int]:
        """Former values of an entry that the translation of ``address`` may still use."""
        return [
            old
            for since, old in self._old.get(slot, ())
            if not self._fenced(since, space, stage, address, old, level, is_global)
        ]

    def _fenced(
        self, since: int, space: Space, stage: Stage, address: int, old: int, level: int, is_global: bool
    ) -> bool:
        is_global = is_global or bool(old & _GLOBAL)
        for fence in reversed(self._fences):
            if fence.time < since:
                return False
            if fence.stage is stage and fence.covers(space, address, old, level, is_global):
                return True
        return False

    def _spaces(self, space: Space, va: int) -> list[Space]:
        """``space``, and with the former roots that have the same ASID or VMID."""
        spaces = [space]
        own = "vsatp" if space.virt else "satp"
        for name, now, mask, stage in (
            (own, space.atp, _ASID.mask, Stage.GUEST if space.virt else Stage.OWN),
            ("hgatp", space.gatp, _VMID.mask, Stage.SECOND),
        ):
            roots = [root for root in self._roots if root[1] == name]
            for (_, _, old), (until, _, _) in pairwise(roots):
                same = not (old ^ now) & mask and old >> 60 and now >> 60
                if same and old != now and not self._fenced(until, space, stage, va, _VALID, 0, False):
                    spaces.append(replace(space, gatp=old) if name == "hgatp" else replace(space, atp=old))
        return spaces

    # ---- The arbiter ----

    def _choose(self, view: View, va: int, access: int, hlvx: bool) -> int:
        """The physical address that the hardware used if it is allowed, else the model's own; or a Trap."""
        pages, space = view.pages[access], view.space
        known = None if hlvx else pages.get(va >> 12)
        if known is not None:
            known |= va & 4095
            if self._fits(known, va, access):
                return known
        elif not (space.adue or space.adue_g):  # a walk changes nothing: try the plain one first
            outcome = self._plainly(view, va, access, hlvx)
            if self._fits(outcome, va, access):
                if isinstance(outcome, Trap):
                    raise outcome
                return outcome
        candidates = Candidates(self.hart, self._allowed)
        for number, space in enumerate(self._spaces(view.space, va)):
            for is_present, outcome in candidates.of(space, va, access, hlvx):
                if not self._fits(outcome, va, access):
                    continue
                if number == 0 and is_present:
                    pages.pop(va >> 12, None)
                    return self.hart.find_page(view, va, access, hlvx)
                if isinstance(outcome, Trap):
                    raise outcome
                return outcome
        if access == Access.FETCH and (late := self._fetched_before(view, va)) is not None:
            return late
        return self.hart.find_page(view, va, access, hlvx)

    def _fetched_before(self, view: View, va: int) -> int | None:
        """The hardware's page is allowed but has other bits: since this instruction came from another one,
        which is allowed too, fetches have moved on to that page."""
        retired = self._retired
        assert retired is not None
        claimed = retired.fetch_paddr if va == retired.pc else retired.fetch_paddr_last
        candidates = Candidates(self.hart, self._allowed)
        outcomes = [
            outcome
            for space in self._spaces(view.space, va)
            for _, outcome in candidates.of(space, va, Access.FETCH, False)
            if not isinstance(outcome, Trap)
        ]
        if retired.trap or all(outcome >> 12 != claimed >> 12 for outcome in outcomes):
            return None
        self.fetch_is_open = True
        return next((outcome for outcome in outcomes if self._fits_bits(retired, outcome, va)), None)

    def _plainly(self, view: View, va: int, access: int, hlvx: bool) -> Outcome:
        try:
            return self.hart.find_page(view, va, access, hlvx)
        except Trap as trap:
            return trap

    def _fits(self, outcome: Outcome, va: int, access: int) -> bool:
        """Whether the hardware's record may come from translating ``va`` so."""
        retired = self._retired
        assert retired is not None
        if retired.trap:
            return self._fits_trap(retired, outcome, va, access)
        if isinstance(outcome, Trap):
            return False
        if access == Access.FETCH:
            claimed = retired.fetch_paddr if va == retired.pc else retired.fetch_paddr_last
            return (not claimed >> 12 or outcome >> 12 == claimed >> 12) and self._fits_bits(
                retired, outcome, va
            )
        first = va >> 12 == retired.mem_vaddr >> 12
        return outcome >> 12 == (retired.mem_paddr if first else retired.mem_paddr_last) >> 12

    def _fits_trap(self, retired: Retired, outcome: Outcome, va: int, access: int) -> bool:
        """A fault of this kind of access at this address must come from it, and no other may."""
        if retired.vm_exit:
            return self._fits_exit(retired, outcome)
        faults = not retired.interrupt and _FAULTS.get(retired.cause) == access
        state = retired.state
        here = faults and self._told(state, _TVALS, va)
        if not isinstance(outcome, Trap):
            return not here or retired.cause in Access.ACCESS_FAULT
        if not here or outcome.cause != retired.cause:
            return False
        return retired.cause not in _GUEST_FAULTS or self._told(state, _TVAL2S, outcome.tval2)

    def _fits_exit(self, retired: Retired, outcome: Outcome) -> bool:
        """An exit of Xvmx shows its reason alone."""
        faults = retired.cause in (ExitReason.EXCEPTION, ExitReason.EPT_VIOLATION, ExitReason.EPT_MISCONFIG)
        if not isinstance(outcome, Trap) or not faults:
            return not isinstance(outcome, Trap)
        if outcome.cause not in _GUEST_FAULTS:
            return retired.cause == ExitReason.EXCEPTION
        assert outcome.second_stage is not None
        malformed = outcome.second_stage.misconfigured
        return retired.cause == (ExitReason.EPT_MISCONFIG if malformed else ExitReason.EPT_VIOLATION)

    def _told(self, state: dict[str, int], names: tuple[str, ...], value: int) -> bool:
        """Whether the trap has put ``value`` into one of these registers (or it was there already)."""
        told = [state[name] for name in names if name in state]
        return value in told if told else any(self.hart.csrs.value[name] == value for name in names)

    def _fits_bits(self, retired: Retired, pa: int, va: int) -> bool:
        bus = self.hart.bus
        if not bus.is_main_memory(pa):
            return True
        shown = retired.instruction
        size = 4 if shown & 3 == 3 else 2
        if va != retired.pc:  # the second half, in another page
            shown, size = shown >> 16, 2
        elif va & 4095 == 4094:
            size = 2
        offset = pa - DRAM_BASE
        return int.from_bytes(bus.dram[offset : offset + size], "little") == shown & ((1 << 8 * size) - 1)
