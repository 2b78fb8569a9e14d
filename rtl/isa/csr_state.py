"""What each CSR holds: reset value, the bits that a write can change, fixed bits, and the special rules.

These are this machine's choices wherever the specification leaves one (WARL fields, optional bits); the RTL
generates its registers from them and the golden model applies them. A register's value is always
``(stored & writable) | fixed``; what hardware alone changes (pending bits of devices, counters) is noted
at the register.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import cache

from rtl.isa.causes import NEVER_RAISED, VS_INTERRUPTS, Cause, Interrupt
from rtl.isa.csrs import CSRS, Csr
from rtl.isa.paging import PMP_ENTRIES, PMP_GRANULARITY_SHIFT, PPN_BITS
from rtl.isa.xvmx import Arch, capabilities

__all__ = [
    "COUNTERS",
    "M_INTERRUPTS",
    "PMPADDR_NAPOT_ONES",
    "PMPADDR_OFF_ZEROS",
    "S_INTERRUPTS",
    "CsrState",
    "Legality",
    "WriteRule",
    "csr_states",
    "visible_states",
]

_ALL = (1 << 64) - 1


def _bits(*numbers: int) -> int:
    return sum(1 << number for number in numbers)


def _words(text: str) -> list[str]:
    return text.split()


S_INTERRUPTS = _bits(Interrupt.SSI, Interrupt.STI, Interrupt.SEI)
"""The S-level interrupt bits of ``mip``, ``mideleg``, ``sip`` and so on."""
M_INTERRUPTS = _bits(Interrupt.MSI, Interrupt.MTI, Interrupt.MEI)
"""The M-level interrupt bits of ``mip`` and ``mie``."""

COUNTERS = range(3, 11)
"""Numbers n of the implemented ``mhpmcounter<n>``/``mhpmevent<n>``; the others are read-only zero."""

PMPADDR_NAPOT_ONES = (1 << (PMP_GRANULARITY_SHIFT - 3)) - 1
"""Low bits of ``pmpaddr<n>`` that read as ones while the entry is NAPOT (Privileged spec, "Address Matching":
bits G-2 to 0)."""
PMPADDR_OFF_ZEROS = (1 << (PMP_GRANULARITY_SHIFT - 2)) - 1
"""Low bits of ``pmpaddr<n>`` that read as zeros while the entry is OFF or TOR (bits G-1 to 0). Bit G-1 is
stored all the same and shows again in NAPOT."""


class Legality(Enum):
    """Which rule decides on an access, beyond the privilege and read-only bits of the number."""

    NUMBER = auto()
    """Nothing else."""
    COUNTER = auto()
    """cycle, time, instret, hpmcounter: mcounteren, hcounteren, scounteren."""
    SATP = auto()
    """HS: illegal under mstatus.TVM. VS: virtual under hstatus.VTVM."""
    HGATP = auto()
    """HS: illegal under mstatus.TVM."""
    STIMECMP = auto()
    """Not M: illegal without mcounteren.TM and menvcfg.STCE; then VS: virtual without hcounteren.TM and
    henvcfg.STCE."""
    VSTIMECMP = auto()
    """Not M: illegal without mcounteren.TM and menvcfg.STCE."""
    NONROOT = auto()
    """Only with V = 1 (docs/xvmx.md, "The guest's interrupt file")."""


class WriteRule(Enum):
    """How a write changes the register, beyond the ``writable`` mask."""

    MASK = auto()
    """new = value & writable."""
    MSTATUS = auto()
    """MPP keeps its old value when 2 is written."""
    SATP = auto()
    """A MODE other than Bare and Sv39: the whole write is ignored (satp; vsatp in every mode)."""
    HGATP = auto()
    """A MODE other than Bare and Sv39x4 leaves MODE as it was; the other fields are written."""
    HENVCFG = auto()
    """ADUE and STCE are read-only zero while the same bit of menvcfg is 0 (a write then stores 0)."""
    VIEW = auto()
    """No storage of its own: shows bits of ``view``. sie and sip show the bits that mideleg sets, vsie and
    vsip those that hideleg sets (one bit lower). Writes go through; its other bits stay."""
    MIP = auto()
    """STIP is read-only while menvcfg.STCE = 1. csrrs/csrrc use the software SEIP bit, not the line."""
    PMPCFG = auto()
    """Byte by byte; a locked byte keeps its value; A = NA4 is stored as OFF; W without R as no W."""
    PMPADDR = auto()
    """Ignored if the entry is locked, or if the next one is locked and TOR."""
    MVIRT = auto()
    """The reserved value of ARCH, or an architecture that is not built, keeps the old ARCH."""
    STOPEI = auto()
    """Any write clears the pending bit of the interrupt that the register shows."""


@dataclass(frozen=True)
class CsrState:
    """One register.

    Attributes
    ----------
    csr: number and fields
    reset: value after reset, fixed bits included
    writable: bits that a CSR instruction can change
    fixed: bits that always read as one
    rule: how a write is done
    legality: who may touch it
    view: register whose bits this one shows (``rule`` VIEW), or for pending registers where they are kept
    hypervisor: exists only with the H extension (``mvirt.ARCH`` = 1)
    xvmx: exists only with Xvmx (``mvirt.ARCH`` = 2)
    """

    csr: Csr
    reset: int = 0
    writable: int = _ALL
    fixed: int = 0
    rule: WriteRule = WriteRule.MASK
    legality: Legality = Legality.NUMBER
    view: str | None = None
    hypervisor: bool = False
    xvmx: bool = False

    @property
    def name(self) -> str:
        """The specification's name."""
        return self.csr.name


