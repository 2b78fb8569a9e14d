"""A whole torture program from a seed: settings, tables, chunks of code."""

import random
from collections.abc import Collection
from dataclasses import dataclass

from cosim.elf import Program, Segment
from cosim.job import Stress
from cosim.torture.handlers import REGISTERS, SETTING_BYTES, SETTINGS, fixed_code, protection
from cosim.torture.layout import (
    BODIES,
    BODY_STRIDE,
    BUDGET,
    CELL,
    CODE,
    DATA,
    DATA_FRAMES,
    DEVICE_MEMORY,
    DEVICE_MEMORY_SIZE,
    FENCED_PAGE,
    FROZEN,
    LAST_PAGE,
    LOOP,
    MEMORY,
    POINTERS,
    PROBE,
    PROBE_PAGES,
    USER_CODE,
)
from cosim.torture.tables import TableBuilder, windows
from cosim.torture.tour import Habitats, passes, tour
from cosim.torture.units import EXIT, Context, Unit, random_unit
from cosim.torture.zoo import NOWHERE, FirstZoo, SecondZoo, frozen_entries
from rtl.isa.causes import VS_INTERRUPTS, Cause, Interrupt
from rtl.isa.csrs import CSRS
from rtl.isa.memory_map import DRAM_BASE
from rtl.isa.paging import AtpMode
from rtl.isa.privilege import Privilege

__all__ = ["Generator", "Torture", "generate", "memory_segments"]

_CHUNKS = 16
_TOURS = (3, 7, 11, 15)
"""Chunks that visit the zoo; the others are random."""
_SETTINGS_BASE = CELL + 0x40
_SETTINGS_STRIDE = 1024
_ALL = (1 << 64) - 1
_SV39 = AtpMode.SV39 << 60
_FETCH_FAULTS = 1 << Cause.FETCH_ACCESS | 1 << Cause.FETCH_PAGE_FAULT


@dataclass
class _Chunk:
    start: int
    """Physical address of the code."""
    settings: list[int]
    units: list[Unit]


@dataclass
class Torture:
    """A generated program and what it was made of.

    Attributes
    ----------
    program: what both sides load
    latency: of memory
    stress: what happens around the hart
    units: the code of each chunk in its units
    """

    seed: int
    program: Program
    latency: int
    stress: Stress | None
    units: list[list[Unit]]


def _mask(name: str, *fields: str) -> int:
    return CSRS[name].mask(*fields)


