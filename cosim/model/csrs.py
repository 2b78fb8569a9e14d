"""The CSR file: who may access which register, what reads show and what writes keep.

Access rules: privileged spec, "CSR Field Specifications" and "Machine-Level CSRs", and the H chapter's
"Trap Cause Codes". Resets and writable bits are those of ``rtl.isa.csr_state``.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from cosim.model.bits import MASK
from cosim.model.exceptions import Trap
from cosim.model.xvmx.guest_csrs import guest_readers, guest_writers
from rtl.isa.causes import VS_INTERRUPTS, Cause, Interrupt
from rtl.isa.csr_state import COUNTERS, CsrState, Legality, csr_states, visible_states
from rtl.isa.csrs import CSRS, VS_ALIASES
from rtl.isa.paging import PMP_ENTRIES, AtpMode
from rtl.isa.privilege import Privilege
from rtl.isa.xvmx import Arch, capabilities

if TYPE_CHECKING:
    from cosim.model.hart import Hart

__all__ = ["CsrFile"]

_STATES = csr_states(xvmx=True)
_BY_NUMBER: dict[Arch, dict[int, CsrState]] = {
    arch: {state.csr.number: state for state in visible_states(arch).values()} for arch in Arch
}
_ALIASES = {CSRS[name].number: _STATES[alias] for name, alias in VS_ALIASES.items()}
_GUEST_ONLY = {
    name: replace(_STATES[name], csr=replace(CSRS[name], name=f"v{name}"))
    for name in ("scounteren", "senvcfg")
}
"""Registers of Xvmx's guest for which the H extension has no VS register."""
_XVMX_ALIASES = _ALIASES | {state.csr.number: state for state in _GUEST_ONLY.values()}
_SSTATUS_NUMBER = CSRS["sstatus"].number

_SSTATUS = _STATES["sstatus"]
_TM = 1 << 1
_STCE = CSRS["menvcfg"].mask("STCE")
_ADUE = CSRS["menvcfg"].mask("ADUE")
_MODE_SHIFT = CSRS["satp"].field("MODE").lo
_MPP = CSRS["mstatus"].mask("MPP")
_STIP = 1 << Interrupt.STI
_SEIP = 1 << Interrupt.SEI
_SGEIP = 1 << Interrupt.SGEI
_M, _S, _U = int(Privilege.M), int(Privilege.S), int(Privilege.U)


class _Refused(Exception):
    """An access is not allowed; ``virtual`` tells which of the two exceptions it raises."""

    def __init__(self, virtual: bool):
        super().__init__(virtual)
        self.virtual = virtual


def _require(condition: int | bool, virtual: bool = False) -> None:
    if not condition:
        raise _Refused(virtual)


