"""Bins of instructions: each in each mode, executed or refused."""

from cosim.coverage.group import MODES, Group, cross
from rtl.isa.instructions import COMPRESSED, INSTRUCTIONS, Format

__all__ = ["DONE", "ILLEGAL", "VIRTUAL", "instruction_group"]

DONE, ILLEGAL, VIRTUAL = "done", "illegal", "virtual"
"""Outcomes: executed (ecall and ebreak with their own exceptions), or refused in one of two ways."""

_ANYWHERE = "legal in every mode"
_Outcomes = dict[str, tuple[str, ...]]

_PRIVILEGED: dict[str, _Outcomes] = {
    "mret": {"M": (DONE,), "HS": (ILLEGAL,), "U": (ILLEGAL,), "VS": (ILLEGAL,), "VU": (ILLEGAL,)},
    "wfi": {
        "M": (DONE,),
        "HS": (DONE, ILLEGAL),  # mstatus.TW
        "U": (ILLEGAL,),
        "VS": (DONE, ILLEGAL, VIRTUAL),  # mstatus.TW, hstatus.VTW
        "VU": (ILLEGAL, VIRTUAL),
    },
}
"""Privileged spec, "Trap-Return Instructions" and "Wait for Interrupt"; H chapter, "Virtual-Instruction
Exception". This machine does not wait in U and VU."""

_TRAPPED_SUPERVISOR: _Outcomes = {
    "M": (DONE,),
    "HS": (DONE, ILLEGAL),  # TSR, TVM
    "U": (ILLEGAL,),
    "VS": (DONE, VIRTUAL),  # VTSR, VTVM
    "VU": (VIRTUAL,),
}
_SUPERVISOR: _Outcomes = {"M": (DONE,), "HS": (DONE,), "U": (ILLEGAL,), "VS": (DONE,), "VU": (VIRTUAL,)}
_HYPERVISOR: _Outcomes = {"M": (DONE,), "HS": (DONE,), "U": (ILLEGAL,), "VS": (VIRTUAL,), "VU": (VIRTUAL,)}
_TRAPPED_HYPERVISOR: _Outcomes = _HYPERVISOR | {"HS": (DONE, ILLEGAL)}  # TVM
_GUEST_ACCESS: _Outcomes = _HYPERVISOR | {"U": (DONE, ILLEGAL)}  # hstatus.HU
_CSR: _Outcomes = {mode: (DONE, ILLEGAL, VIRTUAL) if mode[0] == "V" else (DONE, ILLEGAL) for mode in MODES}

_PRIVILEGED |= dict.fromkeys(("sret", "sfence.vma", "sinval.vma"), _TRAPPED_SUPERVISOR)
_PRIVILEGED |= dict.fromkeys(("sfence.w.inval", "sfence.inval.ir"), _SUPERVISOR)
_PRIVILEGED |= dict.fromkeys(("hfence.vvma", "hinval.vvma"), _HYPERVISOR)
_PRIVILEGED |= dict.fromkeys(("hfence.gvma", "hinval.gvma"), _TRAPPED_HYPERVISOR)
_PRIVILEGED |= dict.fromkeys(
    ("csrrw", "csrrwi"),  # always write, and no register can be written from U or VU
    _CSR | {"U": (ILLEGAL,), "VU": (ILLEGAL, VIRTUAL)},
)
_BY_FORMAT = {Format.HLV: _GUEST_ACCESS, Format.HSV: _GUEST_ACCESS, Format.CSR: _CSR, Format.CSRI: _CSR}

_NAMES = [name for name, i in INSTRUCTIONS.items() if i.extension != "Xvmx"]


def _outcomes(name: str, mode: str) -> tuple[str, ...]:
    if name in ("illegal", "c.illegal"):
        return (ILLEGAL,)
    instruction = INSTRUCTIONS.get(name)
    by_mode = _PRIVILEGED.get(name) or (_BY_FORMAT.get(instruction.format) if instruction else None)
    return by_mode[mode] if by_mode else (DONE,)


def instruction_group() -> Group:
    """Every instruction of either length, in every mode, with every outcome."""

    def impossible(name: str, mode: str, outcome: str) -> str | None:
        if outcome in _outcomes(name, mode):
            return None
        if len(_outcomes(name, mode)) == 1 and _outcomes(name, mode)[0] == DONE:
            return f"{_ANYWHERE if name not in _PRIVILEGED else 'legal in this mode'}: not refused"
        return "by mode and trap bits (Privileged spec, mstatus; H chapter, Trap Cause Codes)"

    names = [*_NAMES, *(c.name for c in COMPRESSED), "illegal", "c.illegal"]
    axes = {"instruction": names, "mode": MODES, "outcome": (DONE, ILLEGAL, VIRTUAL)}
    return cross("instructions", "Instructions: name, mode, outcome", axes, impossible)
