"""The fixed code of a torture program for Xvmx: M mode's handler, the host in root S, the guest's handler.

A round: M mode sets its registers, the host does random VMX instructions, makes a VMCS current, writes all of
its fields and enters the guest. After each exit it reads what the exit wrote (that is how it is compared),
does what lets the guest go on, and resumes it. A budget of exits and traps, x30, ends the round.

The host's stack pointer, which hardware loads, is the settings' cell; x22 to x26 are the host's own, x28 and
x29 its trap handler's and the guest's. M mode saves what it uses.
"""

from cosim.torture.assembler import Assembler
from cosim.torture.handlers import MAGIC, REMAP_FIRST, REMAP_SECOND
from cosim.torture.layout import BUDGET, CELL, CODE, FETCH_CAUSES, LOOP
from rtl.isa.causes import Cause, Interrupt
from rtl.isa.csrs import CSRS
from rtl.isa.memory_map import CLINT, CLINT_MSIP, CLINT_MTIME, CLINT_MTIMECMP, DRAM_BASE
from rtl.isa.privilege import Privilege
from rtl.isa.xvmx import FIELDS, ExitReason, Group, Invept, Invvpid, ProcControl

__all__ = [
    "FIELDS_OFFSET",
    "HOST_CODE",
    "MACHINE_CSRS",
    "NEXT",
    "POINTER",
    "REGISTERS",
    "VMXON_REGION",
    "VPIDS",
    "fixed_code",
]

MACHINE_CSRS = "mvirt medeleg mideleg mcounteren mie mip mstatus stimecmp scounteren".split()
"""Registers that M mode sets at the start of a round, in the order of its settings."""
REGISTERS = (1, *range(3, FETCH_CAUSES), LOOP, BUDGET)
"""Integer registers of a round, behind them."""
POINTER = 8 * (len(MACHINE_CSRS) + len(REGISTERS))
"""Offset of the VMCS's address; then of the host's random code; then of the next round's settings."""
HOST_CODE = POINTER + 8
NEXT = POINTER + 16
TIMER = POINTER + 24
"""Offset of mtimecmp's distance."""
FIELDS_OFFSET = POINTER + 32
"""Offset of pairs of field and value, up to a negative one."""

VMXON_REGION = DRAM_BASE + 0xF2_0000
"""Behind it come the VMCSs and the other structures."""

VPIDS = (1, 2, 5)
"""In use: one for each second stage, one without."""

_A, _B, _SERVICE, _SP = 28, 29, 31, 2
_S, _T, _U, _V, _W = 22, 23, 24, 25, 26
_ROUND = 0x559
"""Value of x31 by which the host asks M mode for a round's settings."""
_SAVE = CELL + 0x20
_FETCHES = (Cause.FETCH_ACCESS, Cause.FETCH_PAGE_FAULT)
_GUEST_FIELDS = "G_PC G_SP G_PRIV G_SIE VIRQ ENTRY_EVENT EPTP G_EIP0 G_SCOUNTEREN G_ACTIVITY".split()


def fixed_code() -> tuple[bytes, dict[str, int]]:
    """The code, which stands at ``CODE`` and begins with its start in M mode, and its labels."""
    asm = Assembler(CODE)
    asm.jump("jal", "boot")
    for level in ("machine", "root", "guest"):
        asm.code += bytes(-len(asm.code) % 64)
        asm.label(f"{level}_vector")
        for _ in range(12):
            asm.jump("jal", level)
    _machine(asm)
    _trap(asm, "root")
    _trap(asm, "guest")
    _exit(asm)
    _boundary(asm)
    _remap(asm)
    _boot(asm)
    _to_next(asm)
    _host(asm)
    return asm.finish(), asm.labels


def _field(asm: Assembler, name: str, rd: int, number: int = _V) -> None:
    """rd := field; ``number`` is overwritten."""
    asm.op("addi", number, 0, imm=FIELDS[name].number)
    asm.op("vmread", rd, number)


def _set_field(asm: Assembler, name: str, source: int, number: int = _V) -> None:
    asm.op("addi", number, 0, imm=FIELDS[name].number)
    asm.op("vmwrite", number, number, source)


# ---- M mode ----


