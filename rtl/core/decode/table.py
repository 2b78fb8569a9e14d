"""The decode table: for each instruction of ``rtl.isa`` the fields of ``Control`` that differ from zero."""

from typing import Any

from rtl.core.interface import CsrOp, SystemOp
from rtl.core.stages import AluOp, AmoOp, ASelect, BranchOp, BSelect, ImmediateFormat, MemoryKind
from rtl.isa.instructions import INSTRUCTIONS, Format, Instruction

__all__ = ["control_of", "decode_table", "opcodes_with"]

_IMM = {"b": BSelect.IMMEDIATE}
_SIMPLE = {"simple": 1, "leads": 1}
_OPERANDS: dict[Format, dict[str, Any]] = {
    Format.R: {"use_rs1": 1, "use_rs2": 1, "rd_write": 1},
    Format.I: {"use_rs1": 1, "rd_write": 1, "immediate": ImmediateFormat.I, **_IMM},
    Format.SHIFT6: {"use_rs1": 1, "rd_write": 1, "immediate": ImmediateFormat.I, **_IMM},
    Format.SHIFT5: {"use_rs1": 1, "rd_write": 1, "immediate": ImmediateFormat.I, **_IMM},
    Format.LOAD: {"use_rs1": 1, "rd_write": 1, "immediate": ImmediateFormat.I, **_IMM},
    Format.S: {"use_rs1": 1, "use_rs2": 1, "immediate": ImmediateFormat.S, **_IMM},
    Format.B: {"use_rs1": 1, "use_rs2": 1, "immediate": ImmediateFormat.B},
    Format.U: {"rd_write": 1, "immediate": ImmediateFormat.U, **_IMM},
    Format.J: {"rd_write": 1, "immediate": ImmediateFormat.J},
    Format.CSR: {"use_rs1": 1, "rd_write": 1, "immediate": ImmediateFormat.Z},
    Format.CSRI: {"rd_write": 1, "immediate": ImmediateFormat.Z, "csr_immediate": 1},
    Format.FENCE: {},
    Format.NONE: {},
    Format.RS1_RS2: {"use_rs1": 1, "use_rs2": 1},
    Format.LR: {"use_rs1": 1, "rd_write": 1},
    Format.AMO: {"use_rs1": 1, "use_rs2": 1, "rd_write": 1},
    Format.HLV: {"use_rs1": 1, "rd_write": 1, "hypervisor": 1},
    Format.HSV: {"use_rs1": 1, "use_rs2": 1, "hypervisor": 1},
    Format.RD: {"rd_write": 1},
    Format.RD_RS1: {"use_rs1": 1, "rd_write": 1},
}

_ALU_NAMES = {op.name.lower(): op for op in AluOp}
_SIZES = {"b": 0, "h": 1, "w": 2, "d": 3}
_SYSTEM = {
    "ecall": SystemOp.ECALL,
    "ebreak": SystemOp.EBREAK,
    "mret": SystemOp.MRET,
    "sret": SystemOp.SRET,
    "wfi": SystemOp.WFI,
    "sfence.vma": SystemOp.SFENCE_VMA,
    "sinval.vma": SystemOp.SINVAL_VMA,
    "sfence.w.inval": SystemOp.SFENCE_INVAL,
    "sfence.inval.ir": SystemOp.SFENCE_INVAL,
    "hfence.vvma": SystemOp.HFENCE_VVMA,
    "hfence.gvma": SystemOp.HFENCE_GVMA,
    "hinval.vvma": SystemOp.HINVAL_VVMA,
    "hinval.gvma": SystemOp.HINVAL_GVMA,
}


def _access(kind: MemoryKind, width: str) -> dict[str, Any]:
    """A load or store of ``b``, ``h``, ``w`` or ``d``, with ``u`` behind for zero-extension."""
    return {"memory": kind, "size": _SIZES[width[0]], "unsigned": int(width.endswith("u"))}


def _specific(instruction: Instruction) -> dict[str, Any]:
    """What the name says beyond the format."""
    name, extension = instruction.name, instruction.extension
    base, _, width = name.partition(".")
    if name in _SYSTEM:
        return {"system": _SYSTEM[name]}
    if extension == "Xvmx":
        return {"vmx": 1}
    if extension == "A":
        if base == "lr":
            return _access(MemoryKind.LR, width)
        if base == "sc":
            return _access(MemoryKind.SC, width)
        return {**_access(MemoryKind.AMO, width), "amo": AmoOp.__members__[base.removeprefix("amo").upper()]}
    if extension == "M":
        unit = "multiply" if name.startswith("mul") else "divide"
        return {unit: 1, "word": int(name.endswith("w")), "leads": int(unit == "multiply")}
    if extension == "Zicsr":
        ops = {"rw": CsrOp.WRITE, "rs": CsrOp.SET, "rc": CsrOp.CLEAR}
        return {"csr": ops[name[3:5]]}
    if base in ("hlv", "hlvx", "hsv"):
        kind = MemoryKind.STORE if base == "hsv" else MemoryKind.LOAD
        return {
            **_access(kind, width),
            "hlvx": int(base == "hlvx"),
            "system": SystemOp.HYPERVISOR_ACCESS,
        }
    if name == "fence.i":
        return {"fence_i": 1}
    if name == "fence":
        return {}
    if name in ("jal", "jalr") or instruction.format is Format.B:
        return {"branch": BranchOp.__members__[name.upper()], "leads": 1}
    if instruction.format is Format.LOAD:
        return {**_access(MemoryKind.LOAD, name[1:]), "leads": 1}
    if instruction.format is Format.S:
        return {**_access(MemoryKind.STORE, name[1:]), "leads": 1}
    if name in ("lui", "auipc"):
        return {"a": ASelect.ZERO if name == "lui" else ASelect.PC, **_SIMPLE}
    word = name.endswith("w")
    stem = name.removesuffix("w")
    for candidate in (stem, stem.removesuffix("i"), stem.removesuffix("iu") + "u"):
        if candidate in _ALU_NAMES:
            return {"alu": _ALU_NAMES[candidate], "word": int(word), **_SIMPLE}
    raise AssertionError(f"no control signals for {name}")


def control_of(instruction: Instruction) -> dict[str, Any]:
    """Non-zero fields of ``Control`` for an instruction."""
    return {**_OPERANDS[instruction.format], **_specific(instruction)}


def decode_table(
    *, hypervisor: bool, xvmx: bool, paired: bool = False
) -> list[tuple[Instruction, dict[str, Any]]]:
    """The instructions that the core implements, with their control signals.

    ``paired``: only those that can leave decode together with another one.
    """
    table = [
        (instruction, control_of(instruction))
        for instruction in INSTRUCTIONS.values()
        if (xvmx or instruction.extension != "Xvmx") and (hypervisor or instruction.extension != "H")
    ]
    return [(instruction, control) for instruction, control in table if control.get("leads") or not paired]


def opcodes_with(table: list[tuple[Instruction, dict[str, Any]]], field: str) -> list[int]:
    """Major opcodes (bits 6:2) of which some instruction has the field of ``Control`` set."""
    return sorted({instruction.match >> 2 & 0x1F for instruction, control in table if control.get(field)})
