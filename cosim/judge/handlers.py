"""The handlers of a judged program, one for each level.

M mode's writes a record of every trap that it takes. Those of HS and VS use no memory, which they may not
be able to reach: they ask M mode to write a record of theirs, by an ecall with the service in x31. An ecall
from VS may be delegated to HS, whose handler passes it on. All go on behind the trapping instruction, after
a fetch fault at x1, and after an interrupt with that interrupt disabled.
"""

from cosim.judge.log import LOGGED, RECORD_BYTES, STATUS, Level
from cosim.torture.assembler import Assembler
from cosim.torture.handlers import MAGIC, REMAP_FIRST, REMAP_SECOND, remap_services
from cosim.torture.layout import BUDGET, DATA_REGISTERS, FETCH_CAUSES, LOOP, POINTERS
from rtl.isa.causes import INTERRUPT_BIT, Interrupt
from rtl.isa.csrs import CSRS
from rtl.isa.privilege import Privilege

__all__ = ["LOG_END", "ON", "SCRATCH", "SERVICE", "handlers", "levels_written"]

SCRATCH, _OTHER, SERVICE = 28, 29, 31
"""The handlers' registers; SERVICE is what is asked of M mode."""
ON, LOG_END = 23, 24
"""Address to go on at after a chunk; address behind the last record."""
_ASKED = {Level.HS: 22, Level.VS: 25}
"""Where a level keeps SERVICE while it has its record written."""
_WRITE = {Level.HS: 0x559, Level.VS: 0x55A}
"""Values of SERVICE that ask for a record of that level's trap."""

_VECTORS = max(Interrupt) + 1


def levels_written(cause: int, x: list[int]) -> list[Level]:
    """Of which levels M mode's handler writes a record besides its own, when it is entered for ``cause`` with
    the integer registers ``x``."""
    if cause & INTERRUPT_BIT or not 0 < x[BUDGET] < INTERRUPT_BIT:
        return []
    return [level for level, service in _WRITE.items() if x[SERVICE] == service]


def handlers(asm: Assembler) -> None:
    """The code, with the labels ``M``, ``HS`` and ``VS``, and ``M_vector`` and so on of their tables of
    vectors."""
    for level in Level:
        asm.code += bytes(-len(asm.code) % 64)
        asm.label(f"{level.name}_vector")
        for _ in range(_VECTORS):
            asm.jump("jal", level.name)
    _machine(asm)
    for level in (Level.HS, Level.VS):
        _lower(asm, level)


def _record(asm: Assembler, level: Level) -> None:
    asm.op("addi", SCRATCH, 0, imm=level)
    asm.op("sd", 0, LOG_END, SCRATCH)
    for n, name in enumerate((*LOGGED[level], *STATUS), 1):
        if name is not None:
            asm.csr("csrrs", SCRATCH, name)
        asm.op("sd", 0, LOG_END, SCRATCH if name is not None else 0, 8 * n)
    asm.op("addi", SCRATCH, 0)
    for register in (*POINTERS, *DATA_REGISTERS):  # a digest
        asm.op("add", SCRATCH, SCRATCH, register)
        asm.op("slli", _OTHER, SCRATCH, imm=1)
        asm.op("xor", SCRATCH, SCRATCH, _OTHER)
    asm.op("sd", 0, LOG_END, SCRATCH, RECORD_BYTES - 8)
    asm.op("addi", LOG_END, LOG_END, imm=RECORD_BYTES)


def _machine(asm: Assembler) -> None:
    asm.label("M")
    _record(asm, Level.M)
    asm.op("addi", BUDGET, BUDGET, imm=-1)
    asm.jump("blt", "next", BUDGET, 0)
    asm.csr("csrrs", SCRATCH, "mcause")
    asm.jump("blt", "M_interrupt", SCRATCH, 0)
    asm.jump("beq", "M_resume", SERVICE, 0)
    services = {MAGIC: "next", REMAP_FIRST: "remap_first", REMAP_SECOND: "remap_second"}
    for service, label in (services | {_WRITE[level]: f"write_{level.name}" for level in _WRITE}).items():
        asm.op("addi", SCRATCH, 0, imm=service)
        asm.jump("beq", label, SCRATCH, SERVICE)
    asm.jump("jal", "rescue")
    asm.label("M_resume")
    _resume(asm, "M", "m", "next")
    for level in _WRITE:
        asm.label(f"write_{level.name}")
        _record(asm, level)
        asm.csr("csrrs", SCRATCH, "mepc")
        asm.op("addi", SCRATCH, SCRATCH, imm=4)
        asm.csr("csrrw", 0, "mepc", SCRATCH)
        _leave(asm, "m")
    asm.label("M_interrupt")
    _disable(asm, "mcause", ("mie",))
    asm.label("machine_return")
    _leave(asm, "m")
    remap_services(asm)
    asm.label("next")
    asm.csr("csrrw", 0, "mie")
    asm.constant(SCRATCH, CSRS["mstatus"].mask("MPIE"))
    asm.csr("csrrc", 0, "mstatus", SCRATCH)
    asm.op("addi", 1, ON)
    asm.label("rescue")
    asm.constant(SCRATCH, Privilege.M << 11)
    asm.csr("csrrs", 0, "mstatus", SCRATCH)
    asm.op("andi", SCRATCH, 1, imm=-2)
    asm.csr("csrrw", 0, "mepc", SCRATCH)
    asm.op("addi", SERVICE, 0)
    _leave(asm, "m")