def _machine(asm: Assembler) -> None:
    asm.label("machine")
    asm.csr("csrrw", _A, "mscratch", _A)
    asm.op("sd", 0, _A, _B, 8)
    asm.csr("csrrs", _B, "mscratch")
    asm.op("sd", 0, _A, _B, 0)
    asm.csr("csrrw", 0, "mscratch", _A)
    asm.op("addi", BUDGET, BUDGET, imm=-1)
    asm.csr("csrrs", _A, "mcause")
    asm.jump("blt", "machine_interrupt", _A, 0)
    asm.jump("blt", "to_next", BUDGET, 0)
    asm.jump("bne", "machine_service", _SERVICE, 0)
    asm.op("addi", _B, 0, imm=Cause.VMX_ABORT)
    asm.jump("beq", "to_next", _A, _B)
    asm.op("sll", _B, FETCH_CAUSES, _A)
    asm.csr("csrrs", _A, "mepc")
    asm.jump("blt", "machine_fetch", _B, 0)
    asm.op("addi", _A, _A, imm=4)
    asm.op("addi", LOOP, 0)
    asm.label("machine_resume")
    asm.csr("csrrw", 0, "mepc", _A)
    asm.label("machine_return")
    asm.csr("csrrs", _A, "mscratch")
    asm.op("ld", _B, _A, imm=8)
    asm.op("ld", _A, _A)
    asm.op("mret")
    asm.label("machine_fetch")
    asm.jump("beq", "to_next", _A, 1)
    asm.op("addi", _A, 1)
    asm.jump("jal", "machine_resume")
    _machine_service(asm)
    _machine_interrupt(asm)


def _machine_service(asm: Assembler) -> None:
    asm.label("machine_service")
    asm.op("addi", _B, 0, imm=_ROUND)
    asm.jump("bne", "to_next", _SERVICE, _B)
    for n, name in enumerate(MACHINE_CSRS):
        asm.op("ld", _A, _S, imm=8 * n)
        asm.csr("csrrw", 0, name, _A)
    asm.op("ld", _B, _S, imm=TIMER)
    _set_timer(asm)
    asm.op("addi", _SERVICE, 0)
    asm.csr("csrrs", _A, "mepc")
    asm.op("addi", _A, _A, imm=4)
    asm.jump("jal", "machine_resume")


def _set_timer(asm: Assembler) -> None:
    """The next interrupt in as many ticks as x29 says."""
    asm.constant(_A, CLINT.base + CLINT_MTIME)
    asm.op("ld", _A, _A)
    asm.op("add", _B, _B, _A)
    asm.constant(_A, CLINT.base + CLINT_MTIMECMP)
    asm.op("sd", 0, _A, _B)


def _to_next(asm: Assembler) -> None:
    """M mode gives up whatever is under way."""
    asm.label("to_next")
    asm.constant(_A, CSRS["mstatus"].mask("MPP", "MPV"))
    asm.csr("csrrc", 0, "mstatus", _A)
    asm.constant(_A, Privilege.S << 11)
    asm.csr("csrrs", 0, "mstatus", _A)
    asm.op("addi", _SERVICE, 0)
    asm.op("auipc", _A)
    asm.op("addi", _A, _A, imm=16)
    asm.csr("csrrw", 0, "mepc", _A)
    asm.op("mret")


def _machine_interrupt(asm: Assembler) -> None:
    asm.label("machine_interrupt")
    asm.op("andi", _A, _A, imm=63)
    for code, label in ((Interrupt.MTI, "machine_timer"), (Interrupt.MSI, "machine_software")):
        asm.op("addi", _B, 0, imm=code)
        asm.jump("beq", label, _A, _B)
    asm.op("addi", _B, 0, imm=1)
    asm.op("sll", _B, _B, _A)
    asm.csr("csrrc", 0, "mie", _B)
    asm.jump("jal", "machine_interrupted")
    asm.label("machine_software")
    asm.constant(_B, CLINT.base + CLINT_MSIP)
    asm.op("sw", 0, _B, 0)
    asm.csr("csrrsi", 0, "mip", 1 << Interrupt.SSI)  # as firmware passes an IPI on
    asm.jump("jal", "machine_interrupted")
    asm.label("machine_timer")
    asm.op("andi", _B, BUDGET, imm=127)
    asm.op("addi", _B, _B, imm=20)
    _set_timer(asm)
    asm.label("machine_interrupted")
    asm.jump("blt", "to_next", BUDGET, 0)
    asm.jump("jal", "machine_return")


# ---- Handlers of root S and of the guest ----


