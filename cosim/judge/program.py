"""Random programs for an outside judge: they log every trap in memory, and end.

Made of the torture's parts: chunks of random units in all modes, and a tour of the zoo. All traps go to M
mode. There are no interrupts, counters and devices: what a program leaves in memory is the same on every
implementation, as far as the specification determines it (``rules`` names what it does not).
"""

import random

from cosim.elf import Program, Segment
from cosim.judge.log import END, LOG, LOGGED, RECORD_BYTES, REGISTERS
from cosim.torture.assembler import Assembler
from cosim.torture.handlers import GUARDS, MAGIC, protection
from cosim.torture.layout import (
    BODIES,
    BODY_STRIDE,
    BUDGET,
    CODE,
    DATA_REGISTERS,
    FETCH_CAUSES,
    FROZEN,
    LOOP,
    POINTERS,
    USER_CODE,
)
from cosim.torture.program import Generator, memory_segments
from cosim.torture.tables import windows
from cosim.torture.tour import stops
from cosim.torture.units import KINDS, Context, Unit, random_unit
from rtl.isa.causes import Cause
from rtl.isa.csrs import CSRS
from rtl.isa.instructions import INSTRUCTIONS
from rtl.isa.memory_map import DRAM_BASE, FINISHER, FINISHER_PASS
from rtl.isa.privilege import Privilege

__all__ = ["JUDGED_MEMORY", "judged_program"]

JUDGED_MEMORY = 20 << 20
"""Bytes of DRAM: QEMU puts a device tree into the last 2 MiB, behind all that the program has."""

_NOWHERE = 1 << 36
"""Neither machine has anything here; QEMU's has PCI Express windows below."""
_CHUNKS = 8
_CONTROL = BODIES + _CHUNKS * BODY_STRIDE
"""Where M mode's code that sets up one chunk after the other stands."""
_SCRATCH, _LOG, _ON, _SERVICE = 28, 24, 23, 31
"""The handler's registers: scratch, log's end, address to go on at after a chunk, what is asked of it."""
_WEIGHTS = {
    "alu": 8, "compressed": 6, "load": 8, "store": 6, "atomic": 3, "branch": 4, "loop": 3, "call": 2,
    "jump": 1, "status": 1, "translation": 0.5, "fence": 0.7, "guest_access": 3, "system": 0.5, "return": 1,
    "modify_code": 0.5, "pointer": 2,
}  # fmt: skip
_FROZEN = [base for base, _, _ in GUARDS].index(FROZEN)
_LOCKED = 0x98
"""A locked PMP entry for a power of two, without permissions."""
_NOT_TOURED = ("sc", "hlvx")
"""Of the tour. A store-conditional without a reservation may fault or fail. QEMU makes a fetch of HLVX."""
_NOT_RANDOM = ("wfi", "sc.w", "sc.d", "hlvx.hu", "hlvx.wu", "sfence.w.inval", "sfence.inval.ir")
"""Of the random units: the last two do not trap in QEMU's U and VU mode (Svinval chapter: they do)."""
_FETCHES = (Cause.FETCH_ACCESS, Cause.FETCH_PAGE_FAULT, Cause.FETCH_GUEST_PAGE_FAULT)


def judged_program(seed: int) -> Program:
    """The program of ``seed``; it ends through the finisher."""
    generator = Generator(seed, _NOWHERE)
    chooser = random.Random(seed)
    fixed = Assembler(CODE)
    fixed.constant(_SCRATCH, _CONTROL)
    fixed.op("jalr", 0, _SCRATCH)
    _handler(fixed)
    asm = Assembler(_CONTROL)
    for name, value in _settings(fixed.labels["trap"]).items():
        asm.constant(_SCRATCH, value)
        asm.csr("csrrw", 0, name, _SCRATCH)
    for register in range(1, 32):
        asm.op("addi", register, 0)
    asm.constant(_LOG, LOG)
    asm.constant(FETCH_CAUSES, sum(1 << 63 - cause for cause in _FETCHES))
    bodies = [_chunk(asm, chooser, generator, number) for number in range(_CHUNKS)]
    asm.constant(BUDGET, 1 << 20)
    for settle, visits in stops(seed, chooser, generator.habitats, _NOT_TOURED):
        asm.word(*settle)
        for visit in visits:
            asm.word(*visit)
            asm.op("ecall")  # so that what was loaded is logged
    _end(asm)
    code = [Segment(CODE, fixed.finish()), Segment(_CONTROL, asm.finish())]
    program = Program(f"judged seed {seed}", CODE, (*code, *bodies, *memory_segments(generator)), {})
    program.check_fits(JUDGED_MEMORY)
    return program


