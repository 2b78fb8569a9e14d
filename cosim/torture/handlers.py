"""The fixed code of every torture program: trap handlers of M, HS and VS, and the start of a chunk.

Handlers use no memory but the CLINT, the PLIC and the settings' cell, and no registers of the chunks, so they
work under any translation that maps the code. A handler goes on behind the trapping instruction; after a
fetch fault it goes on at x1. All levels share a budget of traps, x30; when it is used up, or when x31 says
so, the next chunk starts. Each level has a second vector, whose handler saves its state, provokes more traps,
and restores it; a chunk uses it for one level at most.
"""

import random

from cosim.torture.assembler import Assembler
from cosim.torture.layout import (
    BUDGET,
    CELL,
    CODE,
    DEEP_REGISTERS,
    FENCED_PAGE,
    FETCH_CAUSES,
    FORBIDDEN,
    FROZEN,
    LOOP,
    POINTERS,
)
from rtl.isa import plic
from rtl.isa.causes import Cause, Interrupt
from rtl.isa.csr_state import csr_states
from rtl.isa.csrs import CSRS
from rtl.isa.memory_map import CLINT, CLINT_MSIP, CLINT_MTIME, CLINT_MTIMECMP, PLIC, UART, UART_IRQ
from rtl.isa.paging import AtpMode
from rtl.isa.privilege import Privilege
from rtl.isa.uart import Register

__all__ = [
    "DEVICES",
    "DUMP",
    "FENCES",
    "FINAL_CSRS",
    "MAGIC",
    "NEXT",
    "REGISTERS",
    "REMAP_FIRST",
    "REMAP_SECOND",
    "RESCUE",
    "SETTINGS",
    "SETTING_BYTES",
    "fixed_code",
    "protection",
    "remap_services",
]

MAGIC = 0x555
"""Value of x31 that asks for the next chunk."""

REMAP_FIRST = 0x556
"""Value of x31 that asks M mode's handler to store x6 at x7, a first-stage PTE, and to fence the address in
x5 of ASID x4 (0: of all, global pages too), in HS and in all guests."""
REMAP_SECOND = 0x557
"""The same for a second-stage PTE: x5 is the guest physical address shifted right by 2, x4 the VMID."""
RESCUE = 0x558
"""Value of x31 that asks M mode's handler to go on at x1 in M mode, after any trap."""

FINAL_CSRS = (
    "mstatus mideleg medeleg hedeleg hideleg mcounteren hcounteren scounteren menvcfg henvcfg senvcfg "
    "mtvec stvec vstvec satp vsatp hgatp hstatus vsstatus hvip htimedelta hgeie mie hie sie vsie htval "
    "htinst mtval2 mtinst mepc sepc vsepc mcause scause vscause mtval stval vstval mscratch sscratch "
    "vsscratch stimecmp vstimecmp mcountinhibit mhpmevent3 pmpcfg0 pmpaddr0 pmpaddr1 pmpaddr2 hip sip vsip "
    "mip sstatus minstret"
).split()
"""Read at the end of some chunks: the one way for a value that went wrong unseen to show."""

SETTINGS = (
    "medeleg mideleg hedeleg hideleg mcounteren hcounteren scounteren menvcfg henvcfg senvcfg mtvec stvec "
    "vstvec satp vsatp hgatp hstatus vsstatus hvip htimedelta mie mip sscratch vsscratch stimecmp "
    "vstimecmp pmpaddr0 pmpaddr1 pmpaddr2 pmpcfg0 sepc vsepc mepc mstatus"
).split()
"""CSRs that a chunk starts with, in the order of its settings."""

REGISTERS = (*range(1, FETCH_CAUSES), *range(FETCH_CAUSES + 1, 28), BUDGET)
"""Integer registers that a chunk starts with, behind the CSRs in its settings."""

FENCES = 8 * (len(SETTINGS) + len(REGISTERS))
"""Offset of the word that tells (not zero) to fence everything at the start; then mtimecmp's distance."""
DEVICES = FENCES + 16
"""Offset of the PLIC's enable words for M and for S, and of the UART's IER (negative: leave all as it is)."""
DUMP = DEVICES + 24
"""Offset of the word that tells (not zero) to read ``FINAL_CSRS`` at the end."""
NEXT = DUMP + 8
"""Offset of the address of the next chunk's settings."""
SETTING_BYTES = NEXT + 8
"""Size of a chunk's settings."""

_A, _B, _SERVICE = 28, 29, 31
_FETCHES = (Cause.FETCH_ACCESS, Cause.FETCH_PAGE_FAULT, Cause.FETCH_GUEST_PAGE_FAULT)
_VECTORS = 14


