"""Watches a golden model that runs in steps and counts the bins that it hits."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from cosim.coverage.architectures import EXIT, OTHERS, STANDINGS
from cosim.coverage.group import Bin
from cosim.coverage.instructions import DONE, ILLEGAL, VIRTUAL
from cosim.coverage.permissions import first_permission, second_permission
from cosim.coverage.walks import SIZES
from cosim.coverage.xvmx import XvmxCounter
from cosim.model.decode import decode
from cosim.model.exceptions import Access
from cosim.model.hart import Hart
from cosim.model.record import Record
from cosim.model.translation import Walk
from cosim.model.view import View
from rtl.isa.causes import Cause, cause_name
from rtl.isa.csr_state import csr_states
from rtl.isa.csrs import CSRS_BY_NUMBER
from rtl.isa.instructions import COMPRESSED, INSTRUCTIONS, Format
from rtl.isa.privilege import mode_name
from rtl.isa.xvmx import NO_VMCS, Arch, ExitReason

__all__ = ["Collector"]

_MODES = {(privilege, virt): mode_name(privilege, virt) for privilege in (0, 1, 3) for virt in (0, 1)}
_ALL_CSRS = csr_states(hypervisor=True, xvmx=True)
_OWN = {Cause.ECALL_U, Cause.ECALL_HS, Cause.ECALL_VS, Cause.ECALL_M, Cause.BREAKPOINT}
_OUTCOMES: dict[int | None, str] = dict.fromkeys((None, *_OWN), DONE)
_OUTCOMES |= {Cause.ILLEGAL_INSTRUCTION: ILLEGAL, Cause.VIRTUAL_INSTRUCTION: VIRTUAL}
_ACCESS_FAULTS = {int(cause) for cause in Access.ACCESS_FAULT}
_VIEWS_KEPT = 256


@dataclass(frozen=True, slots=True)
class _Word:
    """What matters of an instruction word: its names, kind of memory access (or ""), CSR access."""

    names: tuple[str, ...]
    kind: str
    csr: int
    writes: bool


def _kind(name: str) -> str:
    instruction = INSTRUCTIONS.get(name)
    match instruction.format if instruction else None:
        case Format.LOAD:
            return "" if name == "jalr" else "load"
        case Format.S:
            return "store"
        case Format.LR:
            return "lr"
        case Format.AMO:
            return "sc" if name.startswith("sc.") else "amo"
        case Format.HLV:
            return "hlvx" if name.startswith("hlvx") else "hlv"
        case Format.HSV:
            return "hsv"
    return ""


@cache
def _word(bits: int) -> _Word:
    d = decode(bits)
    known = INSTRUCTIONS.get(d.name)
    names: tuple[str, ...] = ("illegal" if known and known.extension == "Xvmx" else d.name,)
    if d.size == 2:
        short = next((c.name for c in COMPRESSED if c.matches(bits)), "c.illegal")
        names = (d.name, short) if d.name != "illegal" else ("c.illegal",)
    is_csr = d.name.startswith("csrr")
    writes = is_csr and (d.name.startswith("csrrw") or d.rs1 != 0)
    return _Word(names, _kind(d.name), d.immediate if is_csr else -1, writes)


class Collector:
    """Counts what ``hart`` does from now on, in ``hits``: a Counter of bins per group.

    It takes the place of ``hart.step`` and watches the walker; ``run`` stays as it is and is not seen.
    """

    def __init__(self, hart: Hart) -> None:
        self.hits: dict[str, Counter[Bin]] = {}
        self._hart = hart
        self._step: Callable[..., Record] = hart.step
        self._executed: Counter[tuple[int, int, int, int | None]] = Counter()
        self._walks: list[Walk] = []
        self._found: dict[tuple[int, int, int], tuple[str, str]] = {}
        self._views: dict[int, View] = {}
        self._xvmx = XvmxCounter(hart, self._count)
        hart.walker.observer = self._walks.append
        hart.step = self._watched  # type: ignore[method-assign]

    def finish(self) -> dict[str, Counter[Bin]]:
        """``hits``, with everything counted that had been put off."""
        for (bits, privilege, virt, trap), count in self._executed.items():
            outcome = _OUTCOMES.get(trap)
            if outcome is not None:
                self._instruction(_word(bits), _MODES[privilege, virt], outcome, count)
        self._executed.clear()
        return self.hits

    def _count(self, group: str, *values: str, count: int = 1) -> None:
        self.hits.setdefault(group, Counter())[values] += count

    def _watched(self, *arguments, **options) -> Record:
        walks = self._walks
        walks.clear()
        vmx = self._hart.vmx
        arch, standing = vmx.arch, self._standing()
        if arch == Arch.XVMX:
            self._xvmx.before()
        record = self._step(*arguments, **options)
        if record.csr_writes and record.csr_writes[0][0] == "mvirt":
            self._count("architectures", str(int(arch)), str(int(vmx.arch)), standing)
        if arch != Arch.H or vmx.hole:  # not the architecture that the other bins are of
            if arch == Arch.XVMX:
                self._xvmx.after(record)
            if arch in OTHERS and not vmx.hole:
                self._other_csr(record, arch)
            return record
        trap = record.trap
        self._executed[record.bits, record.privilege, record.virt, trap] += 1
        if trap is not None:
            self._trap(record)
        elif record.bits in _RETURNS:
            self._count("returns", _RETURNS[record.bits], self._mode(record), self._present())
        if walks or record.memory:
            self._memory(record)
        return record

    def _standing(self) -> str:
        """What of Xvmx a change of ARCH would end."""
        vmx = self._hart.vmx
        return STANDINGS[3 if vmx.outstanding else 2 if vmx.current != NO_VMCS else int(vmx.operating)]

    def _other_csr(self, record: Record, arch: Arch) -> None:
        """A CSR access without the H extension; one that neither is done nor refused does not count."""
        word = _word(record.bits)
        csr = CSRS_BY_NUMBER.get(word.csr) if word.csr >= 0 else None
        outcome = EXIT if record.vm_exit else _OUTCOMES.get(record.trap)
        if csr is None or csr.name not in _ALL_CSRS or outcome is None:
            return
        if record.vm_exit and record.trap not in (ExitReason.CSR, ExitReason.SATP, ExitReason.TIME):
            cause = self._hart.vmx.vmcs.field["EXIT_QUAL"]
            if record.trap != ExitReason.EXCEPTION or cause != Cause.ILLEGAL_INSTRUCTION:
                return
            outcome = ILLEGAL
        access = "write" if word.writes else "read"
        self._count("arch_csrs", csr.name, OTHERS[arch], self._mode(record), access, outcome)

    def _mode(self, record: Record) -> str:
        return _MODES[record.privilege, record.virt]

    def _present(self) -> str:
        return _MODES[self._hart.privilege, self._hart.virt]

    def _trap(self, record: Record) -> None:
        assert record.trap is not None
        self._count("traps", cause_name(record.trap), self._mode(record), self._present())

    def _instruction(self, word: _Word, mode: str, outcome: str, count: int) -> None:
        for name in word.names:
            self._count("instructions", name, mode, outcome, count=count)
        if word.csr >= 0:
            csr = CSRS_BY_NUMBER.get(word.csr)
            if csr is None:
                self._count("absent_csrs", f"{word.csr:#05x}", mode, count=count)
            elif csr.name in csr_states():
                access = "write" if word.writes else "read"
                self._count("csrs", csr.name, mode, access, outcome, count=count)

    # ---- Memory ----

    def _memory(self, record: Record) -> None:
        kind = _word(record.bits).kind if record.size else ""
        refused = walked = False
        for walk in self._walks:
            refused |= walk.refusal is not None
            walked |= walk.access != Access.FETCH
            self._walk(walk, "fetch" if walk.access == Access.FETCH else kind)
        if record.trap in _ACCESS_FAULTS and not refused:
            fetches = record.trap == Cause.FETCH_ACCESS
            self._count("access_faults", "fetch" if fetches or not kind else kind, "final", "memory")
        elif kind in ("amo", "lr", "sc", "hlv", "hsv") and record.memory and not walked:
            self._known_pages(record, kind)

    def _walk(self, walk: Walk, kind: str) -> None:
        for leaf, group, permission in (
            (walk.leaves[0], "permissions", first_permission),
            (walk.leaves[1], "guest_permissions", second_permission),
        ):
            if leaf is not None:
                self._count(group, *permission(walk, leaf[1]))
        space, refusal = walk.space, walk.refusal
        first = SIZES[walk.leaves[0][0]] if walk.leaves[0] else "bare"
        if refusal is not None:
            self._refused(walk, kind, first)
            return
        second = SIZES[walk.leaves[1][0]] if walk.leaves[1] else "bare" if space.virt else "off"
        self._count("pages", kind, first, second)
        if walk.access != Access.FETCH:
            self._remember(walk, (first, second))

    def _refused(self, walk: Walk, kind: str, first: str) -> None:
        refusal, space = walk.refusal, walk.space
        assert refusal is not None
        level = str(refusal.level)
        if refusal.why in ("memory", "pmp", "update"):
            stage = (
                "final" if refusal.second is None else f"{'second' if refusal.second else 'first'}.{level}"
            )
            place = stage if refusal.table is None else f"first.{refusal.table}.{stage}"
            self._count("access_faults", kind, place, refusal.why)
        elif refusal.table is not None:
            walker = "write" if refusal.write else "read"
            self._count("guest_tables", kind, str(refusal.table), walker, refusal.why, level)
        elif refusal.second:
            self._count("second_stage", kind, first, refusal.why, level)
        else:
            second = "off" if not space.virt else "on" if space.gatp else "bare"
            self._count("first_stage", kind, refusal.why, level, second)

    def _view(self, kind: str) -> View:
        """The context of the access just made, unless the instruction changed it."""
        hart = self._hart
        return hart._guest_view() if kind in ("hlv", "hsv") else hart.data_view

    def _remember(self, walk: Walk, sizes: tuple[str, str]) -> None:
        """The model keeps pages it has found; so must we, for other kinds of accesses to them."""
        view = self._hart.view(walk.space)
        if len(self._views) > _VIEWS_KEPT:
            self._views.clear()
            self._found.clear()
        self._views[id(view)] = view  # or its number may become another's
        self._found[id(view), walk.va >> 12, walk.access] = sizes

    def _known_pages(self, record: Record, kind: str) -> None:
        view = id(self._view(kind))
        access = Access.LOAD if kind in ("lr", "hlv") else Access.STORE
        for part in record.memory:
            sizes = self._found.get((view, part.va >> 12, access))
            if sizes is not None:
                self._count("pages", kind, *sizes)


_RETURNS = {INSTRUCTIONS[name].match: name for name in ("mret", "sret")}
