"""What is random in a torture program for Xvmx besides the units of others: VMX instructions of the host, its
tables, and what a guest can do."""

import random

from cosim.torture.assembler import encode, load_constant
from cosim.torture.layout import DATA_REGISTERS, MEMORY
from cosim.torture.tables import TableBuilder
from cosim.torture.units import Context, Unit, random_unit
from cosim.torture.xvmx_layout import VMXON_REGION, VPIDS
from rtl.isa.causes import Interrupt
from rtl.isa.csrs import CSRS
from rtl.isa.memory_map import DRAM_BASE
from rtl.isa.paging import LEVEL_BITS, PAGE_SHIFT, AtpMode, Pte
from rtl.isa.xvmx import FIELDS, FIELDS_BY_NUMBER

__all__ = ["HOST_RETURN", "VMCS_REGIONS", "WRONG_REVISION", "guest_unit", "host_roots", "host_unit"]

VMCS_REGIONS = tuple(VMXON_REGION + 0x1000 * n for n in range(1, 4))
WRONG_REVISION = VMXON_REGION + 0x4000
_NOWHERE = (0, 0x1000_0000, DRAM_BASE + (1 << 30), 1 << 55)
"""Addresses where VMX structures cannot be."""
_ALL = (1 << 64) - 1
_PAGE, _MEGA = 1 << PAGE_SHIFT, 1 << PAGE_SHIFT + LEVEL_BITS
_ASIDS = (9, 3)
"""The host's address spaces; a guest has the second one too."""


def _pack(*words: int) -> Unit:
    return b"".join(word.to_bytes(4, "little") for word in words)


HOST_RETURN: Unit = _pack(encode("jalr", 0, 26))
"""The end of the host's random code."""


def host_roots(tables: TableBuilder) -> list[int]:
    """Values of satp for the host: none; all of memory at its own address, in one page or in many."""
    flags = int(Pte.V | Pte.R | Pte.W | Pte.X | Pte.A | Pte.D)
    index = DRAM_BASE >> PAGE_SHIFT + 2 * LEVEL_BITS
    roots = [tables.new_table() for _ in _ASIDS]
    tables.set_entry(roots[0], index, DRAM_BASE, flags)
    middle, leaves = tables.new_table(), tables.new_table()
    tables.set_entry(roots[1], index, middle, int(Pte.V))
    for n in range(1, -(-MEMORY // _MEGA)):
        tables.set_entry(middle, n, DRAM_BASE + n * _MEGA, flags)
    tables.set_entry(middle, 0, leaves, int(Pte.V))
    for n in range(1 << LEVEL_BITS):
        tables.set_entry(leaves, n, DRAM_BASE + n * _PAGE, flags)
    pairs = zip(_ASIDS, roots, strict=True)
    return [0, *(AtpMode.SV39 << 60 | asid << 44 | root >> PAGE_SHIFT for asid, root in pairs)]


def host_unit(c: random.Random, eptps: list[int]) -> Unit:
    """A VMX instruction for root S, with operands good or bad. It may use x6, x7 and the data registers."""
    kind = c.choice(("field", "field", "field", "pointer", "pointer", "invalidate", "enter", "plain"))
    rd = c.choice((0, *DATA_REGISTERS))
    if kind == "field":
        return _field(c, rd)
    if kind == "pointer":
        name = c.choice(("vmptrld", "vmptrld", "vmptrld", "vmclear", "vmptrst", "vmxon"))
        return _pack(*load_constant(6, _region(c)), encode(name, rd, 6 if name != "vmptrst" else 0))
    if kind == "invalidate":
        name = c.choice(("invept", "invvpid"))
        operand = c.choice((0, 1, 2, 3, VPIDS[0] << 16 | c.randrange(4), c.getrandbits(34)))
        words = [*load_constant(6, operand), *load_constant(7, c.choice((*eptps, 0, _ALL)))]
        return _pack(*words, encode(name, rd, 6, 7))
    if kind == "enter" and c.random() < 0.5:  # mostly with a field that cannot be entered with
        words = [*load_constant(6, FIELDS["ENTRY_CTLS"].number), encode("vmwrite", rd, 6, 6)]
        return _pack(*words, encode(c.choice(("vmlaunch", "vmresume")), rd))
    if c.random() < 0.05:
        region = load_constant(6, VMXON_REGION)
        return _pack(encode("vmxoff", rd), encode("vmptrst", rd), *region, encode("vmxon", rd, 6))
    word = c.choice((encode("vmcall"), encode("vmfunc", rd, 6, 7), 0x7B | c.getrandbits(25) << 7 & ~0xF80))
    if word >> 25 in (0, 1, 3, 7, 8):  # nothing that leaves this code
        word = encode("vmptrst", rd)
    return _pack(word)


def _field(c: random.Random, rd: int) -> Unit:
    number = c.choice((*FIELDS_BY_NUMBER, *FIELDS_BY_NUMBER, 0x0F, 0x214, 0x30A, 0x1000, 1 << 40))
    if number == FIELDS["PREEMPT_TIMER"].number or c.random() < 0.3:
        return _pack(*load_constant(6, number), encode("vmread", rd, 6))
    words = [*load_constant(6, number), *load_constant(7, c.getrandbits(c.choice((3, 16, 64))))]
    return _pack(*words, encode("vmwrite", rd, 6, 7), encode("vmread", c.choice(DATA_REGISTERS), 6))


def _region(c: random.Random) -> int:
    if c.random() < 0.65:
        return c.choice(VMCS_REGIONS)
    first, second = VMCS_REGIONS[:2]
    bad = (VMXON_REGION, WRONG_REVISION, first + 8, 1 << 56, second | 1 << 60)
    return c.choice((*bad, *bad, *_NOWHERE))


def guest_unit(context: Context) -> Unit:
    """One of the plain units, or something that only a guest of Xvmx can do."""
    c = context.chooser
    if c.random() < 0.8:
        return random_unit(context)
    rd = context.data()
    kind = c.randrange(7)
    if kind == 0:
        return _pack(encode("vmcall"))
    if kind == 1:
        words = [
            *load_constant(6, c.choice((0, 0, 0, 1))),
            *load_constant(7, c.choice((0, 1, 2, 511, 512))),
        ]
        return _pack(*words, encode("vmfunc", rd, 6, 7))
    if kind == 2:
        return _pack(0x0100_000F)  # pause
    if kind == 3:
        names = ("csrrs", "csrrw")
        return _pack(encode(c.choice(names), rd, 0, imm=CSRS[c.choice(("stopei", "sip"))].number))
    if kind == 4:
        bits = c.choice((1 << Interrupt.SSI, 1 << Interrupt.SEI, 0x222))
        change = encode(
            c.choice(("csrrs", "csrrc", "csrrw")), rd, 7, imm=CSRS[c.choice(("sip", "sie"))].number
        )
        return _pack(*load_constant(7, bits), change)
    if kind == 5:
        return _pack(encode("csrrs", rd, 0, imm=CSRS[c.choice(("time", "satp", "svmxcap", "cycle"))].number))
    name = c.choice(("vmread", "vmptrst", "vmresume", "vmxoff", "invept", "vmptrld"))
    return _pack(encode(name, rd))
