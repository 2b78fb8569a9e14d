"""The fixed code of every torture program: trap handlers of M, HS and VS, and the start of a chunk.

Handlers use no memory but the CLINT and the settings' cell, and only x28 to x31, so they work under any
translation that maps the code. A handler reads its trap registers (the comparison then checks them) and goes
on behind the trapping instruction; after a fetch fault it goes on at x1. Each level has a budget of traps in
its xscratch; when it is used up, or when x31 says so, the next chunk starts.
"""

from cosim.torture.assembler import Assembler
from cosim.torture.layout import CELL, CODE
from rtl.isa.causes import Interrupt
from rtl.isa.csr_state import csr_states
from rtl.isa.csrs import CSRS
from rtl.isa.memory_map import CLINT, CLINT_MSIP, CLINT_MTIME, CLINT_MTIMECMP
from rtl.isa.paging import AtpMode

__all__ = [
    "FENCES",
    "FINAL_CSRS",
    "MAGIC",
    "NEXT",
    "REGISTERS",
    "REMAP_FIRST",
    "REMAP_SECOND",
    "SETTINGS",
    "fixed_code",
]

MAGIC = 0x555
"""Value of x31 that asks for the next chunk."""

REMAP_FIRST = 0x556
"""Value of x31 that asks M mode's handler to store x6 at x7, a first-stage PTE, and to fence the address in
x5 of ASID x4 (0: of all, global pages too), in HS and in all guests."""
REMAP_SECOND = 0x557
"""The same for a second-stage PTE: x5 is the guest physical address shifted right by 2, x4 the VMID."""

FINAL_CSRS = (
    "mstatus mideleg medeleg hedeleg hideleg mcounteren hcounteren scounteren menvcfg henvcfg senvcfg "
    "mtvec stvec vstvec satp vsatp hgatp hstatus vsstatus hvip htimedelta hgeie mie hie sie vsie htval "
    "htinst mtval2 mtinst mepc sepc vsepc mcause scause vscause mtval stval vstval mscratch sscratch "
    "vsscratch stimecmp vstimecmp mcountinhibit mhpmevent3 pmpcfg0 pmpaddr0 pmpaddr1 pmpaddr2 hip sip vsip "
    "mip sstatus minstret"
).split()
"""Restored at the start of a chunk or merely read there, so that their values are compared."""

SETTINGS = (
    "medeleg mideleg hedeleg hideleg mcounteren hcounteren scounteren menvcfg henvcfg senvcfg mtvec stvec "
    "vstvec satp vsatp hgatp hstatus vsstatus hvip htimedelta mie mip mscratch sscratch vsscratch stimecmp "
    "vstimecmp pmpaddr0 pmpaddr1 pmpaddr2 pmpaddr7 pmpcfg0 sepc vsepc mepc mstatus"
).split()
"""CSRs that a chunk starts with, in the order of its settings."""

REGISTERS = tuple(range(1, 28))
"""Integer registers that a chunk starts with, behind the CSRs in its settings."""

FENCES = 8 * (len(SETTINGS) + len(REGISTERS))
"""Offset of the word that tells (not zero) to fence everything at the start; then mtimecmp's distance."""
NEXT = FENCES + 16
"""Offset of the address of the next chunk's settings."""

_A, _B, _C, _D = 28, 29, 30, 31
_FETCH_CAUSES = (0, 1, 12, 20)


def fixed_code(vectored_entries: int = 14) -> tuple[bytes, dict[str, int]]:
    """The code, which stands at ``CODE`` and begins with the start of the first chunk, and its labels."""
    asm = Assembler(CODE)
    asm.jump("jal", "start")
    for level in ("machine", "supervisor", "guest"):
        asm.code += bytes(-len(asm.code) % 64)
        asm.label(f"{level}_vector")
        for _ in range(vectored_entries):
            asm.jump("jal", level)
    _machine(asm)
    _remap(asm)
    _lower(asm, "supervisor", "scause sepc stval htval htinst hstatus sstatus sip".split())
    _lower(asm, "guest", "scause sepc stval sstatus sip".split())
    _start(asm)
    return asm.finish(), asm.labels


