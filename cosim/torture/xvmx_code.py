"""The fixed code of a torture program for Xvmx: M mode's handler, the host in root S, the guest's handler.

A round: M mode sets its registers, the host does random VMX instructions, makes a VMCS current, writes all of
its fields and enters the guest. After each exit it reads what the exit wrote (that is how it is compared),
does what lets the guest go on, and resumes it. A budget of exits and traps, x30, ends the round.

The host's stack pointer, which hardware loads, is the settings' cell; x22 to x26 are the host's own, x28 and
x29 its trap handler's and the guest's. M mode saves what it uses.
"""

from cosim.torture.assembler import Assembler
from cosim.torture.handlers import MAGIC
from cosim.torture.layout import BUDGET, CELL, CODE, FETCH_CAUSES, LOOP
from cosim.torture.xvmx_exits import exit_code, read_field
from cosim.torture.xvmx_layout import (
    FIELDS_OFFSET,
    H_CSRS,
    HOST_CODE,
    LAST,
    LEAVING,
    LOWER,
    MACHINE_CSRS,
    NEXT,
    OTHERS,
    POINTER,
    REGISTERS,
    ROUND,
    SAVE,
    SERVICE,
    SP,
    TIMER,
    VMXON_REGION,
    A,
    B,
    S,
    T,
    U,
    V,
    W,
)
from rtl.isa.causes import Cause, Interrupt
from rtl.isa.csrs import CSRS
from rtl.isa.memory_map import CLINT, CLINT_MSIP, CLINT_MTIME, CLINT_MTIMECMP
from rtl.isa.privilege import Privilege
from rtl.isa.xvmx import Arch

__all__ = ["fixed_code"]

_FETCHES = (Cause.FETCH_ACCESS, Cause.FETCH_PAGE_FAULT, Cause.FETCH_GUEST_PAGE_FAULT)
_ARCH = CSRS["mvirt"].mask("ARCH")


def fixed_code() -> tuple[bytes, dict[str, int]]:
    """The code, which stands at ``CODE`` and begins with its start in M mode, and its labels."""
    asm = Assembler(CODE)
    asm.jump("jal", "boot")
    for level in ("machine", "root", "guest", "plain"):
        asm.code += bytes(-len(asm.code) % 64)
        asm.label(f"{level}_vector")
        for _ in range(12):
            asm.jump("jal", level)
    _machine(asm)
    for level in ("root", "guest", "plain"):
        _trap(asm, level)
    exit_code(asm)
    _boot(asm)
    _to_next(asm)
    _host(asm)
    return asm.finish(), asm.labels


# ---- M mode ----


def _machine(asm: Assembler) -> None:
    asm.label("machine")
    asm.csr("csrrw", A, "mscratch", A)
    asm.op("sd", 0, A, B, 8)
    asm.csr("csrrs", B, "mscratch")
    asm.op("sd", 0, A, B, 0)
    asm.csr("csrrw", 0, "mscratch", A)
    asm.op("addi", BUDGET, BUDGET, imm=-1)
    asm.csr("csrrs", A, "mcause")
    asm.jump("blt", "machine_interrupt", A, 0)
    asm.jump("blt", "to_next", BUDGET, 0)
    asm.jump("bne", "machine_service", SERVICE, 0)
    asm.op("addi", B, 0, imm=Cause.VMX_ABORT)
    asm.jump("beq", "to_next", A, B)
    asm.op("sll", B, FETCH_CAUSES, A)
    asm.csr("csrrs", A, "mepc")
    asm.jump("blt", "machine_fetch", B, 0)
    asm.op("addi", A, A, imm=4)
    asm.op("addi", LOOP, 0)
    asm.label("machine_resume")
    asm.csr("csrrw", 0, "mepc", A)
    asm.label("machine_return")
    asm.csr("csrrs", A, "mscratch")
    asm.op("ld", B, A, imm=8)
    asm.op("ld", A, A)
    asm.op("mret")
    asm.label("machine_fetch")
    asm.jump("beq", "to_next", A, 1)
    asm.op("addi", A, 1)
    asm.jump("jal", "machine_resume")
    _machine_service(asm)
    _machine_interrupt(asm)


