"""The random pieces of a chunk's code. A unit is position independent and short, and can be left out."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from cosim.model.decode import decode
from cosim.torture.assembler import encode, load_constant
from cosim.torture.handlers import MAGIC, REMAP_FIRST, REMAP_SECOND
from cosim.torture.layout import CODE, DATA_REGISTERS, LOOP, POINTERS, USER_CODE
from cosim.torture.tables import PROBE_MAPPINGS, PROBES, TableBuilder, windows
from rtl.isa.causes import Cause, Interrupt
from rtl.isa.csrs import CSRS
from rtl.isa.instructions import COMPRESSED, INSTRUCTIONS, Format
from rtl.isa.memory_map import CLINT

__all__ = ["EXIT", "Context", "Unit", "random_unit"]

Unit = bytes

_BY_FORMAT: dict[Format, list[str]] = {}
for _instruction in INSTRUCTIONS.values():
    if _instruction.extension != "Xvmx":
        _BY_FORMAT.setdefault(_instruction.format, []).append(_instruction.name)

_AMOS = [name for name in _BY_FORMAT[Format.AMO] if not name.startswith("sc.")]
_LOADS = [name for name in _BY_FORMAT[Format.LOAD] if name != "jalr"]
_CSRS = [csr for name, csr in CSRS.items() if name not in ("mvirt", "svmxcap", "stopei")]
_USEFUL_CSRS = [csr for csr in _CSRS if not csr.name.startswith(("pmp", "hpm", "mhpm", "tdata", "tsel"))]
_NEVER_WRITTEN = {
    csr.number for name, csr in CSRS.items() if name in ("mtvec", "stvec", "vstvec") or name.startswith("pmp")
}
"""What the handlers and the way on depend on."""
_TRANSLATION = {CSRS[name].number for name in ("satp", "vsatp", "hgatp")}
_MASKED = {
    CSRS["medeleg"].number: ~(1 << Cause.ECALL_HS),  # always HS's way to M
    CSRS["mie"].number: ~(1 << Interrupt.MTI | 1 << Interrupt.MSI),
    CSRS["menvcfg"].number: ~CSRS["menvcfg"].mask("ADUE"),
    CSRS["henvcfg"].number: ~CSRS["menvcfg"].mask("ADUE"),
}
"""Bits of registers that chunks may change; the others stay as the program began."""
_STATUS = tuple(CSRS[name] for name in ("mstatus", "sstatus", "hstatus", "vsstatus"))
_WINDOW_BITS = {
    "mstatus": ("SUM", "MXR", "TVM", "TW", "TSR", "SIE", "MIE", "MPRV", "MPP", "MPV", "SPP"),
    "sstatus": ("SUM", "MXR", "SIE", "SPP"),
    "hstatus": ("VTVM", "VTW", "VTSR", "HU", "SPVP", "SPV"),
    "vsstatus": ("SUM", "MXR", "SIE", "SPP"),
}


@dataclass
class Context:
    """What units choose by.

    Attributes
    ----------
    translated: accesses of the chunk's first mode are translated by the first stage
    user: that mode is U or VU
    roots: values of satp, vsatp and hgatp that the program allows at any time
    weights: of the kinds of units
    tables: whose leaves may be changed
    spaces: (second stage, ASID or VMID) that the chunk begins in
    """

    chooser: random.Random
    translated: bool = False
    user: bool = False
    roots: dict[str, list[int]] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)
    tables: TableBuilder | None = None
    spaces: tuple[tuple[bool, int], ...] = ()

    def data(self) -> int:
        return self.chooser.choice(DATA_REGISTERS)

    def source(self) -> int:
        return self.chooser.choice((*DATA_REGISTERS, *POINTERS, 0, 1, LOOP, 30))

    def pointer(self) -> int:
        return self.chooser.choice(POINTERS)


def _pack(*words: int) -> Unit:
    return b"".join(word.to_bytes(4, "little") for word in words)


def _offset(chooser: random.Random) -> int:
    kind = chooser.random()
    if kind < 0.6:
        return chooser.choice((0, 0, 8, 16, -8, 64, 4, 1, -1, 2, 3, 5, 7, 6))
    return chooser.randrange(-2048, 2048) & (-8 if kind < 0.85 else -1)


def _alu(c: Context) -> Unit:
    kind = c.chooser.choice((Format.R, Format.R, Format.I, Format.SHIFT6, Format.SHIFT5, Format.U))
    name = c.chooser.choice(_BY_FORMAT[kind])
    if INSTRUCTIONS[name].extension == "M" and name[:3] in ("div", "rem") and c.chooser.random() < 0.6:
        name = "mulhsu"
    imm = c.chooser.getrandbits(32 if kind is Format.U else 6 if kind is Format.SHIFT6 else 5)
    if kind is Format.I:
        imm = c.chooser.randrange(-2048, 2048)
    return _pack(encode(name, c.data(), c.source(), c.source(), imm))


def _compressed(c: Context) -> Unit:
    """A compressed instruction that keeps the registers that have a purpose."""
    while True:
        kind = c.chooser.choice(COMPRESSED)
        half = kind.match | c.chooser.getrandbits(16) & ~kind.mask & 0xFFFF
        if not kind.matches(half):
            continue
        d = decode(half)
        if d.name in ("jal", "jalr", "beq", "bne", "ebreak", "illegal"):
            continue
        if kind.name == "c.addi16sp" and c.chooser.random() < 0.3:
            return half.to_bytes(2, "little")  # x2 is a pointer
        stores = d.name in ("sw", "sd")
        if not stores and d.rd and d.rd not in DATA_REGISTERS:
            continue
        if d.name in ("lw", "ld", "sw", "sd"):
            if d.rs1 not in POINTERS:
                continue
            return half.to_bytes(2, "little") + b"\x01\x00"  # traps go on 4 bytes later
        return half.to_bytes(2, "little")


def _load(c: Context) -> Unit:
    return _pack(encode(c.chooser.choice(_LOADS), c.data(), c.pointer(), imm=_offset(c.chooser)))


def _store(c: Context) -> Unit:
    name = c.chooser.choice(_BY_FORMAT[Format.S])
    return _pack(encode(name, 0, c.pointer(), c.source(), _offset(c.chooser)))


def _atomic(c: Context) -> Unit:
    where = encode("addi", 7, c.pointer(), imm=_offset(c.chooser))
    align = [] if c.chooser.random() < 0.15 else [encode("andi", 7, 7, imm=-8)]
    order = c.chooser.getrandbits(2) << 25
    if c.chooser.random() < 0.6:
        return _pack(where, *align, encode(c.chooser.choice(_AMOS), c.data(), 7, c.source()) | order)
    suffix = c.chooser.choice("wd")
    middle = [] if c.chooser.random() < 0.7 else [int.from_bytes(_store(c), "little")]
    words = [encode("lr." + suffix, 6, 7), *middle, encode("sc." + suffix, c.data(), 7, c.source())]
    return _pack(where, *align, *(word | order for word in words[:1]), *words[1:])


def _simple(c: Context, count: int) -> Unit:
    kinds = (_alu, _alu, _compressed, _compressed, _load, _store)
    return b"".join(c.chooser.choice(kinds)(c) for _ in range(count))


def _branch(c: Context) -> Unit:
    body = _simple(c, c.chooser.randrange(1, 5))
    name = c.chooser.choice(_BY_FORMAT[Format.B])
    if c.chooser.random() < 0.3:
        return _short_branch(c, len(body)) + body
    if c.chooser.random() < 0.3:
        return _pack(encode("jal", c.chooser.choice((0, *DATA_REGISTERS)), imm=4 + len(body))) + body
    return _pack(encode(name, 0, c.source(), c.source(), 4 + len(body))) + body


def _short_branch(c: Context, distance: int) -> Unit:
    """c.j, c.beqz or c.bnez over ``distance`` bytes that follow (C chapter, formats CJ and CB)."""
    offset = distance + 2
    if c.chooser.random() < 0.4 or offset >= 256:
        half = 0xA001
        pieces = [(1, 3, 3), (4, 1, 11), (5, 1, 2), (6, 1, 7), (7, 1, 6), (8, 2, 9), (10, 1, 8)]
    else:
        pieces = [(1, 2, 3), (3, 2, 10), (5, 1, 2), (6, 2, 5)]
        half = c.chooser.choice((0xC001, 0xE001)) | c.chooser.randrange(8) << 7
    half |= sum((offset >> low & (1 << width) - 1) << place for low, width, place in pieces)
    return half.to_bytes(2, "little")


def _loop(c: Context) -> Unit:
    chooser = c.chooser
    body = b""
    for _ in range(chooser.randrange(1, 8)):
        body += chooser.choice((_alu, _compressed, _load, _store, _load, _atomic, _branch, _jump))(c)
        if chooser.random() < 0.3:  # walk through memory
            pointer = c.pointer()
            body += _pack(encode("addi", pointer, pointer, imm=chooser.choice((8, 64, 72, -8, 4, 1, 256))))
    ends = _pack(encode("addi", LOOP, LOOP, imm=-1), encode("blt", 0, 0, LOOP, -4 - len(body)))
    count = chooser.choice((2, 3, 5, 10, 15, 30))
    return _pack(encode("addi", LOOP, 0, imm=count)) + body + ends


def _call(c: Context) -> Unit:
    """Into a probe page and back; the page may be unmapped or forbidden, or the call cross into one."""
    chooser = c.chooser
    page = PROBES + (chooser.randrange(0, PROBE_MAPPINGS, 2) + c.user) * 4096
    if chooser.random() < 0.1:
        page = PROBES + 4096 * chooser.randrange(PROBE_MAPPINGS, 64)
    target = page + chooser.choice((0, 2, 4, 0xFFE, 0xFFC, chooser.randrange(2048) * 2))
    return _pack(*load_constant(7, target), encode("jalr", 1, 7))


def _jump(c: Context) -> Unit:
    """An indirect jump over something."""
    body = _simple(c, c.chooser.randrange(0, 4))
    link = c.chooser.choice((0, 0, 5, 6))
    if c.chooser.random() < 0.3:  # c.jr x7, or c.jalr x7, which changes x1: that is kept in x5
        half = c.chooser.choice((0x8382, 0x9382))
        keep, back = (b"\x86\x82", b"\x96\x80") if half == 0x9382 else (b"", b"")  # c.mv x5, x1; x1, x5
        distance = 8 + len(keep) + 2 + len(body)
        return (
            _pack(encode("auipc", 7), encode("addi", 7, 7, imm=distance))
            + keep
            + half.to_bytes(2, "little")
            + body
            + back
        )
    return _pack(encode("auipc", 7, imm=0), encode("jalr", link, 7, imm=8 + len(body))) + body


def _csr(c: Context) -> Unit:
    chooser = c.chooser
    csr = chooser.choice(_USEFUL_CSRS if chooser.random() < 0.8 else _CSRS)
    number = csr.number if chooser.random() < 0.93 else chooser.getrandbits(12)
    if chooser.random() < (0.4 if c.user else 0.1):
        number = CSRS["cycle"].number + chooser.choice((0, 1, 2, chooser.randrange(32)))
    name = chooser.choice(_BY_FORMAT[Format.CSR] + _BY_FORMAT[Format.CSRI])
    rd = chooser.choice((0, c.data(), c.data()))
    if number in _NEVER_WRITTEN or number in _TRANSLATION or chooser.random() < 0.2:
        return _pack(encode(chooser.choice(("csrrs", "csrrc", "csrrsi", "csrrci")), rd, 0, imm=number))
    if number in _MASKED:
        operand = chooser.getrandbits(64) & _MASKED[number]
        change = encode(chooser.choice(("csrrs", "csrrc")), rd, 7, imm=number)
        return _pack(*load_constant(7, operand), change)
    immediate = INSTRUCTIONS[name].format is Format.CSRI
    return _pack(encode(name, rd, chooser.randrange(32) if immediate else c.source(), imm=number))


def _status(c: Context) -> Unit:
    """One or two fields of a status register."""
    chooser = c.chooser
    csr = chooser.choice(_STATUS)
    names = chooser.sample(_WINDOW_BITS[csr.name], 2)
    operand = csr.mask(*names) & (chooser.getrandbits(64) | chooser.getrandbits(64))
    change = encode(chooser.choice(("csrrs", "csrrc")), c.data(), 7, imm=csr.number)
    return _pack(*load_constant(7, operand), change)


def _translation(c: Context) -> Unit:
    """Another table, or none, and perhaps a fence."""
    name = c.chooser.choice(sorted(c.roots))
    value = c.chooser.choice(c.roots[name])
    words = [*load_constant(7, value), encode("csrrw", c.data(), 7, imm=CSRS[name].number)]
    return _pack(*words) + (_fence(c) if c.chooser.random() < 0.3 else b"")


def _fence(c: Context) -> Unit:
    chooser = c.chooser
    name = chooser.choice(
        [name for name in INSTRUCTIONS if "fence" in name or "inval" in name]
        + ["sfence.vma", "hfence.gvma", "hfence.vvma"]
    )
    rs1 = chooser.choice((0, 0, *POINTERS, c.data()))
    rs2 = chooser.choice((0, 0, c.data()))
    instruction = INSTRUCTIONS[name]
    if instruction.format is not Format.RS1_RS2:
        return _pack(encode(name))
    return _pack(encode(name, 0, rs1, rs2))


def _guest_access(c: Context) -> Unit:
    name = c.chooser.choice(_BY_FORMAT[Format.HLV] + _BY_FORMAT[Format.HSV])
    where = encode("addi", 7, c.pointer(), imm=_offset(c.chooser))
    return _pack(where, encode(name, c.data() if "l" in name[:3] else 0, 7, c.source()))


def _system(c: Context) -> Unit:
    kind = c.chooser.random()
    if kind < 0.3:
        return _pack(encode("ecall"))
    if kind < 0.45:
        return _pack(encode("ebreak"))
    if kind < 0.55:
        return b"\x02\x90\x01\x00"  # c.ebreak; c.nop
    if kind < 0.65:
        return _pack(encode("wfi"))
    if kind < 0.8:
        return _pack(0x73 | c.chooser.getrandbits(25) << 7 & ~(3 << 12))  # funct3 0 or 4: no CSR
    if kind < 0.9:
        opcode = c.chooser.choice((0x0B, 0x2B, 0x5B, 0x07, 0x27, 0x53, 0x7B))
        return _pack(c.chooser.getrandbits(25) << 7 | opcode)
    if kind < 0.95:
        return b"\x00\x00\x01\x00"
    return _pack(0x2F | c.chooser.getrandbits(17) << 15 | c.data() << 7)


def _return(c: Context) -> Unit:
    """mret or sret to the following instruction, in some mode, at this address or at the code's other one."""
    chooser = c.chooser
    machine = chooser.random() < 0.4
    words = []
    if machine:
        fields = CSRS["mstatus"].mask("MPP", "MPV", "MPIE")
        value = chooser.getrandbits(64) & fields
        words += [*load_constant(6, fields), encode("csrrc", 0, 6, imm=CSRS["mstatus"].number)]
        words += [*load_constant(6, value), encode("csrrs", 0, 6, imm=CSRS["mstatus"].number)]
    else:
        for name, names in (("sstatus", ("SPP", "SPIE")), ("hstatus", ("SPV",))):
            change = encode(chooser.choice(("csrrs", "csrrc")), 0, 6, imm=CSRS[name].number)
            words += [*load_constant(6, CSRS[name].mask(*names)), change]
    move = chooser.random()
    if move < 0.6:
        moved = load_constant(6, (USER_CODE - CODE) * (1 if move < 0.4 else -1))
    else:
        moved = load_constant(6, 0)
    epc = CSRS["mepc" if machine else "sepc"].number
    tail = [encode("add", 7, 7, 6), encode("csrrw", 0, 7, imm=epc), encode("mret" if machine else "sret")]
    distance = 4 * (2 + len(moved) + len(tail))
    words += [encode("auipc", 7, imm=0), encode("addi", 7, 7, imm=distance), *moved, *tail]
    return _pack(*words)


