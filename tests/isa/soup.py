"""Random programs: instructions of every kind with random operands, in one mode, over random page tables.

Every trap goes to an M-mode handler that steps over the instruction. Nothing is expected of the results:
such a program is for comparing two machines. Jumps are short, returns and registers that would lose the
program (satp, trap vectors, interrupt enables) are left out, and so is auipc, lest a store hits the code.
"""

import random

from rtl.isa.csrs import CSRS
from rtl.isa.instructions import COMPRESSED, INSTRUCTIONS, Compressed

__all__ = ["soup"]

_BITS64 = (1 << 64) - 1
_MODES = ("HS", "HS", "VS", "VS", "VS", "U_PAGED", "VU_PAGED")
_LEFT_OUT = {"mret", "sret", "wfi", "jal", "jalr", "auipc"}
_BRANCHES = ("beq", "bne", "blt", "bge", "bltu", "bgeu")
_SHORT_LEFT_OUT = {"c.j", "c.beqz", "c.bnez", "c.jr", "c.jalr"}
_CSRS_LEFT_OUT = {
    "satp",
    "vsatp",
    "hgatp",
    "hstatus",
    "stvec",
    "vstvec",
    "hideleg",
    "hvip",
    "hip",
    "hie",
    "mip",
    "sip",
    "sie",
    "vsip",
    "vsie",
    "stimecmp",
    "vstimecmp",
    "time",
    "cycle",
    "instret",
    "mvirt",
    "svmxcap",
    "stopei",
}
_NAMES = [n for n, i in INSTRUCTIONS.items() if i.extension != "Xvmx" and n not in _LEFT_OUT]
_SHORT = [c for c in COMPRESSED if c.name not in _SHORT_LEFT_OUT]
_CSR_NUMBERS = [c.number for n, c in CSRS.items() if n not in _CSRS_LEFT_OUT and "counter" not in n]

_LEAVES = (
    "PTE_RWX",
    "PTE_URWX",
    "PTE_RWX",
    "PTE_URWX",
    "PTE_V | PTE_R | PTE_A",
    "PTE_V | PTE_X | PTE_A",
    "PTE_V | PTE_R | PTE_W | PTE_U",
    "PTE_V | PTE_R | PTE_W | PTE_A",
    "0",
)
_SETTINGS = (
    ("mstatus", "MSTATUS_SUM"),
    ("mstatus", "MSTATUS_MXR"),
    ("mstatus", "MSTATUS_TVM"),
    ("vsstatus", "MSTATUS_SUM"),
    ("vsstatus", "MSTATUS_MXR"),
    ("hstatus", "HSTATUS_SPVP"),
    ("hstatus", "HSTATUS_HU"),
    ("hstatus", "HSTATUS_VTVM"),
    ("menvcfg", "1 << 61"),
    ("henvcfg", "1 << 61"),
)

_HANDLER = """
77: nop
    .align 2
handler:
    csrrw sp, mscratch, sp
    sd t5, 0(sp)
    sd t6, 8(sp)
    csrr t5, mepc
    li t6, 0xc0000000       # the users' alias
    bltu t5, t6, 1f
    li t6, USER_ALIAS
    sub t5, t5, t6
1:  lhu t6, 0(t5)
    csrr t5, mepc
    andi t6, t6, 3
    addi t6, t6, -3
    beqz t6, 1f
    addi t5, t5, -2
1:  addi t5, t5, 4
    csrw mepc, t5
    ld t5, 0(sp)
    ld t6, 8(sp)
    csrrw sp, mscratch, sp
    mret
    PAGE_TABLES
    .bss
    .align 12
pool: .zero 8 * PAGE
    .data
    .align 4
save: .zero 64
"""


def soup(seed: int, length: int = 500) -> str:
    """Assembly text of the program of ``seed`` with about ``length`` random instructions."""
    chooser = random.Random(seed)
    mode = chooser.choice(_MODES)
    lines = ['#include "harness.h"', '#include "paging.h"', "PROGRAM"]
    lines += ["la a0, handler", "csrw mtvec, a0", "la a0, save", "csrw mscratch, a0", "csrw mcounteren, x0"]
    lines += _tables(chooser)
    for register, bits in _SETTINGS:
        if chooser.random() < 0.4:
            lines += [f"li a0, {bits}", f"csrs {register}, a0"]
    lines += [f"ENTER_{mode}"]
    lines += [f"li x{n}, {_value(chooser):#x}" for n in range(1, 32)]
    lines += [_line(chooser) for _ in range(length)]
    lines += ["la x5, tohost", "li x6, 1", "sd x6, 0(x5)", "1: j 1b"]
    return "\n".join(lines) + _HANDLER


def _tables(chooser: random.Random) -> list[str]:
    """Eight pages in each first stage and in the second, with random frames and permissions."""
    lines = ["FIRST_STAGE s_root, s_l1, s_l0", "FIRST_STAGE vs_root, vs_l1, vs_l0", "SECOND_STAGE"]
    for page in range(8):
        frames = [chooser.randrange(n) for n in (6, 10, 6)]
        flags = [chooser.choice(_LEAVES) for _ in range(3)]
        lines += [
            f"MAP s_l0, {page}, pool + {frames[0]} * PAGE, {flags[0]}",
            f"MAP_AT vs_l0, {page}, {frames[1]} * PAGE, {flags[1]}",
            f"MAP g_l0, {page}, pool + {frames[2]} * PAGE, {flags[2]} | PTE_U",
        ]
    return [*lines, "SET_ATP satp, s_root", "SET_ATP vsatp, vs_root", "SET_ATP hgatp, g_root", "FENCES"]


def _value(chooser: random.Random) -> int:
    """Mostly an address in the eight pages, often near their ends."""
    kind = chooser.random()
    if kind < 0.75:
        offset = chooser.choice((0, 1, 3, 8, 16, 2048, 4088, 4092, 4094, 4095, chooser.randrange(4096)))
        return chooser.randrange(8) * 4096 + offset
    return chooser.getrandbits(64) if kind < 0.85 else chooser.choice((0, 1, 5, _BITS64, 1 << 63))


def _line(chooser: random.Random) -> str:
    kind = chooser.random()
    if kind < 0.06:
        return f"li x{chooser.randrange(1, 32)}, {_value(chooser):#x}"
    if kind < 0.3:
        return _compressed(chooser, chooser.choice(_SHORT))
    name = chooser.choice(_NAMES)
    if name in _BRANCHES:
        a, b, c = (chooser.randrange(32) for _ in range(3))
        return f"{name} x{a}, x{b}, 9f\naddi x{c}, x0, 5\n9:"
    instruction = INSTRUCTIONS[name]
    word = instruction.match | chooser.getrandbits(32) & ~instruction.mask
    if name.startswith("csr"):
        word = word & 0xF_FFFF | chooser.choice(_CSR_NUMBERS) << 20
    elif name == "lui":
        word &= 0xFFFF  # stay near: a random upper immediate leads nowhere
    return f".word {word:#x}"


def _compressed(chooser: random.Random, form: Compressed) -> str:
    while True:
        half = form.match | chooser.getrandbits(16) & ~form.mask
        if form.matches(half):
            return f".half {half:#x}"