def _lower(asm: Assembler, level: Level) -> None:
    """The handler of HS, or of VS (where the same names mean the VS registers)."""
    name, asked = level.name, _ASKED[level]
    asm.label(name)
    asm.csr("csrrs", SCRATCH, "scause")
    asm.jump("blt", f"{name}_interrupt", SCRATCH, 0)
    asm.jump("bne", f"{name}_ask", SERVICE, 0)
    asm.op("addi", SERVICE, 0, imm=_WRITE[level])
    asm.op("ecall")
    asm.op("addi", SERVICE, 0)
    asm.csr("csrrs", SCRATCH, "scause")
    _resume(asm, name, "s", f"{name}_give_up")
    asm.label(f"{name}_give_up")
    asm.op("addi", SERVICE, 0, imm=MAGIC)
    asm.label(f"{name}_ask")
    asm.op("ecall")
    asm.csr("csrrs", SCRATCH, "sepc")
    asm.op("addi", SCRATCH, SCRATCH, imm=4)
    asm.csr("csrrw", 0, "sepc", SCRATCH)
    _leave(asm, "s", f"{name}_give_up")
    asm.label(f"{name}_interrupt")
    asm.op("addi", asked, SERVICE)
    asm.op("addi", SERVICE, 0, imm=_WRITE[level])
    asm.op("ecall")
    asm.op("addi", SERVICE, asked)
    _disable(asm, "scause", ("sie", "hie") if level is Level.HS else ("sie",))
    _leave(asm, "s", f"{name}_give_up")


def _resume(asm: Assembler, level: str, prefix: str, give_up: str) -> None:
    """xepc of the exception whose cause is in SCRATCH: the next instruction, or x1 after a fetch fault."""
    asm.op("sll", _OTHER, FETCH_CAUSES, SCRATCH)
    asm.csr("csrrs", SCRATCH, f"{prefix}epc")
    asm.jump("bge", f"{level}_behind", _OTHER, 0)
    asm.csr("csrrs", _OTHER, f"{prefix}tval")
    asm.op("sub", _OTHER, _OTHER, SCRATCH)
    asm.op("sltiu", _OTHER, _OTHER, imm=4)
    asm.jump("bne", f"{level}_fetch", _OTHER, 0)  # not so for an HLVX that says to be a fetch
    asm.label(f"{level}_behind")
    asm.op("addi", SCRATCH, SCRATCH, imm=4)
    asm.op("addi", LOOP, 0)  # a loop that traps has seen enough
    asm.csr("csrrw", 0, f"{prefix}epc", SCRATCH)
    _leave(asm, prefix, give_up)
    asm.label(f"{level}_fetch")
    asm.op("andi", _OTHER, 1, imm=-2)  # QEMU's xepc keeps the low bit
    asm.jump("beq", give_up, SCRATCH, _OTHER)
    asm.csr("csrrw", 0, f"{prefix}epc", _OTHER)
    _leave(asm, prefix, give_up)


def _disable(asm: Assembler, cause: str, enables: tuple[str, ...]) -> None:
    asm.csr("csrrs", SCRATCH, cause)
    asm.op("andi", SCRATCH, SCRATCH, imm=63)
    asm.op("addi", _OTHER, 0, imm=1)
    asm.op("sll", _OTHER, _OTHER, SCRATCH)
    for name in enables:
        asm.csr("csrrc", 0, name, _OTHER)


def _leave(asm: Assembler, prefix: str, give_up: str = "") -> None:
    """Units may read any register: what QEMU says of a trap must not stay in those of the handler. An sret
    may be trapped."""
    asm.op("addi", SCRATCH, 0)
    asm.op("addi", _OTHER, 0)
    asm.op(f"{prefix}ret")
    if prefix == "s":
        asm.jump("jal", give_up)