def _machine(asm: Assembler) -> None:
    asm.label("machine")
    for name in ("mcause", "mepc", "mtval", "mtval2", "mtinst", "hstatus", "mip"):
        asm.csr("csrrs", _A, name)
    asm.constant(_A, CSRS["mstatus"].mask("MPRV"))
    asm.csr("csrrc", _B, "mstatus", _A)  # loads and stores here are M mode's own
    asm.op("and", _B, _B, _A)
    asm.op("addi", _A, 0, imm=MAGIC)
    asm.jump("beq", "next", _A, _D)
    for service, label in ((REMAP_FIRST, "remap_first"), (REMAP_SECOND, "remap_second")):
        asm.op("addi", _A, 0, imm=service)
        asm.jump("beq", label, _A, _D)
    asm.csr("csrrs", _A, "mscratch")
    asm.op("addi", _A, _A, imm=-1)
    asm.csr("csrrw", 0, "mscratch", _A)
    asm.jump("blt", "next", _A, 0)
    asm.csr("csrrs", _A, "mcause")
    asm.jump("blt", "machine_interrupt", _A, 0)
    _resume(asm, "machine", "m")
    asm.label("machine_return")
    asm.csr("csrrs", 0, "mstatus", _B)
    asm.op("mret")
    asm.label("machine_interrupt")
    asm.op("andi", _A, _A, imm=63)
    asm.op("addi", _C, 0, imm=Interrupt.MTI)
    asm.jump("beq", "machine_timer", _A, _C)
    asm.op("addi", _C, 0, imm=Interrupt.MSI)
    asm.jump("beq", "machine_software", _A, _C)
    asm.op("addi", _C, 0, imm=1)
    asm.op("sll", _C, _C, _A)
    asm.csr("csrrc", 0, "mie", _C)
    asm.jump("jal", "machine_return")
    asm.label("machine_software")
    asm.constant(_C, CLINT.base + CLINT_MSIP)
    asm.op("sw", 0, _C, 0)
    asm.jump("jal", "machine_return")
    asm.label("machine_timer")
    asm.constant(_C, CLINT.base + CLINT_MTIMECMP)
    asm.constant(_D, CLINT_MTIME - CLINT_MTIMECMP)
    asm.op("add", _D, _D, _C)
    asm.op("ld", _A, _D)
    asm.op("andi", _D, _A, imm=127)
    asm.op("addi", _D, _D, imm=20)
    asm.op("add", _A, _A, _D)
    asm.op("sd", 0, _C, _A)
    asm.op("addi", _D, 0)
    asm.jump("jal", "machine_return")


def _remap(asm: Assembler) -> None:
    """The services that change a PTE."""
    entry, value, where, space = 7, 6, 5, 4
    asm.label("remap_first")
    asm.op("sd", 0, entry, value)
    asm.csr("csrrs", _C, "hgatp")
    asm.jump("beq", "remap_all", space, 0)
    for operand in (space, 0):
        asm.op("sfence.vma", 0, where, operand)
        for vmid in range(3):
            asm.constant(_A, AtpMode.SV39 << 60 | vmid << 44)
            asm.csr("csrrw", 0, "hgatp", _A)
            asm.op("hfence.vvma", 0, where, operand)
        asm.csr("csrrw", 0, "hgatp", _C)
        asm.jump("jal", "remapped")
        if operand:
            asm.label("remap_all")
    asm.label("remap_second")
    asm.op("sd", 0, entry, value)
    asm.op("hfence.gvma", 0, where, space)
    asm.label("remapped")
    asm.op("addi", _D, 0)
    asm.csr("csrrs", _A, "mepc")
    asm.op("addi", _A, _A, imm=4)
    asm.csr("csrrw", 0, "mepc", _A)
    asm.jump("jal", "machine_return")


