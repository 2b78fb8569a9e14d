"""Random programs for Xvmx from a seed: controls, guests, injected events, posted interrupts, VMCSs in turn,
entries that must fail, VMX instructions with good and bad operands (docs/xvmx.md)."""

import random
from collections.abc import Collection
from dataclasses import dataclass

from cosim.elf import Program, Segment
from cosim.job import Stress
from cosim.torture.layout import (
    BODIES,
    BODY_STRIDE,
    BUDGET,
    CELL,
    CODE,
    DATA_FRAMES,
    DEVICE_MEMORY,
    DEVICE_MEMORY_SIZE,
    LOOP,
    MEMORY,
    POINTERS,
    PROBE,
    PROBE_PAGES,
    USER_CODE,
)
from cosim.torture.program import Torture
from cosim.torture.tables import TableBuilder, windows
from cosim.torture.units import EXIT, KINDS, Context, Unit, random_unit
from cosim.torture.xvmx_code import fixed_code
from cosim.torture.xvmx_layout import (
    FIELDS_OFFSET,
    H_CSRS,
    LOWER,
    MACHINE_CSRS,
    REGISTERS,
    VMXON_REGION,
    VPIDS,
)
from cosim.torture.xvmx_units import HOST_RETURN, VMCS_REGIONS, guest_unit, host_roots, host_unit
from rtl.isa.causes import VS_INTERRUPTS, Cause, Interrupt
from rtl.isa.csrs import CSRS
from rtl.isa.paging import AtpMode
from rtl.isa.privilege import Privilege
from rtl.isa.xvmx import (
    EVENT_EXCEPTIONS,
    FIELDS,
    REVISION,
    Arch,
    EventBits,
    ExitControl,
    PinControl,
    ProcControl,
)

__all__ = ["generate_xvmx"]

_ROUNDS = 16
_SETTINGS_BASE = CELL + 0x100
_SETTINGS_STRIDE = 2048
_HOST_CODE = 0x1800
"""The host's random code, after the guest's."""
_ALL = (1 << 64) - 1
_SV39 = AtpMode.SV39 << 60

_BITMAPS = VMXON_REGION + 0x5000
_EPTP_LIST = VMXON_REGION + 0x6000
_DESCRIPTOR = VMXON_REGION + 0x7000


def _pack(*words: int) -> bytes:
    return b"".join(word.to_bytes(4, "little") for word in words)


@dataclass
class _Round:
    """The code and the settings of a round.

    Attributes
    ----------
    start: where its guest's code stands
    host, units: the host's random code, and the guest's
    machine, registers: values of ``MACHINE_CSRS`` and ``REGISTERS``
    others: VMCS, distance of M's timer, mvirt for the round's beginning
    lower: values of ``H_CSRS`` and ``LOWER``
    fields: numbers and values of the VMCS's fields
    """

    start: int
    host: list[Unit]
    units: list[Unit]
    machine: list[int]
    registers: list[int]
    others: list[int]
    lower: list[int]
    fields: list[int]

    @property
    def all_units(self) -> list[Unit]:
        """The host's units, then the guest's."""
        return [*self.host, *self.units]

    def segments(self, left_out: Collection[int], place: int, follower: int) -> list[Segment]:
        """Its part of memory; ``place`` and ``follower`` are where its settings and the next ones stand."""
        kept = [b"" if n in left_out else unit for n, unit in enumerate(self.all_units)]
        host = b"".join(kept[: len(self.host)]) + HOST_RETURN
        body = b"".join(kept[len(self.host) :])
        escape = [self.registers[0] + len(body), *self.registers[1:]]  # x1 is the end of the body
        pointer, timer, leaving = self.others
        settings = [*self.machine, *escape, pointer, self.start + _HOST_CODE, follower, timer, leaving]
        settings += self.lower
        assert len(settings) * 8 == FIELDS_OFFSET
        settings += [*self.fields, _ALL]
        data = b"".join((word & _ALL).to_bytes(8, "little") for word in settings)
        assert len(data) <= _SETTINGS_STRIDE and len(body) < _HOST_CODE
        return [
            Segment(self.start, body + EXIT),
            Segment(self.start + _HOST_CODE, host),
            Segment(place, data),
        ]