GUARDS = ((FENCED_PAGE, 0x1000, 0x18), (FORBIDDEN, 0x1_0000, 0x18), (FROZEN, 0x1_0000, 0x19))
"""Memory that the PMP keeps from S and U, or from their stores: address, size, configuration of an entry."""
_FIRST_GUARD = 4


def protection(first: int, locked: bool) -> int:
    """Value of pmpcfg0 with ``first`` for the entries of a chunk, the guards (``locked``: for M too, and for
    good), and last all of memory."""
    config = first | 0x1F << 56
    for n, (_, _, entry) in enumerate(GUARDS, _FIRST_GUARD):
        config |= (entry | (0x80 if locked else 0)) << 8 * n
    return config


def fixed_code(chooser: random.Random) -> tuple[bytes, dict[str, int]]:
    """The code, which stands at ``CODE`` and begins with the start of the first chunk, and its labels."""
    asm = Assembler(CODE)
    asm.jump("jal", "boot")
    for level in ("machine", "supervisor", "guest"):
        for target in (level, f"{level}_deep"):
            asm.code += bytes(-len(asm.code) % 64)
            asm.label(f"{target}_vector")
            for _ in range(_VECTORS):
                asm.jump("jal", target)
    _machine(asm)
    remap_services(asm)
    _lower(asm, "supervisor")
    _lower(asm, "guest")
    _deep(asm, chooser, "machine", "m")
    _deep(asm, chooser, "supervisor", "s")
    _deep(asm, chooser, "guest", "s")
    _boot(asm)
    _start(asm)
    return asm.finish(), asm.labels


def _machine(asm: Assembler) -> None:
    asm.label("machine")
    asm.csr("csrrs", _A, "mcause")
    asm.jump("blt", "machine_interrupt", _A, 0)
    asm.jump("bne", "machine_service", _SERVICE, 0)
    asm.op("addi", BUDGET, BUDGET, imm=-1)
    asm.jump("blt", "next", BUDGET, 0)
    _resume(asm, "machine", "m")
    asm.label("machine_return")
    asm.op("mret")
    asm.label("machine_service")
    for service, label in (
        (MAGIC, "next"),
        (REMAP_FIRST, "remap_first"),
        (REMAP_SECOND, "remap_second"),
    ):
        asm.op("addi", _A, 0, imm=service)
        asm.jump("beq", label, _A, _SERVICE)
    asm.constant(_A, Privilege.M << 11)  # RESCUE
    asm.csr("csrrs", 0, "mstatus", _A)
    asm.csr("csrrw", 0, "mepc", 1)
    asm.op("addi", _SERVICE, 0)
    asm.op("mret")
    _machine_interrupts(asm)


def _machine_interrupts(asm: Assembler) -> None:
    """Loads and stores here are M mode's own, whatever MPRV says."""
    asm.label("machine_interrupt")
    asm.op("addi", BUDGET, BUDGET, imm=-1)
    asm.jump("blt", "next", BUDGET, 0)
    asm.constant(_B, CSRS["mstatus"].mask("MPRV"))
    asm.csr("csrrc", _B, "mstatus", _B)
    asm.csr("csrrw", 0, "mscratch", _B)
    asm.op("andi", _A, _A, imm=63)
    for code, label in (
        (Interrupt.MTI, "machine_timer"),
        (Interrupt.MSI, "machine_software"),
        (Interrupt.MEI, "machine_external"),
    ):
        asm.op("addi", _B, 0, imm=code)
        asm.jump("beq", label, _A, _B)
    asm.label("machine_mask")
    asm.op("addi", _B, 0, imm=1)
    asm.op("sll", _B, _B, _A)
    asm.csr("csrrc", 0, "mie", _B)
    asm.label("machine_restore")
    asm.csr("csrrs", _A, "mscratch")
    asm.csr("csrrw", 0, "mstatus", _A)
    asm.op("mret")
    asm.label("machine_external")
    asm.constant(_B, PLIC.base + plic.CONTEXT + plic.CLAIM)
    asm.op("lw", _A, _B)
    asm.op("sw", 0, _B, _A)
    asm.op("addi", _A, 0, imm=Interrupt.MEI)
    asm.jump("jal", "machine_mask")
    asm.label("machine_software")
    asm.constant(_B, CLINT.base + CLINT_MSIP)
    asm.op("sw", 0, _B, 0)
    asm.jump("jal", "machine_restore")
    asm.label("machine_timer")
    asm.constant(_B, CLINT.base + CLINT_MTIME)
    asm.op("ld", _B, _B)
    asm.op("andi", _A, _B, imm=127)
    asm.op("add", _B, _B, _A)
    asm.op("addi", _B, _B, imm=20)
    asm.constant(_A, CLINT.base + CLINT_MTIMECMP)
    asm.op("sd", 0, _A, _B)
    asm.jump("jal", "machine_restore")