class CsrFile:
    """All control and status registers of ``hart``.

    ``value`` holds the stored registers by name; traps and the hart read and change them directly.
    Registers that are views of others, or of devices and counters, are made by ``read``.
    """

    def __init__(self, hart: "Hart"):
        self.hart = hart
        self.value: dict[str, int] = {name: state.reset for name, state in _STATES.items()}
        self.value |= dict.fromkeys((state.name for state in _GUEST_ONLY.values()), 0)
        self._by_number = _BY_NUMBER[Arch.H]
        self._aliases = _ALIASES
        self._readers: dict[str, Callable[[], int]] = self._make_readers()
        self._writers: dict[str, Callable[[int], None]] = self._make_writers()

    def select(self, arch: Arch) -> None:
        """mvirt.ARCH changed: registers and bits are those that exist now."""
        self._by_number = _BY_NUMBER[arch]
        self._aliases = _XVMX_ALIASES if arch == Arch.XVMX else _ALIASES
        for state in self._by_number.values():
            if state.name not in ("mvirt", "mhartid"):
                self.value[state.name] = self.value[state.name] & state.writable | state.fixed
        if arch == Arch.XVMX:
            self._readers.update(guest_readers(self.hart))
            self._writers.update(guest_writers(self.hart))
        else:
            self._readers, self._writers = self._make_readers(), self._make_writers()

    # ---- Access rules ----

    def find(self, number: int, write: bool, bits: int) -> CsrState:
        """The register that ``number`` means in the present mode; a Trap if the access is not allowed.

        ``bits`` is the instruction, for the exception's tval.
        """
        try:
            return self._find(number, write)
        except _Refused as refused:
            cause = Cause.VIRTUAL_INSTRUCTION if refused.virtual else Cause.ILLEGAL_INSTRUCTION
            raise Trap(cause, bits) from None

    def _find(self, number: int, write: bool) -> CsrState:
        hart = self.hart
        state = self._by_number.get(number)
        _require(state is not None)
        assert state is not None
        _require(not (write and state.csr.read_only))
        if hart.privilege == _M:
            _require(state.legality != Legality.NONROOT)
            return state
        if self._in_hole(number):
            return self._aliases[number] if hart.virt else state
        lowest = state.csr.privilege
        _require(lowest != 3)
        supervisor = hart.privilege == _S
        if not hart.virt:
            _require(lowest == 0 or supervisor)
        self._check_rule(state, supervisor)
        if hart.vmx.in_guest:
            _require(lowest == 0 or supervisor)
            return self._aliases.get(number, state)
        if hart.virt:
            # Allowed in HS mode, but a hypervisor or VS register, or a supervisor register from VU.
            _require(lowest == 0 or (lowest == 1 and supervisor), virtual=True)
            return _ALIASES.get(number, state)
        return state

    def _in_hole(self, number: int) -> bool:
        """Whether this is an access to sstatus from U through mvirt.HOLE (docs/xvmx.md, section 11)."""
        return number == _SSTATUS_NUMBER and self.hart.vmx.hole and self.hart.privilege == _U

    def _check_rule(self, state: CsrState, supervisor: bool) -> None:
        """The enables beyond the number; ``supervisor``: from HS or VS, not U or VU."""
        value, legality = self.value, state.legality
        virt = self.hart.virt and not self.hart.vmx.in_guest
        match legality:
            case Legality.NONROOT:
                _require(self.hart.vmx.in_guest)
            case Legality.SATP if self.hart.vmx.in_guest:
                pass
            case Legality.COUNTER:
                self._check_counter(1 << (state.csr.number & 31), supervisor)
            case Legality.SATP:
                if virt:
                    _require(supervisor and not value["hstatus"] & CSRS["hstatus"].mask("VTVM"), virtual=True)
                else:
                    _require(not value["mstatus"] & CSRS["mstatus"].mask("TVM"))
            case Legality.HGATP if not virt:
                _require(not value["mstatus"] & CSRS["mstatus"].mask("TVM"))
            case Legality.STIMECMP | Legality.VSTIMECMP:
                _require(value["mcounteren"] & _TM and value["menvcfg"] & _STCE)
                if virt and legality == Legality.STIMECMP:
                    _require(value["hcounteren"] & _TM and value["henvcfg"] & _STCE, virtual=True)

    def _check_counter(self, bit: int, supervisor: bool) -> None:
        """The enable chain: mcounteren, then for V = 1 hcounteren, then for U modes scounteren."""
        in_guest = self.hart.vmx.in_guest
        virt = bool(self.hart.virt) and not in_guest
        _require(self.value["mcounteren"] & bit)
        if virt:
            _require(self.value["hcounteren"] & bit, virtual=True)
        if not supervisor:
            _require(self.value["vscounteren" if in_guest else "scounteren"] & bit, virtual=virt)

    # ---- Reads ----

    def read(self, name: str) -> int:
        """What the register shows."""
        reader = self._readers.get(name)
        return reader() if reader else self.value[name]

    def _make_readers(self) -> dict[str, Callable[[], int]]:
        value, hart = self.value, self.hart
        readers: dict[str, Callable[[], int]] = {
            "sstatus": lambda: value["mstatus"] & _SSTATUS.writable | _SSTATUS.fixed,
            "mip": hart.pending,
            "sip": lambda: hart.pending() & value["mideleg"] & 0x222,
            "sie": lambda: value["mie"] & value["mideleg"] & 0x222,
            "hip": lambda: hart.pending() & (VS_INTERRUPTS | _SGEIP),
            "hie": lambda: value["mie"] & (VS_INTERRUPTS | _SGEIP),
            "vsip": lambda: (hart.pending() & value["hideleg"] & VS_INTERRUPTS) >> 1,
            "vsie": lambda: (value["mie"] & value["hideleg"] & VS_INTERRUPTS) >> 1,
            "henvcfg": lambda: value["henvcfg"] & ~(~value["menvcfg"] & (_ADUE | _STCE)),
            "pmpcfg0": hart.pmp.read_cfg,
            "time": lambda: hart.guest_time() if hart.virt else hart.time(),
            "svmxcap": lambda: capabilities(hart.vmx.nos2),
            "mhartid": lambda: hart.hart_id,
        }
        for n in range(PMP_ENTRIES):
            readers[f"pmpaddr{n}"] = partial(hart.pmp.read_addr, n)
        counters = hart.counters
        for n, name in [(0, "cycle"), (2, "instret"), *((n, f"hpmcounter{n}") for n in COUNTERS)]:
            readers[name] = partial(counters.read, n)
            readers[f"m{name}"] = readers[name]
        return readers

    @property
    def computed(self) -> frozenset[str]:
        """Registers that ``read`` makes from others, from devices or from counters."""
        return frozenset(self._readers)

    def held(self, name: str) -> int:
        """As ``read``, but of ``mip`` only the bits that software sets there."""
        return self.value[name] if name == "mip" else self.read(name)

    # ---- Writes ----

    def write(self, state: CsrState, new: int) -> None:
        """Write register ``state`` as a CSR instruction does."""
        name = state.name
        writer = self._writers.get(name)
        if writer:
            writer(new)
        elif state.writable:
            visible = self._by_number.get(state.csr.number, state)
            self.value[name] = new & visible.writable | visible.fixed
        self.hart.csr_written(name)

    def replace(self, name: str, mask: int, new: int) -> None:
        """Change the bits ``mask`` of a stored register."""
        self.value[name] = self.value[name] & ~mask | new & mask

    def _make_writers(self) -> dict[str, Callable[[int], None]]:
        value, hart = self.value, self.hart
        vs_software = 1 << Interrupt.VSSI
        writers: dict[str, Callable[[int], None]] = {
            "mstatus": self._write_mstatus,
            "sstatus": lambda new: self.replace("mstatus", _SSTATUS.writable, new),
            "satp": lambda new: self._write_satp("satp", new),
            "vsatp": lambda new: self._write_satp("vsatp", new),
            "hgatp": self._write_hgatp,
            "henvcfg": lambda new: self._write_henvcfg(new),
            "mip": self._write_mip,
            "sip": lambda new: self.replace("mip", value["mideleg"] & 1 << Interrupt.SSI, new),
            "sie": lambda new: self.replace("mie", value["mideleg"] & 0x222, new),
            "hie": lambda new: self.replace("mie", VS_INTERRUPTS | _SGEIP, new),
            "hip": lambda new: self.replace("hvip", vs_software, new),
            "vsip": lambda new: self.replace("hvip", value["hideleg"] & vs_software, new << 1),
            "vsie": lambda new: self.replace("mie", value["hideleg"] & VS_INTERRUPTS, new << 1),
            "pmpcfg0": hart.pmp.write_cfg,
            "mcountinhibit": self._write_inhibit,
            "mvirt": hart.vmx.write_mvirt,
        }
        for n in range(PMP_ENTRIES):
            writers[f"pmpaddr{n}"] = partial(self._write_pmpaddr, n)
        for n, name in [(0, "mcycle"), (2, "minstret"), *((n, f"mhpmcounter{n}") for n in COUNTERS)]:
            writers[name] = partial(hart.counters.write, n)
        return writers

    def _write_mstatus(self, new: int) -> None:
        state = self._by_number[CSRS["mstatus"].number]
        if new & _MPP == 2 << 11:  # MPP is WARL: the reserved value changes nothing
            new = new & ~_MPP | self.value["mstatus"] & _MPP
        self.value["mstatus"] = new & state.writable | state.fixed

    def _write_satp(self, name: str, new: int) -> None:
        if new >> _MODE_SHIFT in (AtpMode.BARE, AtpMode.SV39):
            self.value[name] = new

    def _write_hgatp(self, new: int) -> None:
        if new >> _MODE_SHIFT not in (AtpMode.BARE, AtpMode.SV39):
            mode = 0xF << _MODE_SHIFT
            new = new & ~mode | self.value["hgatp"] & mode
        self.value["hgatp"] = 0 if self.hart.vmx.nos2 else new & _STATES["hgatp"].writable

    def _write_henvcfg(self, new: int) -> None:
        blocked = ~self.value["menvcfg"] & (_ADUE | _STCE)
        self.value["henvcfg"] = new & _STATES["henvcfg"].writable & ~blocked

    def _write_mip(self, new: int) -> None:
        """Software bits of mip; VSSIP is hvip's. STIP belongs to stimecmp under menvcfg.STCE (Sstc)."""
        held = 0x222 & ~(_STIP if self.value["menvcfg"] & _STCE else 0)
        self.replace("mip", held, new)
        if self.hart.vmx.arch == Arch.H:
            self.replace("hvip", 1 << Interrupt.VSSI, new)

    def _write_pmpaddr(self, n: int, new: int) -> None:
        if not self.hart.pmp.locked(n):
            self.hart.pmp.addr[n] = new & _STATES[f"pmpaddr{n}"].writable

    def _write_inhibit(self, new: int) -> None:
        self.value["mcountinhibit"] = new & _STATES["mcountinhibit"].writable
        self.hart.counters.inhibit(self.value["mcountinhibit"])

    # ---- The six instructions ----

    def access(self, number: int, bits: int, write: bool, modify: Callable[[int], int]) -> int:
        """Read register ``number`` and, if ``write``, replace it by ``modify(old)``; returns the value read.

        The old value given to ``modify`` has the software bit SEIP in place of the pending line
        (privileged spec, "mip and mie").
        """
        state = self.find(number, write, bits)
        old = self.hart.imposed_csr(number)
        if old is None:
            old = self.read(state.name)
        if write:
            base = old
            if state.name == "mip":
                base = old & ~_SEIP | self.value["mip"] & _SEIP
            if not self._in_hole(number):
                self.write(state, modify(base) & MASK)
        return old