def _machine_service(asm: Assembler) -> None:
    asm.label("machine_service")
    asm.op("addi", B, 0, imm=ROUND)
    asm.jump("bne", "to_next", SERVICE, B)
    for n, name in enumerate(MACHINE_CSRS):
        asm.op("ld", A, S, imm=8 * n)
        asm.csr("csrrw", 0, name, A)
    asm.csr("csrrs", A, "mvirt")
    asm.op("andi", A, A, imm=_ARCH)
    asm.op("addi", B, 0, imm=Arch.H)
    asm.jump("bne", "machine_set", A, B)
    for n, name in enumerate(H_CSRS):
        asm.op("ld", A, S, imm=OTHERS + 8 * n)
        asm.csr("csrrw", 0, name, A)
    asm.label("machine_set")
    asm.op("ld", B, S, imm=TIMER)
    _set_timer(asm)
    asm.op("addi", SERVICE, 0)
    asm.csr("csrrs", A, "mepc")
    asm.op("addi", A, A, imm=4)
    asm.jump("jal", "machine_resume")


def _set_timer(asm: Assembler) -> None:
    """The next interrupt in as many ticks as x29 says."""
    asm.constant(A, CLINT.base + CLINT_MTIME)
    asm.op("ld", A, A)
    asm.op("add", B, B, A)
    asm.constant(A, CLINT.base + CLINT_MTIMECMP)
    asm.op("sd", 0, A, B)


def _to_next(asm: Assembler) -> None:
    """M mode gives up whatever is under way, perhaps by another ARCH; no interrupts until it is asked for the
    next round's settings."""
    asm.label("to_next")
    asm.constant(A, CELL)
    asm.op("ld", A, A)
    asm.op("ld", A, A, imm=LEAVING)
    asm.csr("csrrw", 0, "mvirt", A)
    asm.csr("csrrw", 0, "mie")
    asm.csr("csrrw", 0, "satp")
    asm.constant(A, CSRS["mstatus"].mask("MPP", "MPV"))
    asm.csr("csrrc", 0, "mstatus", A)
    asm.constant(A, Privilege.S << 11)
    asm.csr("csrrs", 0, "mstatus", A)
    asm.op("addi", SERVICE, 0)
    asm.op("auipc", A)
    asm.op("addi", A, A, imm=16)
    asm.csr("csrrw", 0, "mepc", A)
    asm.op("mret")


def _machine_interrupt(asm: Assembler) -> None:
    asm.label("machine_interrupt")
    asm.op("andi", A, A, imm=63)
    for code, label in ((Interrupt.MTI, "machine_timer"), (Interrupt.MSI, "machine_software")):
        asm.op("addi", B, 0, imm=code)
        asm.jump("beq", label, A, B)
    asm.op("addi", B, 0, imm=1)
    asm.op("sll", B, B, A)
    asm.csr("csrrc", 0, "mie", B)
    asm.jump("jal", "machine_interrupted")
    asm.label("machine_software")
    asm.constant(B, CLINT.base + CLINT_MSIP)
    asm.op("sw", 0, B, 0)
    asm.csr("csrrsi", 0, "mip", 1 << Interrupt.SSI)  # as firmware passes an IPI on
    asm.jump("jal", "machine_interrupted")
    asm.label("machine_timer")
    asm.op("andi", B, BUDGET, imm=127)
    asm.op("addi", B, B, imm=20)
    _set_timer(asm)
    asm.label("machine_interrupted")
    asm.jump("blt", "to_next", BUDGET, 0)
    asm.jump("jal", "machine_return")


# ---- Handlers of root S (or HS), of the guest, and (plain) of a guest of the H extension ----


def _trap(asm: Assembler, level: str) -> None:
    """Goes on behind the instruction, or at x1 after a fetch fault; the guest may give up."""
    asm.label(level)
    asm.csr("csrrs", A, "scause")
    asm.jump("blt", f"{level}_interrupt", A, 0)
    asm.jump("bne", f"{level}_ask", SERVICE, 0)
    asm.op("addi", BUDGET, BUDGET, imm=-1)
    asm.jump("blt", f"{level}_give_up", BUDGET, 0)
    asm.op("sll", B, FETCH_CAUSES, A)
    asm.csr("csrrs", A, "sepc")
    asm.jump("blt", f"{level}_fetch", B, 0)
    asm.op("addi", A, A, imm=4)
    asm.op("addi", LOOP, 0)
    asm.label(f"{level}_set")
    asm.csr("csrrw", 0, "sepc", A)
    asm.op("sret")
    asm.label(f"{level}_fetch")
    asm.jump("beq", f"{level}_give_up", A, 1)
    asm.op("addi", A, 1)
    asm.jump("jal", f"{level}_set")
    asm.label(f"{level}_give_up")
    asm.op("addi", SERVICE, 0, imm=MAGIC)
    asm.label(f"{level}_ask")
    asm.op("ecall")
    asm.op("ecall")
    asm.jump("jal", f"{level}_give_up")
    asm.label(f"{level}_interrupt")
    asm.op("addi", BUDGET, BUDGET, imm=-1)
    asm.jump("blt", f"{level}_give_up", BUDGET, 0)
    asm.op("andi", A, A, imm=63)
    asm.op("addi", B, 0, imm=1)
    asm.op("sll", B, B, A)
    if level == "guest":
        asm.csr("csrrs", A, "stopei")
        asm.csr("csrrw", 0, "stopei")
    asm.csr("csrrc", 0, "sie", B)
    asm.op("sret")
    asm.jump("jal", f"{level}_give_up")