def _resume(asm: Assembler, level: str, prefix: str) -> None:
    """xepc of an exception whose cause is in ``_A``: the following instruction, or x1 after a fetch fault."""
    for cause in _FETCH_CAUSES:
        asm.op("addi", _C, 0, imm=cause)
        asm.jump("beq", f"{level}_fetch", _A, _C)
    asm.csr("csrrs", _C, f"{prefix}epc")
    asm.op("addi", _C, _C, imm=4)
    asm.jump("jal", f"{level}_set")
    asm.label(f"{level}_fetch")
    asm.op("addi", _C, 1)
    asm.label(f"{level}_set")
    asm.csr("csrrw", 0, f"{prefix}epc", _C)


def _lower(asm: Assembler, level: str, registers: list[str]) -> None:
    """The handler of HS, or of VS (where the same names mean the VS registers)."""
    asm.label(level)
    for name in registers:
        asm.csr("csrrs", _A, name)
    asm.op("addi", _A, 0, imm=MAGIC)
    asm.jump("beq", f"{level}_give_up", _A, _D)
    asm.csr("csrrs", _A, "sscratch")
    asm.op("addi", _A, _A, imm=-1)
    asm.csr("csrrw", 0, "sscratch", _A)
    asm.jump("blt", f"{level}_give_up", _A, 0)
    asm.csr("csrrs", _A, "scause")
    asm.jump("blt", f"{level}_interrupt", _A, 0)
    _resume(asm, level, "s")
    asm.op("sret")
    asm.label(f"{level}_give_up")
    asm.op("addi", _D, 0, imm=MAGIC)
    asm.op("ecall")
    asm.op("ecall")
    asm.jump("jal", f"{level}_give_up")
    asm.label(f"{level}_interrupt")
    asm.op("andi", _A, _A, imm=63)
    asm.op("addi", _C, 0, imm=1)
    asm.op("sll", _C, _C, _A)
    asm.csr("csrrc", 0, "sie", _C)
    if level == "supervisor":
        asm.csr("csrrc", 0, "hie", _C)
    asm.op("sret")
    asm.jump("jal", f"{level}_give_up")


def _start(asm: Assembler) -> None:
    asm.label("next")
    for name in FINAL_CSRS:
        asm.csr("csrrs", _A, name)
    asm.constant(_A, CELL)
    asm.op("ld", _B, _A)
    asm.op("ld", _B, _B, imm=NEXT)
    asm.op("sd", 0, _A, _B)
    asm.label("start")
    asm.constant(_A, CSRS["mstatus"].mask("MPRV"))
    asm.csr("csrrc", 0, "mstatus", _A)
    asm.constant(_A, CELL)
    asm.op("ld", _B, _A)
    existing = csr_states()
    for n, name in enumerate(SETTINGS):
        assert name in existing
        asm.op("ld", _A, _B, imm=8 * n)
        asm.csr("csrrw", 0, name, _A)
    asm.op("ld", _A, _B, imm=FENCES)
    asm.jump("beq", "start_timer", _A, 0)
    asm.op("sfence.vma")
    asm.op("hfence.vvma")
    asm.op("hfence.gvma")
    asm.label("start_timer")
    asm.constant(_C, CLINT.base)
    asm.op("sw", 0, _C, 0, imm=CLINT_MSIP)
    asm.constant(_D, CLINT_MTIME)
    asm.op("add", _D, _D, _C)
    asm.op("ld", _A, _D)
    asm.op("ld", _D, _B, imm=FENCES + 8)
    asm.op("add", _A, _A, _D)
    asm.constant(_D, CLINT_MTIMECMP)
    asm.op("add", _C, _C, _D)
    asm.op("sd", 0, _C, _A)
    for n, register in enumerate(REGISTERS):
        asm.op("ld", register, _B, imm=8 * (len(SETTINGS) + n))
    asm.op("addi", _D, 0)
    asm.op("mret")
