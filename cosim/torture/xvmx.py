"""Random programs for Xvmx from a seed: controls, guests, injected events, posted interrupts, VMCSs in turn,
entries that must fail, VMX instructions with good and bad operands (docs/xvmx.md)."""

import random
from dataclasses import dataclass

from cosim.elf import Program, Segment
from cosim.job import Stress
from cosim.torture.assembler import encode, load_constant
from cosim.torture.layout import (
    BODIES,
    BODY_STRIDE,
    BUDGET,
    CELL,
    CODE,
    DATA_FRAMES,
    DATA_REGISTERS,
    DEVICE_MEMORY,
    DEVICE_MEMORY_SIZE,
    LOOP,
    MEMORY,
    POINTERS,
    PROBE,
    PROBE_PAGES,
    USER_CODE,
)
from cosim.torture.tables import TableBuilder, windows
from cosim.torture.units import EXIT, KINDS, Context, Unit, random_unit
from cosim.torture.xvmx_code import FIELDS_OFFSET, MACHINE_CSRS, REGISTERS, VMXON_REGION, VPIDS, fixed_code
from rtl.isa.causes import Cause, Interrupt
from rtl.isa.csrs import CSRS
from rtl.isa.memory_map import DRAM_BASE
from rtl.isa.paging import AtpMode
from rtl.isa.privilege import Privilege
from rtl.isa.xvmx import (
    EVENT_EXCEPTIONS,
    FIELDS,
    FIELDS_BY_NUMBER,
    REVISION,
    Arch,
    EventBits,
    ExitControl,
    PinControl,
    ProcControl,
)

__all__ = ["XvmxTorture", "generate_xvmx"]

_ROUNDS = 16
_SETTINGS_BASE = CELL + 0x100
_SETTINGS_STRIDE = 2048
_ALL = (1 << 64) - 1
_SV39 = AtpMode.SV39 << 60

_VMCS = [VMXON_REGION + 0x1000 * n for n in range(1, 4)]
_WRONG_REVISION = VMXON_REGION + 0x4000
_BITMAPS = VMXON_REGION + 0x5000
_EPTP_LIST = VMXON_REGION + 0x6000
_DESCRIPTOR = VMXON_REGION + 0x7000
_NOWHERE = (0, 0x1000_0000, DRAM_BASE + (1 << 30), 1 << 55)
"""Addresses where VMX structures cannot be."""


@dataclass
class XvmxTorture:
    """A generated program.

    Attributes
    ----------
    program: what both sides load
    latency: of memory
    stress: what happens around the hart
    """

    seed: int
    program: Program
    latency: int
    stress: Stress | None