_HYPERVISOR_NAMES = _words(
    "hstatus hedeleg hideleg hie htimedelta hcounteren hgeie henvcfg htval hip hvip htinst hgatp hgeip "
    "vsstatus vsie vstvec vsscratch vsepc vscause vstval vsip vstimecmp vsatp mtinst mtval2"
)

_XVMX_NAMES = ("svmxcap", "stopei")
_XVMX_BUILD_NAMES = ("mvirt", *_XVMX_NAMES)
"""Only in a hart that is built with Xvmx; accesses are illegal in others."""

_COUNTER_ENABLE = _bits(0, 1, 2, *COUNTERS)
_TVEC = _ALL & ~2  # Direct and Vectored: bit 1 of MODE is read-only zero
_EPC = _ALL & ~1
_CAUSE = (1 << 63) | 0x3F
_UXL = 2 << 32
_SSTATUS = CSRS["sstatus"].mask("SIE", "SPIE", "SPP", "SUM", "MXR")
_HSTATUS = CSRS["hstatus"].mask("GVA", "SPV", "SPVP", "HU", "VTVM", "VTW", "VTSR")
_SATP = CSRS["satp"].mask("PPN", "ASID", "MODE")
_HGATP = CSRS["hgatp"].mask("PPN", "VMID", "MODE") & ~3
_ENVCFG = CSRS["menvcfg"].mask("FIOM", "ADUE", "STCE")
_FIOM = CSRS["menvcfg"].mask("FIOM")
_PMPADDR = ((1 << (PPN_BITS + 10)) - 1) & ~PMPADDR_NAPOT_ONES
_PMPCFG = int.from_bytes(bytes([0x9F] * PMP_ENTRIES), "little")
_HPMEVENT = (0x1F << 58) | 0x1F

_HEDELEG = _bits(
    *range(9),
    Cause.FETCH_PAGE_FAULT,
    Cause.LOAD_PAGE_FAULT,
    Cause.STORE_PAGE_FAULT,
    *NEVER_RAISED,
)
"""Writable, whether or not it can occur (H chapter, "Hypervisor Trap Delegation Registers")."""
_MEDELEG = _HEDELEG | _bits(Cause.ECALL_HS)
_MEDELEG_H = _bits(
    Cause.ECALL_VS,
    Cause.FETCH_GUEST_PAGE_FAULT,
    Cause.LOAD_GUEST_PAGE_FAULT,
    Cause.VIRTUAL_INSTRUCTION,
    Cause.STORE_GUEST_PAGE_FAULT,
)
_HS_INTERRUPTS = VS_INTERRUPTS | _bits(Interrupt.SGEI)


def _misa(hypervisor: bool) -> int:
    letters = "IMACSU" + ("H" if hypervisor else "")
    return (2 << 62) | _bits(*(ord(letter) - ord("A") for letter in letters))


def _machine(hypervisor: bool, virtual: bool) -> dict[str, dict]:
    """The registers whose contents depend on the architecture, and the machine level: with the H extension,
    with a virtualization mode V."""
    mstatus = CSRS["mstatus"].mask("MIE", "MPIE", "MPP", "MPRV", "TVM", "TW", "TSR") | _SSTATUS
    hs = _HS_INTERRUPTS if hypervisor else 0
    if virtual:
        mstatus |= CSRS["mstatus"].mask("GVA", "MPV")
    return {
        "misa": {"fixed": _misa(hypervisor), "writable": 0},
        "mstatus": {"writable": mstatus, "fixed": (2 << 34) | _UXL, "rule": WriteRule.MSTATUS},
        "medeleg": {"writable": _MEDELEG | (_MEDELEG_H if hypervisor else 0)},
        "mideleg": {"writable": S_INTERRUPTS, "fixed": hs},
        "mie": {"writable": S_INTERRUPTS | M_INTERRUPTS | hs},
        "mip": {
            "writable": S_INTERRUPTS | (_bits(Interrupt.VSSI) if hypervisor else 0),
            "rule": WriteRule.MIP,
        },
        "menvcfg": {"writable": _ENVCFG},
        "mcounteren": {"writable": _COUNTER_ENABLE},
        "mcountinhibit": {"writable": _COUNTER_ENABLE & ~2},
        "mimpid": {"fixed": 1, "writable": 0},
        "pmpcfg0": {"writable": _PMPCFG, "rule": WriteRule.PMPCFG},
    }


