"""Bins of traps and of returns from them."""

from cosim.coverage.group import MODES, Group, cross
from rtl.isa.causes import Cause, Interrupt
from rtl.isa.csr_state import M_INTERRUPTS, S_INTERRUPTS, csr_states

__all__ = ["return_group", "trap_group"]

_ECALLS = {"ECALL_U": ("U", "VU"), "ECALL_HS": ("HS",), "ECALL_VS": ("VS",), "ECALL_M": ("M",)}
_ONLY_FROM = _ECALLS | {
    "FETCH_PAGE_FAULT": ("HS", "U", "VS", "VU"),
    "FETCH_GUEST_PAGE_FAULT": ("VS", "VU"),
    "VIRTUAL_INSTRUCTION": ("VS", "VU"),
}
_NO_SUCH = {
    "FETCH_MISALIGNED": "with C, every target is aligned (Unprivileged spec, C)",
    "SGEI": "GEILEN is 0 (H chapter, hgeip and hgeie)",
}
_HANDLERS = ("M", "HS", "VS")


def trap_group() -> Group:
    """Cause, mode it happens in, mode that handles it."""
    causes = [cause.name for cause in Cause if cause is not Cause.VMX_ABORT]
    axes = {"cause": [*causes, *(code.name for code in Interrupt)], "from": MODES, "to": _HANDLERS}
    return cross("traps", "Traps: cause, from mode, to mode", axes, _impossible)


def _impossible(cause: str, source: str, target: str) -> str | None:
    if cause in _NO_SUCH:
        return f"{cause}: {_NO_SUCH[cause]}"
    if source == "M" and target != "M":
        return "a trap never lowers the privilege (Privileged spec, medeleg and mideleg)"
    if target == "VS" and source not in ("VS", "VU"):
        return "only traps with V = 1 go to VS (H chapter, hedeleg and hideleg)"
    if cause in Interrupt.__members__:
        return _interrupt_impossible(Interrupt[cause], source, target)
    if source not in _ONLY_FROM.get(cause, MODES):
        return f"{cause} happens in {', '.join(_ONLY_FROM[cause])} only (its definition)"
    if target != "M" and not csr_states()["medeleg"].writable >> Cause[cause] & 1:
        return f"{cause} cannot be delegated (medeleg)"
    if target == "VS" and not csr_states()["hedeleg"].writable >> Cause[cause] & 1:
        return f"{cause} cannot be delegated to VS (H chapter, hedeleg)"
    if cause == "FETCH_GUEST_PAGE_FAULT" and source not in ("VS", "VU"):
        return "guest-page faults of fetches need V = 1"
    return None


def _interrupt_impossible(code: Interrupt, source: str, target: str) -> str | None:
    bit = 1 << code
    if bit & M_INTERRUPTS:
        return None if target == "M" else "M-level interrupts are not delegated (mideleg)"
    if bit & S_INTERRUPTS:
        return None if target != "VS" else "S-level interrupts never go to VS (H chapter, hideleg)"
    if target == "M":
        return "VS-level interrupts are always delegated to HS (H chapter, mideleg)"
    if source == "M":
        return "an interrupt delegated to a lower mode is not taken (Privileged spec, mip and mie)"
    return None


def return_group() -> Group:
    """Returning instruction, from mode, to mode."""

    def impossible(name: str, source: str, target: str) -> str | None:
        if name == "mret":
            return None if source == "M" else "mret is for M mode"
        if source in ("U", "VU"):
            return "sret is a supervisor's instruction"
        if target == "M":
            return "sret returns to at most HS"
        if source == "VS" and target not in ("VS", "VU"):
            return "sret in VS keeps V (H chapter, Trap Return)"
        return None

    axes = {"instruction": ("mret", "sret"), "from": MODES, "to": MODES}
    return cross("returns", "Trap returns: instruction, from mode, to mode", axes, impossible)
