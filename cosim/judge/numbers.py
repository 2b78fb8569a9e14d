"""Which exception an access to each CSR number raises, in each mode and under four settings of the enables.

One program makes all of these accesses; a handler in M mode keeps the cause of each. Nothing is written: an
access that counts as a write sets no bits.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from cosim.elf import Program, Segment
from cosim.judge.csr_units import OPTIONAL
from cosim.judge.program import JUDGED_MEMORY
from cosim.judge.qemu import qemu_memory
from cosim.model.machine import Machine
from cosim.torture.assembler import Assembler, encode
from cosim.torture.enables import MODES, SETTINGS, Enables
from rtl.isa.causes import Cause, cause_name
from rtl.isa.csrs import CSRS, CSRS_BY_NUMBER
from rtl.isa.memory_map import DRAM_BASE, FINISHER, FINISHER_PASS
from rtl.isa.privilege import Privilege, mode_name

__all__ = ["CAUSES", "Answers", "judge_numbers", "numbers_program", "unlike"]

CAUSES = DRAM_BASE + 0xE0_0000
"""A byte for each access: its exception, 0 for none."""
_ZERO, _SCRATCH, _AT, _AFTER = 6, 28, 29, 31
_ALL = (1 << 64) - 1
_KINDS = ("read", "write")


@dataclass(frozen=True)
class Answers:
    """How many accesses were compared, how many differ as rules allow, and those that no rule allows."""

    compared: int
    allowed: int
    differences: list[str]


def numbers_program() -> Program:
    """The program; it ends through the finisher."""
    asm = Assembler(DRAM_BASE)
    asm.jump("jal", "begin")
    asm.label("trap")
    asm.jump("bne", "after", _AFTER, 0)
    asm.csr("csrrs", _SCRATCH, "mcause")
    asm.op("sb", 0, _AT, _SCRATCH)
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
    asm.constant(_AT, CAUSES)
    for enables in SETTINGS:
        for privilege, virt in MODES:
            _enter(asm, enables, privilege, virt)
            step = encode("addi", _AT, _AT, imm=1)
            for number in range(4096):
                for operand in (0, _ZERO):
                    asm.word(encode("csrrs", 0, operand, imm=number), step)
            asm.op("auipc", _AFTER)  # back to M mode, behind the call
            asm.op("addi", _AFTER, _AFTER, imm=12)
            asm.op("ecall")
    asm.constant(_SCRATCH, FINISHER.base)
    asm.constant(_AFTER, FINISHER_PASS)
    asm.op("sw", 0, _SCRATCH, _AFTER)
    asm.label("end")
    asm.jump("jal", "end")
    return Program("CSR numbers", DRAM_BASE, (Segment(DRAM_BASE, asm.finish()),), {})


def _enter(asm: Assembler, enables: Enables, privilege: int, virt: int) -> None:
    timers = CSRS["menvcfg"].mask("STCE")
    status = privilege << 11 | (CSRS["mstatus"].mask("MPV") if virt else 0)
    settings = {
        "mcounteren": _ALL * enables.machine,
        "menvcfg": timers * enables.machine,
        "hcounteren": _ALL * enables.hypervisor,
        "henvcfg": timers * enables.hypervisor,
        "scounteren": _ALL * enables.supervisor,
        "hstatus": CSRS["hstatus"].mask("VTVM") * enables.traps,
        "mstatus": status | CSRS["mstatus"].mask("TVM") * enables.traps,
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


def judge_numbers(timeout: float = 60) -> Answers:
    """Ask the model and QEMU."""
    program = numbers_program()
    machine = Machine(JUDGED_MEMORY)
    machine.load(program)
    machine.run()
    return unlike(bytes(machine.bus.dram), qemu_memory(program, JUDGED_MEMORY, timeout))


def unlike(ours: bytes, theirs: bytes) -> Answers:
    """What two sides' memory says of the accesses."""
    allowed, differences, compared = 0, [], 0
    for at, (enables, virt, privilege, number, kind) in enumerate(_accesses(), CAUSES - DRAM_BASE):
        compared += 1
        if ours[at] == theirs[at]:
            continue
        if _allows(number, privilege, virt, ours[at], theirs[at]):
            allowed += 1
            continue
        csr = CSRS_BY_NUMBER.get(number)
        name = csr.name if csr else "no CSR"
        causes = " / ".join(cause_name(cause) if cause else "none" for cause in (ours[at], theirs[at]))
        mode = mode_name(privilege, virt)
        differences.append(f"{kind} of {number:#x} ({name}) in {mode}: {causes} (model / QEMU); {enables}")
    return Answers(compared, allowed, differences)


def _accesses() -> Iterator[tuple[Enables, int, int, int, str]]:
    """In the program's order."""
    for enables in SETTINGS:
        for privilege, virt in MODES:
            for number in range(4096):
                for kind in _KINDS:
                    yield enables, virt, privilege, number, kind


def _allows(number: int, privilege: int, virt: int, ours: int, theirs: int) -> bool:
    """Registers that only one of the two has, and the rule ``vu_supervisor``."""
    csr = CSRS_BY_NUMBER.get(number)
    if csr and csr.name in OPTIONAL:
        return True
    supervisor = bool(csr and csr.privilege == Privilege.S and virt and privilege == Privilege.U)
    return supervisor and (ours, theirs) == (Cause.VIRTUAL_INSTRUCTION, Cause.ILLEGAL_INSTRUCTION)
