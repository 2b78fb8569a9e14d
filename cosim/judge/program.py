"""Random programs for an outside judge: they log every trap in memory, and end.

Made of the torture's parts and of units of the judge's own: chunks of random units in all modes under random
delegation, and a tour of the zoo. What a program leaves in memory is the same on every implementation, as
far as the specification determines it (``rules`` names what it does not).
"""

import random
from collections.abc import Collection
from dataclasses import dataclass, replace

from cosim.elf import Program, Segment
from cosim.judge.csr_units import PRIVATE_UNITS
from cosim.judge.handlers import LOG_END, ON, SCRATCH, SERVICE, handlers
from cosim.judge.log import END, LOG, REGISTERS
from cosim.torture.assembler import Assembler
from cosim.torture.handlers import GUARDS, protection
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
from cosim.torture.units import EXIT, KINDS, Context, Unit, random_unit
from rtl.isa.causes import VS_INTERRUPTS, Cause, Interrupt
from rtl.isa.csr_state import S_INTERRUPTS, csr_states
from rtl.isa.csrs import CSRS
from rtl.isa.instructions import INSTRUCTIONS
from rtl.isa.memory_map import CLINT, CLINT_MTIMECMP, DRAM_BASE, FINISHER, FINISHER_PASS
from rtl.isa.privilege import Privilege

__all__ = ["JUDGED_MEMORY", "Judged", "judged_program"]

JUDGED_MEMORY = 20 << 20
"""Bytes of DRAM: QEMU puts a device tree into the last 2 MiB, behind all that the program has."""

_NOWHERE = 1 << 36
"""Neither machine has anything here; QEMU's has PCI Express windows below."""
_CHUNKS = 8
_CONTROL = BODIES + _CHUNKS * BODY_STRIDE
"""Where M mode's code that sets up one chunk after the other stands."""
_ALL = (1 << 64) - 1
_WEIGHTS = {
    "alu": 8, "compressed": 6, "load": 8, "store": 6, "atomic": 3, "branch": 4, "loop": 3, "call": 2,
    "jump": 1, "status": 1, "translation": 0.5, "fence": 0.7, "guest_access": 3, "system": 0.5, "return": 1,
    "modify_code": 0.5, "pointer": 2, "remap": 0.7,
}  # fmt: skip
_PRIVATE_WEIGHTS = {"csr": 4, "interrupt": 1, "raise": 3, "timer": 0.7, "pair": 1, "hlvx": 1, "wait": 0.3}
_FROZEN = [base for base, _, _ in GUARDS].index(FROZEN)
_LOCKED = 0x98
"""A locked PMP entry for a power of two, without permissions."""
_NOT_TOURED = ("sc",)
"""A store-conditional without a reservation may fault or fail."""
_NOT_RANDOM = ("sc.w", "sc.d", "sfence.w.inval", "sfence.inval.ir")
"""Of the torture's units: the last two do not trap in QEMU's U and VU mode (Svinval chapter: they do); those
with sc may have stores behind lr."""
_NOP = b"\x01\x00"
"""c.nop."""
_FETCHES = (Cause.FETCH_ACCESS, Cause.FETCH_PAGE_FAULT, Cause.FETCH_GUEST_PAGE_FAULT)
_STCE, _ADUE = (CSRS["menvcfg"].mask(name) for name in ("STCE", "ADUE"))