class _Generator:
    def __init__(self, seed: int) -> None:
        self.chooser = chooser = random.Random(f"xvmx {seed}")
        self.adue = chooser.random() < 0.4
        self.defects = chooser.choice((0.0, 0.02, 0.08))
        self.tables = TableBuilder(chooser, self.defects, chooser.random() < 0.2)
        guests = [self.tables.first_stage(n + 3, True) for n in range(2)]
        seconds = [self.tables.second_stage(VPIDS[n]) for n in range(2)]
        self.satps = [0, *(_SV39 | n + 3 << 44 | root >> 12 for n, root in enumerate(guests))]
        self.eptps = [_SV39 | VPIDS[n] << 44 | root >> 12 for n, root in enumerate(seconds)]
        self.hosts = host_roots(self.tables)
        self.other = chooser.choice((0.0, 0.0, 0.2, 0.4))
        """How many of the rounds have another ARCH."""
        self.code, self.labels = fixed_code()

    def some(self, mask: int = _ALL, density: float = 0.5) -> int:
        return sum(1 << n for n in range(64) if self.chooser.random() < density) & mask

    # ---- A round ----

    def weights(self) -> dict[str, float]:
        base = {
            "alu": 8, "compressed": 4, "load": 8, "store": 6, "atomic": 3, "branch": 3, "loop": 2,
            "call": 1, "jump": 1, "csr": 3, "status": 1, "translation": 0.7, "fence": 1,
            "guest_access": 0.2, "system": 1, "return": 0.5, "modify_code": 0.4, "timer": 0.6,
            "device": 0.3, "pointer": 1.5, "remap": 0.7,
        }  # fmt: skip
        weights = {kind: weight * self.chooser.choice((0, 0.5, 1, 2)) for kind, weight in base.items()}
        weights["alu"] += 1
        return {kind: weights[kind] for kind in KINDS}

    def fields(self, user: bool, start: int) -> dict[str, int]:
        """A VMCS that can be entered."""
        c = self.chooser
        pin = self.some(sum(PinControl), 0.4)
        leaving = self.some(sum(ExitControl), 0.4)
        if pin & PinControl.POSTED:
            pin, leaving = pin | PinControl.EXTINT, leaving | ExitControl.ACK
        if not pin & PinControl.PREEMPT:
            leaving &= ~ExitControl.SAVE_PREEMPT
        proc = self.some(sum(ProcControl), c.choice((0.1, 0.3, 0.6)))
        if c.random() < 0.75:
            proc &= ~ProcControl.STEP
        if proc & ProcControl.VMFUNC:
            proc |= ProcControl.EPT
        eptp = c.choice(self.eptps)
        if proc & ProcControl.VPID and not proc & ProcControl.EPT:
            eptp = c.choice(VPIDS[2:]) << 44
        values = {name: 0 for name, field in FIELDS.items() if not field.read_only}
        values |= {
            "PIN_CTLS": pin,
            "PROC_CTLS": proc,
            "EXIT_CTLS": leaving,
            "EXCEPTION_BITMAP": self.some(density=c.choice((0, 0.3, 1))),
            "CSR_BITMAP": _BITMAPS + 0x400 * c.randrange(4),
            "TIME_OFFSET": c.choice((0, c.getrandbits(64), c.getrandbits(20))),
            "EPTP": eptp,
            "PREEMPT_TIMER": c.choice((0, c.randrange(100), c.randrange(1000))),
            "EPTP_LIST": _EPTP_LIST,
            "PI_DESC": _DESCRIPTOR,
            "PI_VECTOR": int(Interrupt.SSI),
            "VIRQ": self.some(0x222, 0.2),
            "G_PC": start,
            "G_SP": windows(c, bool(c.randrange(2)), user),
            "G_PRIV": int(Privilege.U if user else Privilege.S),
            "G_SSTATUS": self.some(),
            "G_SIE": self.some(0x222, 0.4),
            "G_STVEC": self.labels["guest_vector"] | 1 if c.random() < 0.5 else self.labels["guest"],
            "G_SCOUNTEREN": self.some(0x7FF, 0.8),
            "G_SENVCFG": c.randrange(2),
            "G_STIMECMP": _ALL,
            "G_ACTIVITY": int(c.random() < 0.1),
            "H_PC": self.labels["exit"],
            "H_SP": CELL,
            "H_SSTATUS": self.some(),
            "H_SIE": self.some(0x222, 0.4),
            "H_STVEC": self.labels["root_vector"] | 1,
            "H_SSCRATCH": c.getrandbits(64),
            "H_SATP": c.choice(self.hosts),
            "H_SCOUNTEREN": 0x7FF,
            "H_STIMECMP": _ALL,
        }
        for name in ("G_SSCRATCH", "G_SEPC", "G_SCAUSE", "G_STVAL"):
            values[name] = c.getrandbits(64)
        if c.random() < 0.3:
            values["G_EIP0"], values["G_EIP2"] = self.some(density=0.05), self.some(density=0.05)
        if c.random() < 0.3:
            self._inject(values)
        if c.random() < 0.25:
            self._spoil(values)
        return values

    def _inject(self, values: dict[str, int]) -> None:
        c = self.chooser
        if c.random() < 0.4:
            code = EventBits.INTERRUPT | c.choice((1, 5, 9))
        else:
            code = c.choice([n for n in range(16) if EVENT_EXCEPTIONS >> n & 1])
        values["ENTRY_EVENT"] = EventBits.VALID | code
        values["ENTRY_TVAL"] = c.getrandbits(64)

    def _spoil(self, values: dict[str, int]) -> None:
        """One field gets a value that may not be entered with."""
        c = self.chooser
        name = c.choice(
            "PIN_CTLS PROC_CTLS EXIT_CTLS ENTRY_CTLS CSR_BITMAP EPTP ENTRY_EVENT EPTP_LIST PI_DESC PI_VECTOR "
            "G_PC G_PRIV G_SATP G_ACTIVITY G_INTERRUPTIBILITY H_SATP".split()
        )
        if name == "EPTP":  # another root under the same VMID would need invept
            values[name] ^= 1 << c.choice((0, 1, 58, 59, 60, 63))
        else:
            values[name] ^= 1 << c.randrange(64) if c.random() < 0.7 else c.randrange(16)
        if name == "ENTRY_EVENT":
            values[name] |= EventBits.VALID
        if name == "H_SATP":  # nothing that the host could be lost with
            values[name] = c.choice((1, 7, 9, 15)) << 60

    def round(self, number: int) -> "_Round":
        """Code and settings; of another ARCH in some."""
        c = self.chooser
        arch = c.choice((Arch.H, Arch.H, Arch.NONE)) if c.random() < self.other else Arch.XVMX
        user = c.random() < 0.4
        satp = c.choice(self.satps)
        translated = bool(satp)
        context = Context(c, translated, user, {"satp": self.satps}, self.weights(), self.tables)
        context.spaces = ((False, satp >> 44 & 0xFFFF), (True, VPIDS[0]))
        if arch != Arch.XVMX:
            context.weights["remap"] = 0  # its services are the host's
            if self.tables.global_pages:
                context.weights["translation"] = 0
        host = [host_unit(c, self.eptps) for _ in range(c.randrange(0, 12))]
        units: list[Unit] = []
        limit = c.choice((200, 800, 2400))
        while sum(map(len, units)) < limit:
            units.append(guest_unit(context) if arch == Arch.XVMX else random_unit(context))
        start = BODIES + number * BODY_STRIDE
        shift = USER_CODE - CODE if translated and user else 0
        values = self.fields(user, start + shift)
        if values["G_SATP"] == 0:
            values["G_SATP"] = satp
        registers = {register: c.getrandbits(c.choice((8, 32, 64))) for register in REGISTERS}
        registers |= {pointer: windows(c, translated, user) for pointer in POINTERS}
        registers |= {1: start + shift, LOOP: 0, BUDGET: c.randrange(20, 90)}
        pairs = [(FIELDS[name].number, value) for name, value in values.items()]
        c.shuffle(pairs)
        machine = self._machine(arch)
        lower = self._lower(arch, user, satp, start + shift, machine)
        return _Round(
            start,
            host,
            units,
            [machine[name] for name in MACHINE_CSRS],
            [registers[register] for register in REGISTERS],
            [c.choice(VMCS_REGIONS), c.randrange(10, 400), self._leaving()],
            [lower[name] for name in (*H_CSRS, *LOWER)],
            [word for pair in pairs for word in pair],
        )

    def _leaving(self) -> int:
        """What M mode writes to mvirt when it gives the round before up."""
        c = self.chooser
        other = c.choice((Arch.NONE, Arch.H, 3)) if c.random() < self.other else Arch.XVMX
        return other | self.some(CSRS["mvirt"].mask("HOLE", "NOS2"), 0.1)

    def _machine(self, arch: Arch) -> dict[str, int]:
        """Registers that M mode sets for the round."""
        c = self.chooser
        mvirt = arch | (CSRS["mvirt"].mask("HOLE") if c.random() < 0.2 else 0)
        mvirt |= CSRS["mvirt"].mask("NOS2") if c.random() < 0.04 else 0
        status = Privilege.S << 11 | self.some(CSRS["mstatus"].mask("SUM", "MXR", "SPIE", "SPP"))
        status |= self.some(CSRS["mstatus"].mask("TVM", "TW"), 0.1)
        if arch != Arch.XVMX:
            status &= ~CSRS["mstatus"].mask("TVM")  # root sets satp
        return {
            "mvirt": mvirt,
            "medeleg": self.some(density=c.choice((0.5, 0.9, 1))) & ~(1 << Cause.ECALL_HS),
            "mideleg": self.some(density=0.8),
            "mcounteren": self.some(density=0.9),
            "mie": self.some(0x222, 0.6) | 1 << Interrupt.MTI | 1 << Interrupt.MSI,
            "mip": self.some(0x202, 0.3),
            "mstatus": status,
            "stimecmp": _ALL if c.random() < 0.8 else 0,
            "scounteren": 0x7FF,
            # The guest has the second of the host's address spaces, and without Xvmx they would not be apart.
            "satp": c.choice(self.hosts if arch == Arch.XVMX else self.hosts[:2]),
        }

    def _lower(
        self, arch: Arch, user: bool, satp: int, start: int, machine: dict[str, int]
    ) -> dict[str, int]:
        """What a round with ``arch`` goes on with in a lower mode, from ``start``: a guest of the H
        extension, or (always without it) root itself under its tables."""
        c = self.chooser
        guest = arch == Arch.H and c.random() < 0.8
        hstatus = self.some(CSRS["hstatus"].mask("SPVP", "HU")) | (
            CSRS["hstatus"].mask("SPV") if guest else 0
        )
        hstatus |= self.some(CSRS["hstatus"].mask("VTVM", "VTW", "VTSR"), 0.15)
        sstatus = self.some(CSRS["sstatus"].mask("SUM", "MXR", "SPIE"))
        envcfg = CSRS["menvcfg"].mask("ADUE") if self.adue else 0
        return {
            "hedeleg": self.some(density=c.choice((0, 0.5, 0.95))),
            "hideleg": self.some(),
            "hcounteren": self.some(density=0.8),
            "henvcfg": envcfg | self.some(CSRS["menvcfg"].mask("STCE", "FIOM"), 0.7),
            "hvip": self.some(VS_INTERRUPTS, 0.2),
            "htimedelta": self.some(density=0.1),
            "hgatp": c.choice((0, *self.eptps)),
            "vsatp": satp,
            "vsstatus": self.some(),
            "vstvec": self.labels["plain_vector"] | 1 if c.random() < 0.5 else self.labels["plain"],
            "vsscratch": c.getrandbits(64),
            "vstimecmp": _ALL,
            "hie": self.some(VS_INTERRUPTS, 0.5),
            "vsie": self.some(0x222, 0.4),
            "hstatus": hstatus,
            "sepc": start,
            "sstatus": sstatus | (0 if user else CSRS["sstatus"].mask("SPP")),
            "sp": windows(c, bool(satp), user),
            "satp": machine["satp"] if guest else satp,
        }

    # ---- Structures in memory ----

    def structures(self, first: int) -> list[Segment]:
        """What the VMX unit reads and writes, and the settings' cell, with the address of the ``first``."""
        c = self.chooser
        revision = REVISION.to_bytes(4, "little")
        segments = [Segment(region, revision + bytes(4)) for region in (VMXON_REGION, *VMCS_REGIONS)]
        for n in range(4):
            density = c.choice((0.0, 0.05, 0.5))
            bits = bytes(sum(1 << n for n in range(8) if c.random() < density) for _ in range(1024))
            segments.append(Segment(_BITMAPS + 0x400 * n, bits))
        entries = {0: self.eptps[0], 1: self.eptps[1], 2: c.getrandbits(64), 511: self.eptps[0]}
        for n, entry in entries.items():
            segments.append(Segment(_EPTP_LIST + 8 * n, entry.to_bytes(8, "little")))
        descriptor = bytes(self.some(0xFF, 0.1) for _ in range(32)) + c.randbytes(8)
        segments.append(Segment(_DESCRIPTOR, descriptor))
        envcfg = CSRS["menvcfg"].mask("STCE") | (CSRS["menvcfg"].mask("ADUE") if self.adue else 0)
        segments.append(Segment(CELL, first.to_bytes(8, "little") + envcfg.to_bytes(8, "little")))
        return segments


