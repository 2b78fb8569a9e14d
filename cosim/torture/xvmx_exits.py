"""H_PC of a torture program for Xvmx: the host reads what the exit wrote, does what lets the guest go on, and
resumes it."""

from cosim.torture.assembler import Assembler
from cosim.torture.handlers import REMAP_FIRST, REMAP_SECOND
from cosim.torture.layout import BUDGET, LOOP
from cosim.torture.xvmx_layout import SERVICE, VPIDS, S, T, U, V, W
from rtl.isa.xvmx import FIELDS, ExitReason, Group, Invept, Invvpid, ProcControl

__all__ = ["exit_code", "read_field"]

_GUEST_FIELDS = "G_PC G_SP G_PRIV G_SIE VIRQ ENTRY_EVENT EPTP G_EIP0 G_SCOUNTEREN G_ACTIVITY".split()


def read_field(asm: Assembler, name: str, rd: int, number: int = V) -> None:
    """rd := field; ``number`` is overwritten."""
    asm.op("addi", number, 0, imm=FIELDS[name].number)
    asm.op("vmread", rd, number)


def _set_field(asm: Assembler, name: str, source: int, number: int = V) -> None:
    asm.op("addi", number, 0, imm=FIELDS[name].number)
    asm.op("vmwrite", number, number, source)


def exit_code(asm: Assembler) -> None:
    """All of it; goes on at ``next`` when the round is over."""
    _exit(asm)
    _boundary(asm)
    _remap(asm)


def _exit(asm: Assembler) -> None:
    """H_PC."""
    asm.label("exit")
    for field in FIELDS.values():
        if field.group == Group.READ_ONLY and field.name not in ("EXIT_REASON", "EXIT_INSTR_LEN"):
            read_field(asm, field.name, T)
    for name in _GUEST_FIELDS:
        read_field(asm, name, T)
    read_field(asm, "PREEMPT_TIMER", T)
    read_field(asm, "EXIT_REASON", S)
    read_field(asm, "EXIT_INSTR_LEN", T)
    asm.op("addi", BUDGET, BUDGET, imm=-1)
    asm.jump("blt", "next", BUDGET, 0)
    asm.op("addi", U, 0, imm=64)
    asm.jump("bltu", "exited", S, U)
    asm.jump("jal", "next")  # ENTRY_FAIL
    asm.label("exited")
    asm.jump("beq", "no_instruction", T, 0)
    asm.jump("bne", "service", SERVICE, 0)
    asm.op("addi", U, 0, imm=ExitReason.SRET)
    asm.op("addi", W, 0, imm=-1)
    asm.constant(V, ProcControl.SRET)
    asm.jump("beq", "clear_control", S, U)
    read_field(asm, "G_PC", U)
    asm.op("add", U, U, T)
    _set_field(asm, "G_PC", U)
    asm.op("addi", LOOP, 0)
    asm.label("resume")
    asm.op("vmresume", T)
    asm.jump("jal", "next")
    asm.label("clear_control")
    asm.op("xor", W, W, V)
    read_field(asm, "PROC_CTLS", U)
    asm.op("and", U, U, W)
    _set_field(asm, "PROC_CTLS", U)
    asm.jump("jal", "resume")


def _boundary(asm: Assembler) -> None:
    """Exits without an instruction."""
    asm.label("no_instruction")
    asm.op("addi", U, 0, imm=ExitReason.STEP)
    asm.jump("beq", "resume", S, U)
    asm.op("addi", U, 0, imm=ExitReason.PREEMPT)
    asm.jump("beq", "preempted", S, U)
    asm.op("addi", U, 0, imm=ExitReason.INTWIN)
    asm.op("addi", W, 0, imm=-1)
    asm.op("addi", V, 0, imm=ProcControl.INTWIN)
    asm.jump("beq", "clear_control", S, U)
    asm.op("addi", U, 0, imm=ExitReason.EXTINT)
    asm.jump("beq", "external", S, U)
    read_field(asm, "G_PC", U)  # a fetch
    asm.jump("beq", "next", U, 1)
    _set_field(asm, "G_PC", 1)
    asm.jump("jal", "resume")
    asm.label("preempted")
    asm.op("andi", U, BUDGET, imm=63)
    asm.op("addi", U, U, imm=10)
    _set_field(asm, "PREEMPT_TIMER", U)
    asm.jump("jal", "resume")
    asm.label("external")
    asm.csr("csrrs", U, "sip")
    asm.csr("csrrw", 0, "sip")
    asm.op("addi", U, 0, imm=-1)
    asm.csr("csrrw", 0, "stimecmp", U)
    _set_field(asm, "H_STIMECMP", U)
    asm.op("andi", U, BUDGET, imm=1)
    asm.op("slli", U, U, imm=1)
    _set_field(asm, "H_SIE", U)
    asm.csr("csrrw", 0, "sie", U)
    asm.jump("jal", "resume")


def _remap(asm: Assembler) -> None:
    """The guest's services: x6 to the PTE at x7, and what forgets x5 (of x4's second stage)."""
    asm.label("service")
    asm.op("addi", U, 0, imm=REMAP_FIRST)
    asm.jump("beq", "remap_first", SERVICE, U)
    asm.op("addi", U, 0, imm=REMAP_SECOND)
    asm.jump("beq", "remap_second", SERVICE, U)
    asm.jump("jal", "next")
    asm.label("remap_first")
    asm.op("sd", 0, 7, 6)
    for vpid in VPIDS:
        asm.constant(U, vpid << 16 | Invvpid.ADDRESS)
        asm.op("invvpid", V, U, 5)
    asm.jump("jal", "remapped")
    asm.label("remap_second")
    asm.op("sd", 0, 7, 6)
    asm.op("addi", U, 0, imm=Invept.ALL)
    asm.op("invept", V, U, 0)
    asm.label("remapped")
    asm.op("addi", SERVICE, 0)
    read_field(asm, "G_PC", U)
    asm.op("addi", U, U, imm=4)
    _set_field(asm, "G_PC", U)
    asm.jump("jal", "resume")