# ---- The host ----


def _host(asm: Assembler) -> None:
    asm.label("next")
    asm.constant(SP, CELL)
    asm.op("ld", S, SP)
    asm.op("ld", T, S, imm=NEXT)
    asm.op("sd", 0, SP, T)
    asm.op("addi", BUDGET, 0, imm=100)
    asm.op("addi", SERVICE, 0, imm=ROUND)
    asm.op("ecall")
    asm.op("ld", T, S)
    asm.op("andi", T, T, imm=_ARCH)
    asm.op("addi", U, 0, imm=Arch.XVMX)
    asm.jump("bne", "others", T, U)
    asm.constant(T, VMXON_REGION)
    asm.op("vmxon", T, T)
    asm.op("ld", T, S, imm=HOST_CODE)
    asm.op("jalr", W, T)
    asm.op("ld", T, S, imm=POINTER)
    asm.op("vmptrld", U, T)
    asm.op("addi", T, S, imm=FIELDS_OFFSET)
    asm.label("write_fields")
    asm.op("ld", U, T)
    asm.jump("blt", "enter", U, 0)
    asm.op("ld", V, T, imm=8)
    asm.op("vmwrite", W, U, V)
    asm.op("addi", T, T, imm=16)
    asm.jump("jal", "write_fields")
    asm.label("enter")
    for n, register in enumerate(REGISTERS):
        asm.op("ld", register, S, imm=8 * (len(MACHINE_CSRS) + n))
    asm.op("vmresume", T)
    asm.op("vmlaunch", T)
    read_field(asm, "INSTR_ERROR", T)
    asm.jump("jal", "next")
    _others(asm)


def _others(asm: Assembler) -> None:
    """A round with another ARCH: the same random code of the host, then sret to a mode that there is."""
    asm.label("others")
    asm.op("ld", T, S, imm=HOST_CODE)
    asm.op("jalr", W, T)
    asm.csr("csrrci", 0, "sstatus", CSRS["sstatus"].mask("SIE"))
    *csrs, pointer, root = LOWER
    for n, name in enumerate(csrs):  # without H the first is an illegal instruction
        asm.op("ld", T, S, imm=LAST + 8 * n)
        asm.csr("csrrw", 0, name, T)
    for n, register in enumerate(REGISTERS):
        asm.op("ld", register, S, imm=8 * (len(MACHINE_CSRS) + n))
    assert (pointer, root) == ("sp", "satp")
    asm.op("ld", SP, S, imm=LAST + 8 * len(csrs))
    asm.op("ld", A, S, imm=LAST + 8 * len(csrs) + 8)
    asm.csr("csrrw", 0, root, A)
    asm.op("sret")
    asm.jump("jal", "next")


def _boot(asm: Assembler) -> None:
    asm.label("boot")
    asm.constant(FETCH_CAUSES, sum(1 << 63 - cause for cause in _FETCHES))
    asm.constant(A, (1 << 54) - 1)
    asm.csr("csrrw", 0, "pmpaddr7", A)
    asm.constant(A, 0x1F << 56)
    asm.csr("csrrw", 0, "pmpcfg0", A)
    asm.csr("csrrw", 0, "satp")
    asm.constant(A, asm.labels["machine_vector"] + 1)
    asm.csr("csrrw", 0, "mtvec", A)
    asm.constant(A, asm.labels["root_vector"] + 1)
    asm.csr("csrrw", 0, "stvec", A)
    asm.constant(A, SAVE)
    asm.csr("csrrw", 0, "mscratch", A)
    asm.constant(A, CELL)
    asm.op("ld", A, A, imm=8)
    asm.csr("csrrw", 0, "menvcfg", A)
    asm.op("addi", A, 0, imm=2)
    asm.csr("csrrw", 0, "mvirt", A)
    asm.jump("jal", "to_next")
