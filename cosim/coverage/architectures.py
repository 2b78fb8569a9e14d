"""Bins of mvirt (docs/xvmx.md, section 1): changes of the architecture, and CSR accesses under 0 and 2."""

from cosim.coverage.group import MODES, Group, cross
from cosim.coverage.instructions import DONE, ILLEGAL
from rtl.isa.csr_state import CsrState, Legality, csr_states, visible_states
from rtl.isa.xvmx import Arch

__all__ = ["EXIT", "OTHERS", "STANDINGS", "architecture_groups"]

EXIT = "exit"
"""An access that makes the guest exit."""
OTHERS = {Arch.NONE: "0", Arch.XVMX: "2"}
"""Architectures without the H extension, by the name that they have in bins."""
STANDINGS = ("idle", "VMX operation", "current VMCS", "outstanding entry")
"""What a write of mvirt may end."""
_GUEST = ("VS", "VU")
_ENABLED = (Legality.SATP, Legality.STIMECMP, Legality.COUNTER)


def _outcomes(state: CsrState | None, mode: str, access: str) -> set[str]:
    """Sections 1, 2 and 5; the number's privilege as on a plain machine."""
    if state is None or (access == "write" and state.csr.read_only):
        return {ILLEGAL}
    lowest, rule = state.csr.privilege, state.legality
    if rule is Legality.NONROOT and mode not in _GUEST:
        return {ILLEGAL}
    if mode == "M":
        return {DONE}
    if lowest == 3 or (lowest == 1 and mode in ("U", "VU")):
        return {ILLEGAL}
    if rule is Legality.COUNTER and not csr_states()["mcounteren"].writable >> (state.csr.number & 31) & 1:
        return {ILLEGAL}
    found = {DONE, EXIT} if mode in _GUEST else {DONE}
    if rule in _ENABLED and not (rule is Legality.SATP and mode in _GUEST):
        found.add(ILLEGAL)
    return found


def _csr_group() -> Group:
    names = list(csr_states(hypervisor=True, xvmx=True))
    visible = {name: visible_states(arch) for arch, name in OTHERS.items()}

    def impossible(csr: str, arch: str, mode: str, access: str, outcome: str) -> str | None:
        if arch == OTHERS[Arch.NONE] and mode in _GUEST:
            return "ARCH 0 has no V = 1"
        if outcome in _outcomes(visible[arch].get(csr), mode, access):
            return None
        return "by what exists under ARCH, the number's privilege, the enables, and V"

    axes = {
        "csr": names,
        "arch": OTHERS.values(),
        "mode": MODES,
        "access": ("read", "write"),
        "outcome": (DONE, ILLEGAL, EXIT),
    }
    return cross("arch_csrs", "CSR accesses with ARCH 0 and 2: register, ARCH, mode, ...", axes, impossible)


def _change_group() -> Group:
    def impossible(before: str, after: str, standing: str) -> str | None:
        return "VMX operation is of ARCH 2" if standing != "idle" and before != "2" else None

    axes = {"before": ("0", "1", "2"), "after": ("0", "1", "2"), "standing": STANDINGS}
    return cross("architectures", "Writes of mvirt: ARCH before, ARCH after, what it ends", axes, impossible)


def architecture_groups() -> list[Group]:
    """All groups of mvirt."""
    return [_change_group(), _csr_group()]
