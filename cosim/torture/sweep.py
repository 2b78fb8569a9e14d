"""The sweep: a program that reads and writes every CSR from every mode, under all kinds of enables.

Not random at all. Numbers without a register are accessed once from each mode, registers in each of
``SETTINGS``. A write sets no bits, so nothing changes; what is looked at is who may and who may not.
"""

from cosim.elf import Program, Segment
from cosim.torture.assembler import Assembler, encode
from cosim.torture.enables import MODES, SETTINGS, Enables
from cosim.torture.layout import CODE
from rtl.isa.causes import Cause
from rtl.isa.csr_state import csr_states
from rtl.isa.csrs import CSRS, CSRS_BY_NUMBER
from rtl.isa.privilege import Privilege

__all__ = ["SWEEP_INSTRUCTIONS", "sweep_program"]

SWEEP_INSTRUCTIONS = 160_000
"""It does something new for so many, and then loops."""

_ALL = (1 << 64) - 1
_TARGET, _ZERO, _SCRATCH, _AFTER = 5, 6, 30, 31


def sweep_program() -> Program:
    """The program; with tohost nowhere, it ends in a loop."""
    asm = Assembler(CODE)
    asm.jump("jal", "begin")
    asm.label("trap")
    asm.jump("bne", "after", _AFTER, 0)
    asm.csr("csrrs", _SCRATCH, "mepc")
    asm.op("addi", _SCRATCH, _SCRATCH, imm=4)
    asm.csr("csrrw", 0, "mepc", _SCRATCH)
    asm.op("mret")
    asm.label("after")
    asm.op("jalr", 0, _AFTER)
    asm.label("begin")
    for name, value in (("pmpaddr0", _ALL), ("pmpcfg0", 0x1F), ("mtvec", asm.labels["trap"]), ("mie", 0)):
        asm.constant(_SCRATCH, value)
        asm.csr("csrrw", 0, name, _SCRATCH)
    _delegated_call(asm)
    registers = sorted(state.csr.number for state in csr_states().values())
    absent = [n for n in range(4096) if n not in CSRS_BY_NUMBER]  # nor one of another architecture
    for state in SETTINGS:
        for privilege, virt in MODES:
            _enter(asm, state, privilege, virt)
            numbers = registers + (absent if state is SETTINGS[0] else [])
            asm.word(*(word for number in numbers for word in _accesses(number, number in absent)))
            _leave(asm)
    asm.label("end")
    asm.jump("jal", "end")
    return Program("CSR sweep", CODE, (Segment(CODE, asm.finish()),), asm.labels)


def _delegated_call(asm: Assembler) -> None:
    """HS calls itself: what random programs cannot do, because it is HS's way to M."""
    asm.constant(_SCRATCH, 1 << Cause.ECALL_HS)
    asm.csr("csrrw", 0, "medeleg", _SCRATCH)
    asm.jump("jal", "call")
    asm.label("called")
    asm.op("auipc", _AFTER)
    asm.op("addi", _AFTER, _AFTER, imm=12)
    asm.op("ebreak")
    asm.csr("csrrw", 0, "medeleg", 0)
    asm.jump("jal", "delegated")
    asm.label("call")
    asm.constant(_SCRATCH, asm.labels["called"])
    asm.csr("csrrw", 0, "stvec", _SCRATCH)
    _enter(asm, SETTINGS[0], Privilege.S, 0)
    asm.op("ecall")
    asm.label("delegated")


def _accesses(number: int, absent: bool) -> list[int]:
    read = encode("csrrs", _TARGET, 0, imm=number)
    write = encode("csrrs", _TARGET, _ZERO, imm=number)
    if absent:
        return [write if number & 1 else read]
    return [read, write]


def _enter(asm: Assembler, state: Enables, privilege: int, virt: int) -> None:
    envcfg = CSRS["menvcfg"].mask("STCE")
    status = privilege << 11 | (CSRS["mstatus"].mask("MPV") if virt else 0)
    status |= CSRS["mstatus"].mask("TVM") if state.traps else 0
    settings = {
        "mcounteren": _ALL * state.machine,
        "menvcfg": envcfg * state.machine,
        "hcounteren": _ALL * state.hypervisor,
        "henvcfg": envcfg * state.hypervisor,
        "scounteren": _ALL * state.supervisor,
        "hstatus": CSRS["hstatus"].mask("VTVM") * state.traps,
        "mstatus": status,
        "stimecmp": _ALL,
        "vstimecmp": _ALL,
    }
    for name, value in settings.items():
        asm.constant(_SCRATCH, value)
        asm.csr("csrrw", 0, name, _SCRATCH)
    asm.op("addi", _AFTER, 0)
    asm.op("addi", _ZERO, 0)
    asm.op("auipc", _SCRATCH)
    asm.op("addi", _SCRATCH, _SCRATCH, imm=16)
    asm.csr("csrrw", 0, "mepc", _SCRATCH)
    asm.op("mret")


def _leave(asm: Assembler) -> None:
    """Back to M mode, at the instruction behind."""
    asm.op("auipc", _AFTER)
    asm.op("addi", _AFTER, _AFTER, imm=12)
    asm.op("ecall")