def _modify_code(c: Context) -> Unit:
    """Replace an instruction, fence.i, run it."""
    word = int.from_bytes(_alu(c), "little")
    code = [encode("auipc", 6, imm=0), *load_constant(7, word)]
    code += [encode("sw", 0, 6, 7, 4 * (len(code) + 2)), encode("fence.i")]
    return _pack(*code) + _alu(c)


def _timer(c: Context) -> Unit:
    """A supervisor timer that goes off soon."""
    name = c.chooser.choice(("stimecmp", "vstimecmp"))
    read = encode("csrrs", 7, 0, imm=CSRS["time"].number)
    add = encode("addi", 7, 7, imm=c.chooser.randrange(-2, 30))
    return _pack(read, add, encode("csrrw", 0, 7, imm=CSRS[name].number))


def _device(c: Context) -> Unit:
    """The software interrupt of the CLINT, by its physical address."""
    words = [*load_constant(7, CLINT.base), encode("addi", 6, 0, imm=c.chooser.randrange(2))]
    name = c.chooser.choice(("sw", "sw", "sw", "lw", "lwu"))
    if name.startswith("s"):
        return _pack(*words, encode(name, 0, 7, 6))
    return _pack(*words, encode(name, 6, 7))


def _pointer(c: Context) -> Unit:
    address = windows(c.chooser, c.translated ^ (c.chooser.random() < 0.1), c.user)
    return _pack(*load_constant(c.pointer(), address))