_SUPERVISOR: dict[str, dict] = {
    "sstatus": {"writable": _SSTATUS, "fixed": _UXL, "rule": WriteRule.VIEW, "view": "mstatus"},
    "sie": {"writable": S_INTERRUPTS, "rule": WriteRule.VIEW, "view": "mie"},
    "sip": {"writable": _bits(Interrupt.SSI), "rule": WriteRule.VIEW, "view": "mip"},
    "scounteren": {"writable": _COUNTER_ENABLE},
    "senvcfg": {"writable": _FIOM},
    "stimecmp": {"legality": Legality.STIMECMP},
    "satp": {"writable": _SATP, "rule": WriteRule.SATP, "legality": Legality.SATP},
    "hstatus": {"writable": _HSTATUS, "fixed": _UXL},
    "hedeleg": {"writable": _HEDELEG},
    "hideleg": {"writable": VS_INTERRUPTS},
    "hie": {"writable": _HS_INTERRUPTS, "rule": WriteRule.VIEW, "view": "mie"},
    "hip": {"writable": _bits(Interrupt.VSSI), "rule": WriteRule.VIEW, "view": "mip"},
    "hvip": {"writable": VS_INTERRUPTS},
    "hcounteren": {"writable": _COUNTER_ENABLE},
    "hgeie": {"writable": 0},
    "hgeip": {"writable": 0},
    "henvcfg": {"writable": _ENVCFG, "rule": WriteRule.HENVCFG},
    "htinst": {"writable": 0xFFFF_FFFF},
    "mtinst": {"writable": 0xFFFF_FFFF},
    "hgatp": {"writable": _HGATP, "rule": WriteRule.HGATP, "legality": Legality.HGATP},
    "vsstatus": {"writable": _SSTATUS, "fixed": _UXL},
    "vsie": {"writable": S_INTERRUPTS, "rule": WriteRule.VIEW, "view": "hie"},
    "vsip": {"writable": _bits(Interrupt.SSI), "rule": WriteRule.VIEW, "view": "hip"},
    "vstimecmp": {"legality": Legality.VSTIMECMP},
    "vsatp": {"writable": _SATP, "rule": WriteRule.SATP},
    "svmxcap": {"fixed": capabilities(), "writable": 0},
    "stopei": {"rule": WriteRule.STOPEI, "legality": Legality.NONROOT},
}

_READ_ONLY_ZERO = (
    _words("mvendorid marchid mhartid mconfigptr tselect tdata1 tdata2 tdata3")
    + [f"pmpcfg{n}" for n in range(2, 16, 2)]
    + [f"pmpaddr{n}" for n in range(PMP_ENTRIES, 64)]
    + [f"mhpm{kind}{n}" for n in range(3, 32) if n not in COUNTERS for kind in ("counter", "event")]
)
"""Accesses are legal; writes change nothing. mhartid shows the hart's number."""


def _extra(name: str) -> dict:
    """Entries that follow a pattern."""
    if name in _READ_ONLY_ZERO:
        return {"writable": 0}
    if name in ("cycle", "time", "instret") or name.startswith("hpmcounter"):
        return {"writable": 0, "legality": Legality.COUNTER}
    if name.startswith("mhpmevent"):
        return {"writable": _HPMEVENT}
    if name.startswith("pmpaddr"):
        return {"writable": _PMPADDR, "rule": WriteRule.PMPADDR}
    for ending, mask in (("tvec", _TVEC), ("epc", _EPC), ("cause", _CAUSE)):
        if name.endswith(ending):
            return {"writable": mask}
    return {}


@cache
def csr_states(hypervisor: bool = True, xvmx: bool = False) -> dict[str, CsrState]:
    """Every register of a hart that is built with or without H extension and Xvmx, by name; masks are those
    of the H extension if there is one. Do not change the result."""
    machine = _machine(hypervisor, hypervisor or xvmx)
    states = {}
    for name, csr in CSRS.items():
        only_h = name in _HYPERVISOR_NAMES
        if (only_h and not hypervisor) or (name in _XVMX_BUILD_NAMES and not xvmx):
            continue
        entry = machine.get(name) or _SUPERVISOR.get(name) or _extra(name)
        if name == "mvirt":
            entry = {"writable": csr.mask(), "reset": Arch.H if hypervisor else Arch.NONE}
            entry["rule"] = WriteRule.MVIRT
        entry = {"reset": entry.get("fixed", 0)} | entry
        states[name] = CsrState(csr, hypervisor=only_h, xvmx=name in _XVMX_NAMES, **entry)
    return states


@cache
def visible_states(arch: Arch) -> dict[str, CsrState]:
    """The registers that exist while ``mvirt.ARCH`` is ``arch`` in a hart that is built with both, with the
    masks that hold then (docs/xvmx.md, "What exists at each ARCH"). Do not change the result."""
    states = csr_states(hypervisor=arch == Arch.H, xvmx=True)
    machine = _machine(arch == Arch.H, arch != Arch.NONE)
    visible = {}
    for name, state in states.items():
        if state.xvmx and arch != Arch.XVMX:
            continue
        if name in machine:
            entry = machine[name]
            state = replace(state, writable=entry["writable"], fixed=entry.get("fixed", 0))
        visible[name] = state
    return visible
