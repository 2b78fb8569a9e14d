"""The programs' header and the tables of ``rtl.isa.xvmx`` state the same numbers, each by itself."""

import re
from pathlib import Path

from rtl.isa.causes import Cause
from rtl.isa.csrs import CSRS
from rtl.isa.instructions import INSTRUCTIONS
from rtl.isa.xvmx import FIELDS, REVISION, VMCS_BYTES, ExitControl, ExitReason, PinControl, ProcControl

_TEXT = (Path(__file__).parent / "include" / "xvmx.h").read_text()
_DEFINED = {
    name: eval(value)
    for name, value in re.findall(r"^#define (\w+) (\(?-?(?:0x)?[0-9a-f<|() ]+)$", _TEXT, re.M)
}


def test_fields() -> None:
    numbers = {name: number for name, number in _DEFINED.items() if name in FIELDS}
    assert numbers == {name: field.number for name, field in FIELDS.items()}


def test_controls() -> None:
    for prefix, controls in (("PIN", PinControl), ("PROC", ProcControl), ("EXIT", ExitControl)):
        for control in controls:
            assert _DEFINED[f"{prefix}_{control.name}"] == control


def test_exit_reasons() -> None:
    for reason in ExitReason:
        expected = reason | 1 << 31 if reason == ExitReason.ENTRY_FAIL else reason
        assert _DEFINED[f"REASON_{reason.name}"] == expected


def test_registers_and_causes() -> None:
    for name in ("mvirt", "svmxcap", "stopei"):
        assert _DEFINED[name.upper()] == CSRS[name].number
    assert _DEFINED["VMX_ABORT"] == Cause.VMX_ABORT
    assert _DEFINED["REVISION"] == REVISION


def test_instructions() -> None:
    found = dict(re.findall(r"\.macro (vm\w+|inv\w+)[^\n]*\n\s+\.insn r 0x7b, 0, (0x[0-9a-f]+)", _TEXT))
    assert {name: int(code, 16) << 25 | 0x7B for name, code in found.items()} == {
        name: i.match for name, i in INSTRUCTIONS.items() if i.extension == "Xvmx"
    }


def test_memory_layout() -> None:
    """Fields follow one another in the order of their numbers, in whole cache lines."""
    numbers = [field.number for field in FIELDS.values()]
    assert numbers == sorted(numbers)
    assert [field.offset for field in FIELDS.values()] == list(range(16, VMCS_BYTES, 8))
    assert VMCS_BYTES % 64 == 0