def _remap(c: Context) -> Unit:
    """Another PTE for some page, and just the fence that this needs: M mode's handler does both."""
    assert c.tables is not None
    near = [leaf for leaf in c.tables.leaves if (leaf.second, leaf.space) in c.spaces]
    leaf = c.chooser.choice(near if near and c.chooser.random() < 0.8 else c.tables.leaves)
    service = REMAP_SECOND if leaf.second else REMAP_FIRST
    values = {7: leaf.entry, 6: c.tables.another(leaf), 5: leaf.address >> 2 if leaf.second else leaf.address}
    values[4] = 0 if c.tables.global_pages and not leaf.second else leaf.space
    words = [word for register, value in values.items() for word in load_constant(register, value)]
    words += [encode("addi", 31, 0, imm=service), encode("ecall"), encode("addi", 31, 0)]
    where = windows(c.chooser, True, c.user) if leaf.second and c.translated else leaf.address & -8
    access = encode("ld", c.data(), 7)
    if not PROBES <= where < PROBES + PROBE_MAPPINGS * 4096 and c.chooser.random() < 0.5:
        access = encode("sd", 0, 7, c.source())
    use = [*load_constant(7, where), access]
    return _pack(*use, *words, *use)


_KINDS: dict[str, Callable[[Context], Unit]] = {
    "alu": _alu,
    "compressed": _compressed,
    "load": _load,
    "store": _store,
    "atomic": _atomic,
    "branch": _branch,
    "loop": _loop,
    "call": _call,
    "jump": _jump,
    "csr": _csr,
    "status": _status,
    "translation": _translation,
    "fence": _fence,
    "guest_access": _guest_access,
    "system": _system,
    "return": _return,
    "modify_code": _modify_code,
    "timer": _timer,
    "device": _device,
    "pointer": _pointer,
    "remap": _remap,
}

KINDS = tuple(_KINDS)

EXIT = _pack(encode("addi", 31, 0, imm=MAGIC), encode("ecall"), encode("ecall"), encode("jal", imm=-12))
"""The end of every chunk's code."""


def random_unit(c: Context) -> Unit:
    """One unit, by the context's weights."""
    kind = c.chooser.choices(KINDS, [c.weights[kind] for kind in KINDS])[0]
    return _KINDS[kind](c)