class Generator:
    """Makes the parts of ``seed``'s program, always in the same order; ``nowhere`` as of ``TableBuilder``."""

    def __init__(self, seed: int, nowhere: int = NOWHERE) -> None:
        self.seed = seed
        self.chooser = chooser = random.Random(seed)
        self.global_pages = chooser.random() < 0.2
        # Each visit of the zoo happens with and without hardware updates, one time after the other.
        self.adue = bool((seed ^ passes(seed)) & 1)
        self.guest_adue = passes(seed) % 4 < 2 or chooser.random() < 0.5
        self.tables = TableBuilder(chooser, chooser.choice((0.02, 0.08, 0.25)), self.global_pages, nowhere)
        self.defects = self.tables.defects
        first = [self.tables.first_stage(n + 1, False) for n in range(2)]
        guest = [self.tables.first_stage(n + 3, True) for n in range(2)]
        second = [self.tables.second_stage(n + 1) for n in range(2)]
        updates = self.adue
        zoos = [SecondZoo(self.tables, root, self.tables.stale) for root in second]
        guests = [FirstZoo(self.tables, root, zoos[0], updates) for root in guest]
        hosts = [FirstZoo(self.tables, root) for root in first]
        self.roots = {
            "satp": [0, *(_SV39 | n + 1 << 44 | root >> 12 for n, root in enumerate(first))],
            "vsatp": [0, *(_SV39 | n + 3 << 44 | root >> 12 for n, root in enumerate(guest))],
            "hgatp": [0, *(_SV39 | n + 1 << 44 | root >> 12 for n, root in enumerate(second))],
        }
        satp, vsatp, hgatp = (self.roots[name][1] for name in ("satp", "vsatp", "hgatp"))
        habitats = Habitats(satp, vsatp, hgatp, hosts[0], guests[0], zoos[0], nowhere)
        self.habitats = habitats
        self.visits = tour(seed, chooser, habitats)
        self.latency = chooser.choice((0, 1, 1, 3, 8, 25))
        self.stress: Stress | None = None
        if chooser.random() < 0.7:
            shared = chooser.choice(((0, 0), (DATA, 0x6000)))
            self.stress = Stress(chooser.getrandbits(32), (DEVICE_MEMORY, DEVICE_MEMORY_SIZE), shared)
        self.locked = chooser.random() < 0.5
        self.code, self.labels = fixed_code(chooser)

    def _some(self, mask: int = _ALL, density: float = 0.5) -> int:
        value = sum(1 << n for n in range(64) if self.chooser.random() < density)
        return value & mask

    def _mode(self) -> tuple[int, int]:
        return self.chooser.choice(
            ((3, 0), (1, 0), (1, 0), (0, 0), (0, 0), (1, 1), (1, 1), (1, 1), (0, 1), (0, 1))
        )

    def _weights(self) -> dict[str, float]:
        base = {
            "alu": 10, "compressed": 6, "load": 8, "store": 6, "atomic": 3, "branch": 4, "loop": 3.5,
            "call": 1.5, "jump": 1, "csr": 2, "status": 0.5, "translation": 0.4, "fence": 0.7,
            "guest_access": 1, "system": 0.3, "return": 0.6, "modify_code": 0.5, "timer": 0.4,
            "device": 0.2, "pointer": 1.5, "remap": 0.7,
        }  # fmt: skip
        weights = {kind: weight * self.chooser.choice((0, 0.5, 1, 1, 2, 4)) for kind, weight in base.items()}
        weights["alu"] += 1
        if self.global_pages:
            weights["translation"] = 0
        return weights

    def chunk(self, number: int) -> _Chunk:
        """A row of random units, or a part of the tour."""
        is_tour = number in _TOURS
        privilege, virt = (int(Privilege.M), 0) if is_tour else self._mode()
        values = self._registers(privilege, virt)
        context = self._context(values, privilege, virt)
        if not is_tour:
            units = self._random_units(context)
        else:
            units = self.visits[_TOURS.index(number) :: len(_TOURS)]
            values["medeleg"] &= ~_FETCH_FAULTS  # or a handler that cannot be fetched would trap for ever
            values["hedeleg"] &= ~_FETCH_FAULTS
        return self._finish_chunk(number, values, context, units)

    def _context(self, values: dict[str, int], privilege: int, virt: int) -> Context:
        chooser = self.chooser
        translated = privilege != Privilege.M and bool(values["vsatp" if virt else "satp"])
        if values["mstatus"] & _mask("mstatus", "MPRV"):
            translated = chooser.random() < 0.7
        roots = dict(self.roots)
        if self.adue != self.guest_adue:
            # A guest that writes satp means vsatp. No table may be used both with and without updates of A:
            # an update may be speculative, and then there is no fault where the model has one.
            roots["satp"] = [0]
        context = Context(chooser, translated, privilege == Privilege.U, roots, self._weights(), self.tables)
        asid = values["vsatp" if virt else "satp"] >> 44 & 0xFFFF
        context.spaces = ((False, asid), (True, values["hgatp"] >> 44 & 0x3FFF)) if virt else ((False, asid),)
        return context

    def _random_units(self, context: Context) -> list[Unit]:
        units: list[Unit] = []
        limit = self.chooser.choice((600, 1200, 2000))
        while sum(map(len, units)) < limit:
            units.append(random_unit(context))
        return units

    def _finish_chunk(
        self, number: int, values: dict[str, int], context: Context, units: list[Unit]
    ) -> _Chunk:
        """Place the code and choose the registers."""
        chooser, translated, user = self.chooser, context.translated, context.user
        size = sum(map(len, units))
        backward = max(min(size, chooser.randrange(2, 400) & ~1), size + 64 - 0x1000)
        start = BODIES + number * BODY_STRIDE + 0x1000 - backward
        assert backward < 0x1000
        shift = USER_CODE - CODE if translated and user else 0
        if number not in _TOURS and chooser.random() < 0.03:
            shift = USER_CODE - CODE - shift
        values["mepc"] = start + shift
        values["sepc"] = values["vsepc"] = start + shift
        integers = {register: self._integer() for register in REGISTERS}
        for pointer in POINTERS:
            integers[pointer] = windows(chooser, translated ^ (chooser.random() < 0.05), user)
        integers[LOOP] = 0
        integers[1] = shift  # the end of the code is added when it is known
        integers[BUDGET] = 400 if number in _TOURS else chooser.randrange(20, 120)
        settings = [values[name] for name in SETTINGS] + [integers[register] for register in REGISTERS]
        settings += [int(self.global_pages or chooser.random() < 0.3), chooser.randrange(10, 400)]
        settings += [
            self._some(0x7FF, 0.15),
            self._some(0x7FF, 0.15),
            chooser.choice((-1, -1, -1, 0, 1, 2, 3)),
        ]
        settings.append(int(chooser.random() < 0.1))
        return _Chunk(start, settings, units)

    def _integer(self) -> int:
        kind = self.chooser.random()
        if kind < 0.3:
            return self.chooser.choice((0, 1, 2, _ALL, 1 << 63, (1 << 63) - 1, 1 << 31, 0xFFFF_FFFF))
        return self.chooser.getrandbits(self.chooser.choice((8, 32, 64, 64)))

    def _registers(self, privilege: int, virt: int) -> dict[str, int]:
        chooser = self.chooser
        adue = _mask("menvcfg", "ADUE") if self.adue else 0
        status = self._some(_mask("mstatus", "SUM", "MXR", "SPIE", "MPIE", "SPP", "SIE"))
        status |= self._some(_mask("mstatus", "TVM", "TW", "TSR"), 0.15)
        if privilege == Privilege.M and chooser.random() < 0.5:
            # Returns to M with MPP = M; the chunk itself sets the previous mode for MPRV.
            status |= _mask("mstatus", "MPRV")
        status |= privilege << 11 | (_mask("mstatus", "MPV") if virt else 0)
        delegated = self._some(density=chooser.choice((0, 0.5, 0.95)))
        values = {
            "medeleg": delegated & ~(1 << Cause.ECALL_HS),
            "mideleg": self._some(),
            "hedeleg": self._some(density=chooser.choice((0, 0.5, 0.95))),
            "hideleg": self._some(),
            "mcounteren": self._some(density=0.8),
            "hcounteren": self._some(density=0.8),
            "scounteren": self._some(density=0.8),
            "menvcfg": self._some(_mask("menvcfg", "STCE", "FIOM"), 0.7) | adue,
            "henvcfg": self._some(_mask("menvcfg", "STCE", "FIOM"), 0.7)
            | (_mask("menvcfg", "ADUE") if self.guest_adue else 0),
            "senvcfg": self._some(),
            **self._vectors(),
            **{name: chooser.choice(values) for name, values in self.roots.items()},
            "hstatus": self._some(_mask("hstatus", "GVA", "SPV", "SPVP", "HU"))
            | self._some(_mask("hstatus", "VTVM", "VTW", "VTSR"), 0.2),
            "vsstatus": self._some(),
            "hvip": self._some(VS_INTERRUPTS, 0.2),
            "htimedelta": self._some(density=0.1),
            "mie": self._some(density=0.6) | 1 << Interrupt.MTI | 1 << Interrupt.MSI,
            "mip": self._some(density=0.15),
            "sscratch": self._integer(),
            "vsscratch": self._integer(),
            "stimecmp": _ALL,
            "vstimecmp": _ALL,
            "mstatus": status,
        }
        if status & _mask("mstatus", "TSR"):
            values["medeleg"] &= ~(1 << Cause.ILLEGAL_INSTRUCTION)  # or HS could not return from sret's trap
        self._protection(values)
        return values

    def _vectors(self) -> dict[str, int]:
        """At most one level's handler traps again: those of two would get into each other's registers."""
        deep = self.chooser.choice(("machine", "supervisor", "guest", *[""] * 9))
        found = {}
        for register, level in (("mtvec", "machine"), ("stvec", "supervisor"), ("vstvec", "guest")):
            label = f"{level}_deep" if level == deep else level
            vectored = self.chooser.randrange(2)
            found[register] = self.labels[f"{label}_vector"] | 1 if vectored else self.labels[label]
        return found

    def _protection(self, values: dict[str, int]) -> None:
        """In some chunks the first entries take some memory away."""
        chooser = self.chooser
        config = 0
        for n in range(3):
            address = chooser.choice((*DATA_FRAMES, PROBE)) >> 2
            if chooser.random() < 0.1:
                address = self.tables.end - 0x1000 * chooser.randrange(1, 40) >> 2
                values["medeleg"] &= ~(1 << Cause.FETCH_ACCESS)  # HS cannot fetch its handler
            address |= (1 << chooser.randrange(9, 14)) - 1
            values[f"pmpaddr{n}"] = address
            if chooser.random() < self.defects:
                # The first entry's range of kind TOR would begin at 0 and take the handlers away.
                config |= (chooser.choice((8 if n else 0, 0x18, 0x18)) | chooser.randrange(8)) << 8 * n
        values["pmpcfg0"] = protection(config, self.locked)