def _trap(asm: Assembler, level: str) -> None:
    """Goes on behind the instruction, or at x1 after a fetch fault; the guest may give up."""
    asm.label(level)
    asm.csr("csrrs", _A, "scause")
    asm.jump("blt", f"{level}_interrupt", _A, 0)
    if level == "guest":
        asm.jump("bne", "guest_ask", _SERVICE, 0)
        asm.op("addi", BUDGET, BUDGET, imm=-1)
        asm.jump("blt", "guest_give_up", BUDGET, 0)
    asm.op("sll", _B, FETCH_CAUSES, _A)
    asm.csr("csrrs", _A, "sepc")
    asm.jump("blt", f"{level}_fetch", _B, 0)
    asm.op("addi", _A, _A, imm=4)
    asm.op("addi", LOOP, 0)
    asm.label(f"{level}_set")
    asm.csr("csrrw", 0, "sepc", _A)
    asm.op("sret")
    asm.label(f"{level}_fetch")
    asm.jump("beq", f"{level}_give_up", _A, 1)
    asm.op("addi", _A, 1)
    asm.jump("jal", f"{level}_set")
    asm.label(f"{level}_give_up")
    asm.op("addi", _SERVICE, 0, imm=MAGIC)
    asm.label(f"{level}_ask")
    asm.op("ecall")
    asm.op("ecall")
    asm.jump("jal", f"{level}_give_up")
    asm.label(f"{level}_interrupt")
    asm.op("addi", BUDGET, BUDGET, imm=-1)
    asm.jump("blt", f"{level}_give_up", BUDGET, 0)
    asm.op("andi", _A, _A, imm=63)
    asm.op("addi", _B, 0, imm=1)
    asm.op("sll", _B, _B, _A)
    if level == "guest":
        asm.csr("csrrs", _A, "stopei")
        asm.csr("csrrw", 0, "stopei")
    asm.csr("csrrc", 0, "sie", _B)
    asm.op("sret")
    asm.jump("jal", f"{level}_give_up")


# ---- The host ----


def _host(asm: Assembler) -> None:
    asm.label("next")
    asm.constant(_SP, CELL)
    asm.op("ld", _S, _SP)
    asm.op("ld", _T, _S, imm=NEXT)
    asm.op("sd", 0, _SP, _T)
    asm.op("addi", BUDGET, 0, imm=100)
    asm.op("addi", _SERVICE, 0, imm=_ROUND)
    asm.op("ecall")
    asm.constant(_T, VMXON_REGION)
    asm.op("vmxon", _T, _T)
    asm.op("ld", _T, _S, imm=HOST_CODE)
    asm.op("jalr", _W, _T)
    asm.op("ld", _T, _S, imm=POINTER)
    asm.op("vmptrld", _U, _T)
    asm.op("addi", _T, _S, imm=FIELDS_OFFSET)
    asm.label("write_fields")
    asm.op("ld", _U, _T)
    asm.jump("blt", "enter", _U, 0)
    asm.op("ld", _V, _T, imm=8)
    asm.op("vmwrite", _W, _U, _V)
    asm.op("addi", _T, _T, imm=16)
    asm.jump("jal", "write_fields")
    asm.label("enter")
    for n, register in enumerate(REGISTERS):
        asm.op("ld", register, _S, imm=8 * (len(MACHINE_CSRS) + n))
    asm.op("addi", _SERVICE, 0)
    asm.op("vmresume", _T)
    asm.op("vmlaunch", _T)
    _field(asm, "INSTR_ERROR", _T)
    asm.jump("jal", "next")


def _exit(asm: Assembler) -> None:
    """H_PC."""
    asm.label("exit")
    for field in FIELDS.values():
        if field.group == Group.READ_ONLY and field.name not in ("EXIT_REASON", "EXIT_INSTR_LEN"):
            _field(asm, field.name, _T)
    for name in _GUEST_FIELDS:
        _field(asm, name, _T)
    _field(asm, "PREEMPT_TIMER", _T)
    _field(asm, "EXIT_REASON", _S)
    _field(asm, "EXIT_INSTR_LEN", _T)
    asm.op("addi", BUDGET, BUDGET, imm=-1)
    asm.jump("blt", "next", BUDGET, 0)
    asm.op("addi", _U, 0, imm=64)
    asm.jump("bltu", "exited", _S, _U)
    asm.jump("jal", "next")  # ENTRY_FAIL
    asm.label("exited")
    asm.jump("beq", "no_instruction", _T, 0)
    asm.jump("bne", "service", _SERVICE, 0)
    asm.op("addi", _U, 0, imm=ExitReason.SRET)
    asm.op("addi", _W, 0, imm=-1)
    asm.constant(_V, ProcControl.SRET)
    asm.jump("beq", "clear_control", _S, _U)
    _field(asm, "G_PC", _U)
    asm.op("add", _U, _U, _T)
    _set_field(asm, "G_PC", _U)
    asm.op("addi", LOOP, 0)
    asm.label("resume")
    asm.op("vmresume", _T)
    asm.jump("jal", "next")
    asm.label("clear_control")
    asm.op("xor", _W, _W, _V)
    _field(asm, "PROC_CTLS", _U)
    asm.op("and", _U, _U, _W)
    _set_field(asm, "PROC_CTLS", _U)
    asm.jump("jal", "resume")


