"""Bins of CSR accesses."""

from cosim.coverage.group import MODES, Group, cross
from cosim.coverage.instructions import DONE, ILLEGAL, VIRTUAL
from rtl.isa.csr_state import Legality, csr_states
from rtl.isa.csrs import CSRS_BY_NUMBER

__all__ = ["absent_csr_group", "csr_group"]

_HS_ENABLED = {
    Legality.SATP: "mstatus.TVM",
    Legality.HGATP: "mstatus.TVM",
    Legality.STIMECMP: "mcounteren.TM, menvcfg.STCE",
    Legality.VSTIMECMP: "mcounteren.TM, menvcfg.STCE",
    Legality.COUNTER: "mcounteren",
}
"""What may keep HS from a register."""


def _outcomes(name: str, mode: str, access: str) -> set[str]:
    """Privileged spec 2.1 (number), H chapter "Trap Cause Codes", the register's own rule."""
    state = csr_states()[name]
    lowest, rule = state.csr.privilege, state.legality
    if access == "write" and state.csr.read_only:
        return {ILLEGAL}
    if mode == "M":
        return {DONE}
    if lowest == 3:
        return {ILLEGAL}
    if rule is Legality.COUNTER and not csr_states()["mcounteren"].writable >> (state.csr.number & 31) & 1:
        return {ILLEGAL}
    if mode == "HS":
        return {DONE, ILLEGAL} if rule in _HS_ENABLED else {DONE}
    if mode == "U":
        return {DONE, ILLEGAL} if lowest == 0 else {ILLEGAL}
    # V = 1: illegal if HS could not do it either (TVM apart), else virtual unless the guest may.
    found = {VIRTUAL}
    if rule in (Legality.STIMECMP, Legality.VSTIMECMP, Legality.COUNTER):
        found.add(ILLEGAL)
    if lowest == 0 or (lowest == 1 and mode == "VS"):
        found.add(DONE)
        if rule is Legality.NUMBER:
            found.remove(VIRTUAL)
    return found


def csr_group() -> Group:
    """Every register, from every mode, read and written, with every outcome."""

    def impossible(name: str, mode: str, access: str, outcome: str) -> str | None:
        if outcome in _outcomes(name, mode, access):
            return None
        rule = csr_states()[name].legality
        if rule is Legality.COUNTER:
            return "by mode, mcounteren, hcounteren and scounteren, whose bits of absent counters are 0"
        if mode in ("VS", "VU"):
            return "with V = 1: H chapter, Trap Cause Codes"
        if rule in _HS_ENABLED:
            return f"by mode and {_HS_ENABLED[rule]}"
        return "by the number's privilege and read-only bits (Privileged spec, CSR Address Mapping)"

    axes = {
        "csr": list(csr_states()),
        "mode": MODES,
        "access": ("read", "write"),
        "outcome": (DONE, ILLEGAL, VIRTUAL),
    }
    return cross("csrs", "CSR accesses: register, mode, read or write, outcome", axes, impossible)


def absent_csr_group() -> Group:
    """Every number without a register, from every mode: always an illegal instruction."""

    def impossible(number: str, mode: str) -> str | None:
        return "a register stands there" if int(number, 16) in CSRS_BY_NUMBER else None

    axes = {"number": [f"{n:#05x}" for n in range(4096)], "mode": MODES}
    return cross("absent_csrs", "Numbers without a CSR: number, mode", axes, impossible)