def remap_services(asm: Assembler) -> None:
    """M mode's services that change a PTE; they go on at the label ``machine_return``."""
    entry, value, where, space = 7, 6, 5, 4
    for label in ("remap_first", "remap_second"):
        asm.label(label)
        asm.constant(_A, CSRS["mstatus"].mask("MPRV"))
        asm.csr("csrrc", _A, "mstatus", _A)
        asm.op("sd", 0, entry, value)
        asm.csr("csrrw", 0, "mstatus", _A)
        if label == "remap_second":
            break
        asm.csr("csrrs", _B, "hgatp")
        asm.jump("beq", "remap_all", space, 0)
        for operand in (space, 0):
            asm.op("sfence.vma", 0, where, operand)
            for vmid in range(3):
                asm.constant(_A, AtpMode.SV39 << 60 | vmid << 44)
                asm.csr("csrrw", 0, "hgatp", _A)
                asm.op("hfence.vvma", 0, where, operand)
            asm.csr("csrrw", 0, "hgatp", _B)
            asm.jump("jal", "remapped")
            if operand:
                asm.label("remap_all")
    asm.op("hfence.gvma", 0, where, space)
    asm.label("remapped")
    asm.op("addi", _SERVICE, 0)
    asm.csr("csrrs", _A, "mepc")
    asm.op("addi", _A, _A, imm=4)
    asm.csr("csrrw", 0, "mepc", _A)
    asm.jump("jal", "machine_return")


def _resume(asm: Assembler, level: str, prefix: str) -> None:
    """xepc of an exception whose cause is in ``_A``: the following instruction, or x1 after a fetch fault."""
    asm.op("sll", _B, FETCH_CAUSES, _A)
    asm.csr("csrrs", _A, f"{prefix}epc")
    asm.jump("blt", f"{level}_fetch", _B, 0)
    asm.op("addi", _A, _A, imm=4)
    asm.op("addi", LOOP, 0)  # a loop that traps has seen enough
    asm.label(f"{level}_set")
    asm.csr("csrrw", 0, f"{prefix}epc", _A)
    asm.op(f"{prefix}ret")
    if level != "machine":
        asm.jump("jal", f"{level}_give_up")  # sret may be trapped
    asm.label(f"{level}_fetch")
    asm.jump("beq", "next" if level == "machine" else f"{level}_give_up", _A, 1)  # neither can x1
    asm.op("addi", _A, 1)
    asm.jump("jal", f"{level}_set")


def _lower(asm: Assembler, level: str) -> None:
    """The handler of HS, or of VS (where the same names mean the VS registers)."""
    asm.label(level)
    asm.csr("csrrs", _A, "scause")
    asm.jump("blt", f"{level}_interrupt", _A, 0)
    asm.jump("bne", f"{level}_ask", _SERVICE, 0)
    asm.op("addi", BUDGET, BUDGET, imm=-1)
    asm.jump("blt", f"{level}_give_up", BUDGET, 0)
    _resume(asm, level, "s")
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
    asm.csr("csrrc", 0, "sie", _B)
    if level == "supervisor":
        asm.csr("csrrc", 0, "hie", _B)
    asm.op("sret")
    asm.jump("jal", f"{level}_give_up")


def _deep(asm: Assembler, chooser: random.Random, level: str, prefix: str) -> None:
    """Reads all that the trap has written, saves it, and traps again before the handler does its work."""
    asm.label(f"{level}_deep")
    asm.jump("bne", level, _SERVICE, 0)
    registers = [f"{prefix}epc", f"{prefix}cause", f"{prefix}status"]
    registers += ["hstatus"] if level == "supervisor" else []
    others = {"machine": ["mtval", "mtval2", "mtinst"], "supervisor": ["stval", "htval", "htinst"]}
    for name in others.get(level, ["stval"]):
        asm.csr("csrrs", _A, name)
    saved = dict(zip(registers, DEEP_REGISTERS))
    vector = DEEP_REGISTERS[-1]
    for name, register in saved.items():
        asm.csr("csrrs", register, name)
    asm.op("auipc", _A)
    asm.constant(_B, asm.here - 4 - asm.labels[f"{level}_vector"])
    asm.op("sub", _A, _A, _B)
    asm.csr("csrrw", vector, f"{prefix}tvec", _A)
    for _ in range(chooser.randrange(1, 5)):
        _provoke(asm, chooser)
    asm.csr("csrrw", 0, f"{prefix}tvec", vector)
    for name, register in saved.items():
        asm.csr("csrrw", 0, name, register)
    asm.jump("jal", level)