def generate_xvmx(
    seed: int, chunks: Collection[int] | None = None, left_out: Collection[tuple[int, int]] = ()
) -> Torture:
    """The program of ``seed``, or some ``chunks`` (rounds) of it, without the units ``left_out``."""
    generator = _Generator(seed)
    made = [generator.round(number) for number in range(_ROUNDS)]
    chosen = [n for n in range(_ROUNDS) if chunks is None or n in chunks]
    places = [_SETTINGS_BASE + n * _SETTINGS_STRIDE for n in chosen]
    segments = [Segment(CODE, generator.code), *generator.structures(places[0])]
    for at, number in enumerate(chosen):
        out = {n for chunk, n in left_out if chunk == number}
        segments += made[number].segments(out, places[at], places[(at + 1) % len(places)])
    c = generator.chooser
    segments.append(Segment(PROBE, b"\x82\x80" * (0x800 * PROBE_PAGES)))
    segments += [Segment(frame, c.randbytes(4096)) for frame in DATA_FRAMES]
    pages: dict[int, bytearray] = {}
    for address, entry in generator.tables.entries.items():
        page = pages.setdefault(address & ~4095, bytearray(4096))
        page[address & 4095 : (address & 4095) + 8] = entry.to_bytes(8, "little")
    segments += [Segment(base, bytes(page)) for base, page in sorted(pages.items())]
    program = Program(f"xvmx torture seed {seed}", CODE, tuple(segments), generator.labels)
    program.check_fits(MEMORY)
    own = (DEVICE_MEMORY, DEVICE_MEMORY_SIZE)
    stress = Stress(c.getrandbits(32), own) if c.random() < 0.5 else None
    return Torture(seed, program, c.choice((0, 1, 1, 3, 8, 25)), stress, [each.all_units for each in made])