def _handler(asm: Assembler) -> None:
    """Logs, and goes on behind the instruction; after a fetch fault at x1, and in M mode if asked to."""
    asm.label("trap")
    for n, name in enumerate(LOGGED):
        asm.csr("csrrs", _SCRATCH, name)
        asm.op("sd", 0, _LOG, _SCRATCH, 8 * n)
    asm.op("addi", _SCRATCH, 0)
    for register in (*POINTERS, *DATA_REGISTERS):  # a digest
        asm.op("add", _SCRATCH, _SCRATCH, register)
        asm.op("slli", 29, _SCRATCH, imm=1)
        asm.op("xor", _SCRATCH, _SCRATCH, 29)
    asm.op("sd", 0, _LOG, _SCRATCH, 8 * len(LOGGED))
    asm.op("addi", _LOG, _LOG, imm=RECORD_BYTES)
    asm.op("addi", BUDGET, BUDGET, imm=-1)
    asm.jump("blt", "next", BUDGET, 0)
    asm.op("addi", _SCRATCH, 0, imm=MAGIC)
    asm.jump("beq", "next", _SCRATCH, _SERVICE)
    asm.jump("bne", "rescue", _SERVICE, 0)
    asm.csr("csrrs", _SCRATCH, "mcause")
    asm.op("sll", 29, FETCH_CAUSES, _SCRATCH)
    asm.csr("csrrs", _SCRATCH, "mepc")
    asm.jump("bge", "behind", 29, 0)
    asm.csr("csrrs", 29, "mtval")
    asm.op("sub", 29, 29, _SCRATCH)
    asm.op("sltiu", 29, 29, imm=4)
    asm.jump("bne", "fetch", 29, 0)  # not so for an HLVX that says to be a fetch
    asm.label("behind")
    asm.op("addi", _SCRATCH, _SCRATCH, imm=4)
    asm.op("addi", LOOP, 0)  # a loop that traps has seen enough
    asm.csr("csrrw", 0, "mepc", _SCRATCH)
    _leave(asm)
    asm.label("fetch")
    asm.jump("beq", "next", _SCRATCH, 1)
    asm.csr("csrrw", 0, "mepc", 1)
    _leave(asm)
    asm.label("next")
    asm.op("addi", 1, _ON)
    asm.label("rescue")
    asm.constant(_SCRATCH, Privilege.M << 11)
    asm.csr("csrrs", 0, "mstatus", _SCRATCH)
    asm.csr("csrrw", 0, "mepc", 1)
    asm.op("addi", _SERVICE, 0)
    _leave(asm)


def _leave(asm: Assembler) -> None:
    """Units may read any register: what QEMU says of a trap must not stay in those of the handler."""
    asm.op("addi", _SCRATCH, 0)
    asm.op("addi", 29, 0)
    asm.op("mret")


def _settings(handler: int) -> dict[str, int]:
    zeros = "mstatus medeleg mideleg hedeleg hideleg mie hie hvip hstatus vsstatus sscratch vsscratch"
    settings = dict.fromkeys(zeros.split(), 0) | {
        "mtvec": handler,
        "menvcfg": 0,  # without ADUE: see docs/verification.md
        "henvcfg": 0,
        "pmpaddr7": (1 << 54) - 1,
    }
    for n, (base, size, _) in enumerate(GUARDS, 4):
        settings[f"pmpaddr{n}"] = base >> 2 | (size >> 3) - 1
    # What the two machines have below DRAM differs: nobody may touch it but for the finisher, M mode neither.
    settings["pmpaddr0"] = FINISHER.base >> 2 | (0x1000 >> 3) - 1
    settings["pmpaddr1"] = (DRAM_BASE >> 3) - 1
    protected = protection(_LOCKED | 3 | _LOCKED << 8, False)
    return settings | {"pmpcfg0": protected | 7 << 8 * (4 + _FROZEN)}  # only updates make a difference there