@dataclass(frozen=True)
class Judged:
    """A program, and where each of its units stands."""

    program: Program
    units: list[range]

    def unit_at(self, *places: int) -> int | None:
        """The unit's address to which the first possible of ``places``, perhaps in the code's second copy,
        belongs."""
        for place in places:
            if place >> 30 in (DRAM_BASE >> 30, USER_CODE >> 30):
                address = DRAM_BASE | place % (1 << 30)
                found = next((unit.start for unit in self.units if address in unit), None)
                if found is not None:
                    return found
        return None

    def without(self, left_out: Collection[int]) -> Program:
        """The program with nops in place of the units that stand at the addresses ``left_out``."""
        segments = list(self.program.segments)
        for unit in self.units:
            if unit.start not in left_out:
                continue
            for n, segment in enumerate(segments):
                first, last = unit.start - segment.address, unit.stop - segment.address
                if 0 <= first < last <= len(segment.data):
                    nops = _NOP * (len(unit) // len(_NOP))
                    segments[n] = replace(segment, data=segment.data[:first] + nops + segment.data[last:])
        return replace(self.program, segments=tuple(segments))


def judged_program(seed: int) -> Judged:
    """The program of ``seed``; it ends through the finisher."""
    return _Maker(seed).make()


class _Maker:
    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.generator = Generator(seed, _NOWHERE)
        self.chooser = random.Random(seed)
        self.timers = self.chooser.random() < 0.5
        self.updates = self.generator.adue and self.chooser.random() < 0.7
        self.labels: dict[str, int] = {}
        self.units: list[range] = []

    def make(self) -> Judged:
        fixed = Assembler(CODE)
        fixed.constant(SCRATCH, _CONTROL)
        fixed.op("jalr", 0, SCRATCH)
        handlers(fixed)
        self.labels = fixed.labels
        asm = Assembler(_CONTROL)
        asm.constant(SCRATCH, CLINT.base + CLINT_MTIMECMP)
        asm.op("addi", ON, 0, imm=-1)
        asm.op("sd", 0, SCRATCH, ON)
        self._set(asm, self._settings())
        for register in range(1, 32):
            asm.op("addi", register, 0)
        asm.constant(LOG_END, LOG)
        asm.constant(FETCH_CAUSES, sum(1 << 63 - cause for cause in _FETCHES))
        bodies = [self._chunk(asm, number) for number in range(_CHUNKS)]
        self._tour(asm)
        _end(asm)
        code = [Segment(CODE, fixed.finish()), Segment(_CONTROL, asm.finish())]
        segments = (*code, *bodies, *memory_segments(self.generator))
        program = Program(f"judged seed {self.seed}", CODE, segments, {})
        program.check_fits(JUDGED_MEMORY)
        return Judged(program, self.units)

    @staticmethod
    def _set(asm: Assembler, settings: dict[str, int]) -> None:
        for name, value in settings.items():
            asm.constant(SCRATCH, value)
            asm.csr("csrrw", 0, name, SCRATCH)

    def _settings(self) -> dict[str, int]:
        """What is set once. What the two machines have below DRAM differs: from now on nobody may touch it
        but for the finisher, M mode neither."""
        environment = (_STCE if self.timers else 0) | (_ADUE if self.updates else 0)
        settings = {
            "mtvec": self._vector("M"),
            "stvec": self._vector("HS"),
            "vstvec": self._vector("VS"),
            "menvcfg": environment,
            "henvcfg": environment & (_ALL if self.generator.guest_adue else ~_ADUE),
            "mtval": 0,
            "pmpaddr7": (1 << 54) - 1,
        }
        for n, (base, size, _) in enumerate(GUARDS, 4):
            settings[f"pmpaddr{n}"] = base >> 2 | (size >> 3) - 1
        settings["pmpaddr0"] = FINISHER.base >> 2 | (0x1000 >> 3) - 1
        settings["pmpaddr1"] = (DRAM_BASE >> 3) - 1
        protected = protection(_LOCKED | 3 | _LOCKED << 8, False)
        # Only updates make a difference in the frozen pages.
        return settings | {"pmpcfg0": protected | 7 << 8 * (4 + _FROZEN)}

    def _vector(self, level: str) -> int:
        """Direct or vectored."""
        return self.chooser.choice((self.labels[level], self.labels[f"{level}_vector"] | 1))

    def _some(self, csr: str, *fields: str) -> int:
        return CSRS[csr].mask(*fields) & self.chooser.getrandbits(64)

    def _bits(self, density: float, mask: int = _ALL) -> int:
        return mask & sum(1 << n for n in range(64) if self.chooser.random() < density)

    def _delegation(self) -> dict[str, int]:
        """In a quarter of the chunks all goes to M mode."""
        chooser = self.chooser
        rate = chooser.choice((0, 0.5, 0.5, 0.9))
        inner = chooser.choice((0, 0.5, 0.9))
        states = csr_states()
        return {
            "medeleg": self._bits(rate, states["medeleg"].writable & ~(1 << Cause.ECALL_HS)),
            "hedeleg": self._bits(inner, states["hedeleg"].writable),
            "mideleg": self._bits(rate, S_INTERRUPTS),
            "hideleg": self._bits(inner, VS_INTERRUPTS),
            "mip": self._bits(0.2, S_INTERRUPTS),
            "hvip": self._bits(0.2, VS_INTERRUPTS & ~(1 << Interrupt.VSTI if self.timers else 0)),
            "stimecmp": _ALL,
            "vstimecmp": _ALL,
            "mie": self._bits(0.7, states["mie"].writable & ~(1 << Interrupt.SGEI)),
            **{name: self._bits(0.8) & 0xFFFF_FFFF for name in ("mcounteren", "hcounteren", "scounteren")},
        }

    def _chunk(self, asm: Assembler, number: int) -> Segment:
        """M mode's way into the chunk, and its body."""
        chooser, generator = self.chooser, self.generator
        privilege, virt = chooser.choice(((3, 0), (1, 0), (1, 0), (0, 0), (1, 1), (1, 1), (0, 1), (0, 1)))
        roots = {name: chooser.choice(values) for name, values in generator.roots.items()}
        translated = privilege != Privilege.M and bool(roots["vsatp" if virt else "satp"])
        user = privilege == Privilege.U
        weights = dict.fromkeys(KINDS, 0.0) | _WEIGHTS | {"timer": self.timers}
        context = Context(chooser, translated, user, generator.roots, weights, generator.tables)
        asid = roots["vsatp" if virt else "satp"] >> 44 & 0xFFFF
        context.spaces = ((False, asid), (True, roots["hgatp"] >> 44 & 0x3FFF)) if virt else ((False, asid),)
        units: list[Unit] = []
        limit = chooser.choice((400, 800, 1200))
        while sum(map(len, units)) < limit:
            units.append(self._unit(context))
        size = sum(map(len, units))
        start = BODIES + number * BODY_STRIDE + 0x1000 - 2 * chooser.randrange(1, 200)
        body = self._place(start, units)
        shift = USER_CODE - CODE if translated and user else 0
        mstatus = self._some("mstatus", "SUM", "MXR", "SIE", "SPIE", "MPIE") | privilege << 11
        settings = self._delegation() | roots | {
            "hstatus": self._some("hstatus", "SPV", "SPVP", "HU"),
            "vsstatus": self._some("sstatus", "SUM", "MXR", "SPP", "SIE", "SPIE"),
            "mepc": start + shift,
            "mstatus": mstatus | (CSRS["mstatus"].mask("MPV") if virt else 0),
        }  # fmt: skip
        if not self.timers:  # QEMU makes STIP pending all the same
            del settings["stimecmp"], settings["vstimecmp"]
        self._set(asm, settings)
        for fence in ("sfence.vma", "hfence.vvma", "hfence.gvma"):
            asm.op(fence)
        for register in DATA_REGISTERS:
            asm.constant(register, chooser.getrandbits(chooser.choice((1, 8, 32, 64))))
        for register in POINTERS:
            asm.constant(register, windows(chooser, translated, user))
        asm.constant(BUDGET, 150)
        asm.constant(1, start + shift + size)
        asm.op("addi", LOOP, 0)
        asm.op("auipc", ON)
        asm.op("addi", ON, ON, imm=12)
        asm.op("mret")
        return Segment(start, body + EXIT)

    def _unit(self, context: Context) -> Unit:
        kind = context.chooser.choices(
            ["torture", *_PRIVATE_WEIGHTS], [sum(_WEIGHTS.values()), *_PRIVATE_WEIGHTS.values()]
        )[0]
        if kind in PRIVATE_UNITS and (kind != "timer" or self.timers):
            return PRIVATE_UNITS[kind](context)
        torture = Context(**(vars(context) | {"weights": context.weights | {"timer": 0}}))
        while _has_left_out(unit := random_unit(torture)):
            pass
        return unit

    def _place(self, start: int, units: list[Unit]) -> bytes:
        body = b""
        for unit in units:
            place = range(start + len(body), start + len(body) + len(unit))
            self.units.append(place)
            body += unit
        return body

    def _tour(self, asm: Assembler) -> None:
        """All traps go to M mode, and there are no interrupts."""
        names = "mie mideleg medeleg hedeleg hideleg mip hvip hstatus vsstatus"
        self._set(asm, dict.fromkeys(names.split(), 0))
        asm.constant(BUDGET, 1 << 20)
        for settle, visits in stops(self.seed, self.chooser, self.generator.habitats, _NOT_TOURED):
            asm.word(*settle)
            for visit in visits:
                asm.code += self._place(asm.here, [b"".join(word.to_bytes(4, "little") for word in visit)])
                asm.op("ecall")  # so that what was loaded is logged


def _has_left_out(unit: Unit) -> bool:
    """Whether a unit has an instruction that is not for a judge."""
    words = [int.from_bytes(unit[at : at + 4], "little") for at in range(0, len(unit) - 2, 2)]
    kinds = [INSTRUCTIONS[name] for name in _NOT_RANDOM]
    if any(word & kind.mask == kind.match for word in words for kind in kinds):
        return True
    # Reads of mstatus and hstatus: QEMU's GVA would get into registers.
    numbers = [CSRS[name].number for name in ("mstatus", "hstatus")]
    return any(word & 0x7F == 0x73 and word >> 20 in numbers and word >> 7 & 31 for word in words)


def _end(asm: Assembler) -> None:
    """Registers and the log's end to memory; then the finisher."""
    asm.constant(SCRATCH, CSRS["mstatus"].mask("MPRV"))
    asm.csr("csrrc", 0, "mstatus", SCRATCH)
    asm.constant(SCRATCH, REGISTERS)
    for register in range(1, 32):
        asm.op("sd", 0, SCRATCH, register, 8 * register)
    asm.op("sd", 0, SCRATCH, LOG_END, END - REGISTERS)
    asm.constant(SCRATCH, FINISHER.base)
    asm.constant(SERVICE, FINISHER_PASS)
    asm.op("sw", 0, SCRATCH, SERVICE)
    asm.label("end")
    asm.jump("jal", "end")