def _boundary(asm: Assembler) -> None:
    """Exits without an instruction."""
    asm.label("no_instruction")
    asm.op("addi", _U, 0, imm=ExitReason.STEP)
    asm.jump("beq", "resume", _S, _U)
    asm.op("addi", _U, 0, imm=ExitReason.PREEMPT)
    asm.jump("beq", "preempted", _S, _U)
    asm.op("addi", _U, 0, imm=ExitReason.INTWIN)
    asm.op("addi", _W, 0, imm=-1)
    asm.op("addi", _V, 0, imm=ProcControl.INTWIN)
    asm.jump("beq", "clear_control", _S, _U)
    asm.op("addi", _U, 0, imm=ExitReason.EXTINT)
    asm.jump("beq", "external", _S, _U)
    _field(asm, "G_PC", _U)  # a fetch
    asm.jump("beq", "next", _U, 1)
    _set_field(asm, "G_PC", 1)
    asm.jump("jal", "resume")
    asm.label("preempted")
    asm.op("andi", _U, BUDGET, imm=63)
    asm.op("addi", _U, _U, imm=10)
    _set_field(asm, "PREEMPT_TIMER", _U)
    asm.jump("jal", "resume")
    asm.label("external")
    asm.csr("csrrs", _U, "sip")
    asm.csr("csrrw", 0, "sip")
    asm.op("addi", _U, 0, imm=-1)
    asm.csr("csrrw", 0, "stimecmp", _U)
    _set_field(asm, "H_STIMECMP", _U)
    asm.op("andi", _U, BUDGET, imm=1)
    asm.op("slli", _U, _U, imm=1)
    _set_field(asm, "H_SIE", _U)
    asm.csr("csrrw", 0, "sie", _U)
    asm.jump("jal", "resume")


def _remap(asm: Assembler) -> None:
    """The guest's services: x6 to the PTE at x7, and what forgets x5 (of x4's second stage)."""
    asm.label("service")
    asm.op("addi", _U, 0, imm=REMAP_FIRST)
    asm.jump("beq", "remap_first", _SERVICE, _U)
    asm.op("addi", _U, 0, imm=REMAP_SECOND)
    asm.jump("beq", "remap_second", _SERVICE, _U)
    asm.jump("jal", "next")
    asm.label("remap_first")
    asm.op("sd", 0, 7, 6)
    for vpid in VPIDS:
        asm.constant(_U, vpid << 16 | Invvpid.ADDRESS)
        asm.op("invvpid", _V, _U, 5)
    asm.jump("jal", "remapped")
    asm.label("remap_second")
    asm.op("sd", 0, 7, 6)
    asm.op("addi", _U, 0, imm=Invept.ALL)
    asm.op("invept", _V, _U, 0)
    asm.label("remapped")
    asm.op("addi", _SERVICE, 0)
    _field(asm, "G_PC", _U)
    asm.op("addi", _U, _U, imm=4)
    _set_field(asm, "G_PC", _U)
    asm.jump("jal", "resume")


def _boot(asm: Assembler) -> None:
    asm.label("boot")
    asm.constant(FETCH_CAUSES, sum(1 << 63 - cause for cause in _FETCHES))
    asm.constant(_A, (1 << 54) - 1)
    asm.csr("csrrw", 0, "pmpaddr7", _A)
    asm.constant(_A, 0x1F << 56)
    asm.csr("csrrw", 0, "pmpcfg0", _A)
    asm.csr("csrrw", 0, "satp")
    asm.constant(_A, asm.labels["machine_vector"] + 1)
    asm.csr("csrrw", 0, "mtvec", _A)
    asm.constant(_A, asm.labels["root_vector"] + 1)
    asm.csr("csrrw", 0, "stvec", _A)
    asm.constant(_A, _SAVE)
    asm.csr("csrrw", 0, "mscratch", _A)
    asm.constant(_A, CELL)
    asm.op("ld", _A, _A, imm=8)
    asm.csr("csrrw", 0, "menvcfg", _A)
    asm.op("addi", _A, 0, imm=2)
    asm.csr("csrrw", 0, "mvirt", _A)
    asm.jump("jal", "to_next")