def _pack(*words: int) -> bytes:
    return b"".join(word.to_bytes(4, "little") for word in words)


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
        self.code, self.labels = fixed_code()
        self.segments: list[Segment] = []

    def some(self, mask: int = _ALL, density: float = 0.5) -> int:
        return sum(1 << n for n in range(64) if self.chooser.random() < density) & mask

    # ---- The host's random instructions ----

    def host_code(self) -> bytes:
        """VMX instructions in root S, with operands good and bad; ends with the return."""
        unit = b"".join(self._host_unit() for _ in range(self.chooser.randrange(0, 12)))
        return unit + _pack(encode("jalr", 0, 26))

    def _host_unit(self) -> bytes:
        c = self.chooser
        kind = c.choice(("field", "field", "field", "pointer", "pointer", "invalidate", "enter", "plain"))
        rd = c.choice((0, *DATA_REGISTERS))
        if kind == "field":
            number = c.choice((*FIELDS_BY_NUMBER, *FIELDS_BY_NUMBER, 0x0F, 0x214, 0x30A, 0x1000, 1 << 40))
            if number == FIELDS["PREEMPT_TIMER"].number or c.random() < 0.3:
                return _pack(*load_constant(6, number), encode("vmread", rd, 6))
            words = [*load_constant(6, number), *load_constant(7, c.getrandbits(c.choice((3, 16, 64))))]
            return _pack(*words, encode("vmwrite", rd, 6, 7), encode("vmread", c.choice(DATA_REGISTERS), 6))
        if kind == "pointer":
            name = c.choice(("vmptrld", "vmptrld", "vmptrld", "vmclear", "vmptrst", "vmxon"))
            return _pack(*load_constant(6, self._region()), encode(name, rd, 6 if name != "vmptrst" else 0))
        if kind == "invalidate":
            name = c.choice(("invept", "invvpid"))
            operand = c.choice((0, 1, 2, 3, VPIDS[0] << 16 | c.randrange(4), c.getrandbits(34)))
            words = [*load_constant(6, operand), *load_constant(7, c.choice((*self.eptps, 0, _ALL)))]
            return _pack(*words, encode(name, rd, 6, 7))
        if kind == "enter" and c.random() < 0.5:  # mostly with a field that cannot be entered with
            words = [*load_constant(6, FIELDS["ENTRY_CTLS"].number), encode("vmwrite", rd, 6, 6)]
            return _pack(*words, encode(c.choice(("vmlaunch", "vmresume")), rd))
        if c.random() < 0.05:
            region = load_constant(6, VMXON_REGION)
            return _pack(encode("vmxoff", rd), encode("vmptrst", rd), *region, encode("vmxon", rd, 6))
        word = c.choice(
            (encode("vmcall"), encode("vmfunc", rd, 6, 7), 0x7B | c.getrandbits(25) << 7 & ~0xF80)
        )
        if word >> 25 in (0, 1, 3, 7, 8):  # nothing that leaves this code
            word = encode("vmptrst", rd)
        return _pack(word)

    def _region(self) -> int:
        c = self.chooser
        if c.random() < 0.65:
            return c.choice(_VMCS)
        bad = (VMXON_REGION, _WRONG_REVISION, _VMCS[0] + 8, 1 << 56, _VMCS[1] | 1 << 60)
        return c.choice((*bad, *bad, *_NOWHERE))

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

    def guest_unit(self, context: Context) -> Unit:
        """One of the plain units, or something that only a guest of Xvmx can do."""
        c = self.chooser
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
            return _pack(
                encode("csrrs", rd, 0, imm=CSRS[c.choice(("time", "satp", "svmxcap", "cycle"))].number)
            )
        name = c.choice(("vmread", "vmptrst", "vmresume", "vmxoff", "invept", "vmptrld"))
        return _pack(encode(name, rd))

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

    def round(self, number: int) -> None:
        c = self.chooser
        user = c.random() < 0.4
        satp = c.choice(self.satps)
        translated = bool(satp)
        context = Context(c, translated, user, {"satp": self.satps}, self.weights(), self.tables)
        context.spaces = ((False, satp >> 44 & 0xFFFF), (True, VPIDS[0]))
        units: list[Unit] = []
        limit = c.choice((200, 800, 2400))
        while sum(map(len, units)) < limit:
            units.append(self.guest_unit(context))
        body = b"".join(units)
        start = BODIES + number * BODY_STRIDE
        shift = USER_CODE - CODE if translated and user else 0
        self.segments.append(Segment(start, body + EXIT))
        host = start + 0x1800
        self.segments.append(Segment(host, self.host_code()))
        values = self.fields(user, start + shift)
        if values["G_SATP"] == 0:
            values["G_SATP"] = satp
        registers = {register: c.getrandbits(c.choice((8, 32, 64))) for register in REGISTERS}
        registers |= {pointer: windows(c, translated, user) for pointer in POINTERS}
        registers |= {1: start + len(body) + shift, LOOP: 0, BUDGET: c.randrange(20, 90)}
        settings = [*self._machine(), *(registers[register] for register in REGISTERS)]
        settings += [c.choice(_VMCS), host, _SETTINGS_BASE + (number + 1) % _ROUNDS * _SETTINGS_STRIDE]
        settings.append(c.randrange(10, 400))
        assert len(settings) * 8 == FIELDS_OFFSET
        pairs = [(FIELDS[name].number, value) for name, value in values.items()]
        c.shuffle(pairs)
        settings += [word for pair in pairs for word in pair] + [_ALL]
        data = b"".join((word & _ALL).to_bytes(8, "little") for word in settings)
        assert len(data) <= _SETTINGS_STRIDE
        self.segments.append(Segment(_SETTINGS_BASE + number * _SETTINGS_STRIDE, data))

    def _machine(self) -> list[int]:
        """Registers that M mode sets for the round."""
        c = self.chooser
        mvirt = Arch.XVMX | (CSRS["mvirt"].mask("HOLE") if c.random() < 0.2 else 0)
        mvirt |= CSRS["mvirt"].mask("NOS2") if c.random() < 0.04 else 0
        status = Privilege.S << 11 | self.some(CSRS["mstatus"].mask("SUM", "MXR", "SPIE", "SPP"))
        status |= self.some(CSRS["mstatus"].mask("TVM", "TW"), 0.1)
        values = {
            "mvirt": mvirt,
            "medeleg": self.some(density=c.choice((0.5, 0.9, 1))) & ~(1 << Cause.ECALL_HS),
            "mideleg": self.some(density=0.8),
            "mcounteren": self.some(density=0.9),
            "mie": self.some(0x222, 0.6) | 1 << Interrupt.MTI | 1 << Interrupt.MSI,
            "mip": self.some(0x202, 0.3),
            "mstatus": status,
            "stimecmp": _ALL if c.random() < 0.8 else 0,
            "scounteren": 0x7FF,
        }
        return [values[name] for name in MACHINE_CSRS]

    # ---- Structures in memory ----

    def structures(self) -> None:
        c = self.chooser
        revision = REVISION.to_bytes(4, "little")
        for region in (VMXON_REGION, *_VMCS):
            self.segments.append(Segment(region, revision + bytes(4)))
        for n in range(4):
            density = c.choice((0.0, 0.05, 0.5))
            bits = bytes(sum(1 << n for n in range(8) if c.random() < density) for _ in range(1024))
            self.segments.append(Segment(_BITMAPS + 0x400 * n, bits))
        entries = {0: self.eptps[0], 1: self.eptps[1], 2: c.getrandbits(64), 511: self.eptps[0]}
        for n, entry in entries.items():
            self.segments.append(Segment(_EPTP_LIST + 8 * n, entry.to_bytes(8, "little")))
        descriptor = bytes(self.some(0xFF, 0.1) for _ in range(32)) + c.randbytes(8)
        self.segments.append(Segment(_DESCRIPTOR, descriptor))
        envcfg = CSRS["menvcfg"].mask("STCE") | (CSRS["menvcfg"].mask("ADUE") if self.adue else 0)
        cell = _SETTINGS_BASE.to_bytes(8, "little") + envcfg.to_bytes(8, "little")
        self.segments.append(Segment(CELL, cell))


def generate_xvmx(seed: int) -> XvmxTorture:
    """The program of ``seed``."""
    generator = _Generator(seed)
    for number in range(_ROUNDS):
        generator.round(number)
    generator.structures()
    c = generator.chooser
    segments = [Segment(CODE, generator.code), *generator.segments]
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
    return XvmxTorture(seed, program, c.choice((0, 1, 1, 3, 8, 25)), stress)