def generate(
    seed: int, chunks: Collection[int] | None = None, left_out: Collection[tuple[int, int]] = ()
) -> Torture:
    """The program of ``seed``, or some ``chunks`` of it, without the units ``left_out`` (chunk, unit)."""
    generator = Generator(seed)
    made = [generator.chunk(number) for number in range(_CHUNKS)]
    chosen = [n for n in range(_CHUNKS) if chunks is None or n in chunks]
    segments = [Segment(CODE, generator.code)]
    for place, number in enumerate(chosen):
        chunk = made[number]
        body = b"".join(unit for n, unit in enumerate(chunk.units) if (number, n) not in left_out)
        settings = list(chunk.settings)
        escape = settings[len(SETTINGS) + REGISTERS.index(1)] + chunk.start + len(body)
        settings[len(SETTINGS) + REGISTERS.index(1)] = escape
        follower = chosen[(place + 1) % len(chosen)]
        settings.append(_SETTINGS_BASE + follower * _SETTINGS_STRIDE)
        assert len(settings) * 8 == SETTING_BYTES
        segments.append(Segment(chunk.start, body + EXIT))
        data = b"".join((word & _ALL).to_bytes(8, "little") for word in settings)
        segments.append(Segment(_SETTINGS_BASE + number * _SETTINGS_STRIDE, data))
    first = _SETTINGS_BASE + chosen[0] * _SETTINGS_STRIDE
    segments.append(Segment(CELL, first.to_bytes(8, "little")))
    segments += memory_segments(generator)
    program = Program(f"torture seed {seed}", CODE, tuple(segments), generator.labels)
    program.check_fits(MEMORY)
    units = [chunk.units for chunk in made]
    return Torture(seed, program, generator.latency, generator.stress, units)


def memory_segments(generator: Generator) -> list[Segment]:
    """The memory that the code works on: pages to call, data, tables."""
    probes = Segment(PROBE, b"\x82\x80" * (0x800 * PROBE_PAGES))
    return [probes, *_data(generator.seed), *_tables(generator.tables)]


def _data(seed: int) -> list[Segment]:
    chooser = random.Random(~seed)
    return [Segment(frame, chooser.randbytes(4096)) for frame in DATA_FRAMES]


def _tables(tables: TableBuilder) -> list[Segment]:
    """One segment per page of table."""
    pages: dict[int, bytearray] = {}
    entries = tables.entries | frozen_entries()
    root = (DRAM_BASE >> 30) * 8
    entries |= {page + root: entries[FROZEN + root] for page in (LAST_PAGE, FENCED_PAGE - 0x1000)}
    for address, entry in entries.items():
        page = pages.setdefault(address & ~4095, bytearray(4096))
        page[address & 4095 : (address & 4095) + 8] = entry.to_bytes(8, "little")
    return [Segment(base, bytes(page)) for base, page in sorted(pages.items())]