def _chunk(asm: Assembler, chooser: random.Random, generator: Generator, number: int) -> Segment:
    """M mode's way into the chunk, and its body."""
    privilege, virt = chooser.choice(((3, 0), (1, 0), (1, 0), (0, 0), (1, 1), (1, 1), (0, 1), (0, 1)))
    roots = {name: chooser.choice(values) for name, values in generator.roots.items()}
    translated = privilege != Privilege.M and bool(roots["vsatp" if virt else "satp"])
    user = privilege == Privilege.U
    weights = dict.fromkeys(KINDS, 0.0) | _WEIGHTS
    context = Context(chooser, translated, user, generator.roots, weights, generator.tables)
    body = b""
    limit = chooser.choice((400, 800, 1200))
    while len(body) < limit:
        unit = random_unit(context)
        body += b"" if _has_left_out(unit) else unit
    start = BODIES + number * BODY_STRIDE + 0x1000 - 2 * chooser.randrange(1, 200)
    shift = USER_CODE - CODE if translated and user else 0
    mstatus = _some(chooser, "mstatus", "SUM", "MXR") | privilege << 11
    settings = roots | {
        "hstatus": _some(chooser, "hstatus", "SPV", "SPVP", "HU"),
        "vsstatus": _some(chooser, "sstatus", "SUM", "MXR", "SPP"),
        "mepc": start + shift,
        "mstatus": mstatus | (CSRS["mstatus"].mask("MPV") if virt else 0),
    }
    for name, value in settings.items():
        asm.constant(_SCRATCH, value)
        asm.csr("csrrw", 0, name, _SCRATCH)
    for fence in ("sfence.vma", "hfence.vvma", "hfence.gvma"):
        asm.op(fence)
    for register in DATA_REGISTERS:
        asm.constant(register, chooser.getrandbits(chooser.choice((1, 8, 32, 64))))
    for register in POINTERS:
        asm.constant(register, windows(chooser, translated, user))
    asm.constant(BUDGET, 150)
    asm.constant(1, start + shift + len(body))
    asm.op("addi", LOOP, 0)
    asm.op("auipc", _ON)
    asm.op("addi", _ON, _ON, imm=12)
    asm.op("mret")
    tail = Assembler(0)
    tail.op("addi", _SERVICE, 0, imm=MAGIC)
    tail.op("ecall")
    return Segment(start, body + tail.finish())


def _some(chooser: random.Random, csr: str, *fields: str) -> int:
    return CSRS[csr].mask(*fields) & chooser.getrandbits(64)


def _has_left_out(unit: Unit) -> bool:
    """Whether a unit has an instruction that is not for a judge."""
    words = [int.from_bytes(unit[at : at + 4], "little") for at in range(0, len(unit) - 2, 2)]
    kinds = [INSTRUCTIONS[name] for name in _NOT_RANDOM]
    if any(word & kind.mask == kind.match for word in words for kind in kinds):
        return True
    # Reads of mstatus: QEMU's GVA would get into registers.
    return any(
        word & 0x7F == 0x73 and word >> 20 == CSRS["mstatus"].number and word >> 7 & 31 for word in words
    )


def _end(asm: Assembler) -> None:
    """Registers and the log's end to memory; then the finisher."""
    asm.constant(_SCRATCH, CSRS["mstatus"].mask("MPRV"))
    asm.csr("csrrc", 0, "mstatus", _SCRATCH)
    asm.constant(_SCRATCH, REGISTERS)
    for register in range(1, 32):
        asm.op("sd", 0, _SCRATCH, register, 8 * register)
    asm.op("sd", 0, _SCRATCH, _LOG, END - REGISTERS)
    asm.constant(_SCRATCH, FINISHER.base)
    asm.constant(_SERVICE, FINISHER_PASS)
    asm.op("sw", 0, _SCRATCH, _SERVICE)
    asm.label("end")
    asm.jump("jal", "end")