def _provoke(asm: Assembler, chooser: random.Random) -> None:
    """One instruction that probably traps and destroys nothing."""
    target, pointer = chooser.choice((_A, _B, 0)), chooser.choice(POINTERS)
    name = chooser.choice(
        "ld lw lr.d sd hlv.d hlvx.wu hsv.b csrrs csrrs ebreak wfi hfence.gvma mret_not unknown".split()
    )
    if name == "unknown":
        asm.word(0)
    elif name == "mret_not":
        asm.csr("csrrw", 0, "mhartid", 0)
    elif name == "csrrs":
        numbers = [CSRS[other].number for other in ("hgatp", "satp", "vsstatus", "mtval", "time", "stimecmp")]
        asm.op("csrrs", target, 0, imm=chooser.choice(numbers))
    elif name in ("sd", "hsv.b"):
        asm.op(name, 0, pointer, 3)
    else:
        asm.op(name, target if name[0] in "lh" and "fence" not in name else 0, pointer * (name != "wfi"))


def _boot(asm: Assembler) -> None:
    """What is set once: PMP entries for the guarded memory and for all, the PLIC's priorities."""
    asm.label("boot")
    asm.constant(FETCH_CAUSES, sum(1 << 63 - cause for cause in _FETCHES))
    asm.constant(_A, (1 << 54) - 1)
    asm.csr("csrrw", 0, "pmpaddr7", _A)
    for n, (base, size, _) in enumerate(GUARDS, _FIRST_GUARD):
        asm.constant(_A, base >> 2 | (size >> 3) - 1)
        asm.csr("csrrw", 0, f"pmpaddr{n}", _A)
    asm.constant(_A, PLIC.base)
    for source in (*range(1, 9), UART_IRQ):
        asm.op("addi", _B, 0, imm=1 + source % plic.PRIORITY_MAX)
        asm.op("sw", 0, _A, _B, 4 * source)
    asm.jump("jal", "start")


def _start(asm: Assembler) -> None:
    asm.label("next")
    asm.constant(_A, CSRS["mstatus"].mask("MPRV"))
    asm.csr("csrrc", 0, "mstatus", _A)
    asm.constant(_A, CELL)
    asm.op("ld", _B, _A)
    asm.op("ld", _A, _B, imm=DUMP)
    asm.jump("beq", "no_dump", _A, 0)
    for name in FINAL_CSRS:
        asm.csr("csrrs", _A, name)
    asm.label("no_dump")
    asm.constant(_A, CELL)
    asm.op("ld", _B, _B, imm=NEXT)
    asm.op("sd", 0, _A, _B)
    asm.label("start")
    asm.constant(_A, CELL)
    asm.op("ld", _B, _A)
    existing = csr_states()
    for n, name in enumerate(SETTINGS):
        assert name in existing
        asm.op("ld", _A, _B, imm=8 * n)
        asm.csr("csrrw", 0, name, _A)
    asm.op("ld", _A, _B, imm=FENCES)
    asm.jump("beq", "start_devices", _A, 0)
    asm.op("sfence.vma")
    asm.op("hfence.vvma")
    asm.op("hfence.gvma")
    asm.label("start_devices")
    asm.op("ld", _A, _B, imm=DEVICES + 16)
    asm.jump("blt", "start_timer", _A, 0)
    for n, address in enumerate(
        (PLIC.base + plic.ENABLE, PLIC.base + plic.ENABLE + plic.ENABLE_STRIDE, UART.base + Register.IER)
    ):
        asm.op("ld", _A, _B, imm=DEVICES + 8 * n)
        asm.constant(_SERVICE, address)
        asm.op("sb" if n == 2 else "sw", 0, _SERVICE, _A)
    asm.constant(_SERVICE, CLINT.base)
    asm.op("sw", 0, _SERVICE, _A, imm=CLINT_MSIP)
    asm.label("start_timer")
    asm.constant(_SERVICE, CLINT.base + CLINT_MTIME)
    asm.op("ld", _A, _SERVICE)
    asm.op("ld", _SERVICE, _B, imm=FENCES + 8)
    asm.op("add", _A, _A, _SERVICE)
    asm.constant(_SERVICE, CLINT.base + CLINT_MTIMECMP)
    asm.op("sd", 0, _SERVICE, _A)
    for n, register in enumerate(REGISTERS):
        asm.op("ld", register, _B, imm=8 * (len(SETTINGS) + n))
    asm.op("addi", _SERVICE, 0)
    asm.op("mret")
