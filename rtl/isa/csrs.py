"""Control and status registers: numbers, fields and who may touch them.

The number alone tells the access rules (Privileged spec 2.1): bits 11:10 are 3 for a
read-only register, bits 9:8 are the lowest privilege (2 stands for HS).
"""

from dataclasses import dataclass

__all__ = ["CSRS", "CSRS_BY_NUMBER", "VS_ALIASES", "Csr", "Field"]


@dataclass(frozen=True)
class Field:
    """A named bit range of a register: bits ``hi`` down to ``lo``, both inclusive."""

    name: str
    lo: int
    hi: int

    @property
    def width(self) -> int:
        """Number of bits."""
        return self.hi - self.lo + 1

    @property
    def mask(self) -> int:
        """The field's bits, in place."""
        return ((1 << self.width) - 1) << self.lo


@dataclass(frozen=True)
class Csr:
    """A register by its specification name."""

    name: str
    number: int
    fields: tuple[Field, ...] = ()

    @property
    def read_only(self) -> bool:
        """Whether the number encodes a read-only register."""
        return self.number >> 10 == 3

    @property
    def privilege(self) -> int:
        """Lowest privilege of the number: 0 U, 1 S, 2 HS (hypervisor and VS registers), 3 M."""
        return (self.number >> 8) & 3

    def field(self, name: str) -> Field:
        """The field called ``name``; KeyError if there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(f"{self.name} has no field {name}")

    def mask(self, *names: str) -> int:
        """The bits of the named fields, or of all fields without arguments."""
        fields = [self.field(name) for name in names] if names else self.fields
        return sum(field.mask for field in fields)


def _fields(text: str) -> tuple[Field, ...]:
    """Read ``NAME:bit`` and ``NAME:hi-lo`` words."""
    fields = []
    for word in text.split():
        name, _, span = word.partition(":")
        hi, _, lo = span.partition("-")
        fields.append(Field(name, int(lo or hi), int(hi)))
    return tuple(fields)


_SSTATUS = "SIE:1 SPIE:5 UBE:6 SPP:8 VS:10-9 FS:14-13 XS:16-15 SUM:18 MXR:19 UXL:33-32 SD:63"
_ENVCFG = "FIOM:0 CBIE:5-4 CBCFE:6 CBZE:7 ADUE:61 PBMTE:62 STCE:63"
_COUNTEREN = "CY:0 TM:1 IR:2 HPM:31-3"
_SATP = "PPN:43-0 ASID:59-44 MODE:63-60"
_VS_BITS = "VSSI:2 VSTI:6 VSEI:10"
_S_BITS = "SSI:1 STI:5 SEI:9"

_TABLE: list[tuple[str, int, str]] = [
    # Unprivileged counters
    ("cycle", 0xC00, ""),
    ("time", 0xC01, ""),
    ("instret", 0xC02, ""),
    *[(f"hpmcounter{n}", 0xC00 + n, "") for n in range(3, 32)],
    # Supervisor
    ("sstatus", 0x100, _SSTATUS),
    ("sie", 0x104, _S_BITS),
    ("stvec", 0x105, "MODE:1-0 BASE:63-2"),
    ("scounteren", 0x106, _COUNTEREN),
    ("senvcfg", 0x10A, "FIOM:0 CBIE:5-4 CBCFE:6 CBZE:7"),
    ("sscratch", 0x140, ""),
    ("sepc", 0x141, ""),
    ("scause", 0x142, ""),
    ("stval", 0x143, ""),
    ("sip", 0x144, _S_BITS),
    ("stimecmp", 0x14D, ""),
    ("stopei", 0x15C, "PRIORITY:10-0 IDENTITY:26-16"),
    ("satp", 0x180, _SATP),
    # Hypervisor
    (
        "hstatus",
        0x600,
        "VSBE:5 GVA:6 SPV:7 SPVP:8 HU:9 VGEIN:17-12 VTVM:20 VTW:21 VTSR:22 VSXL:33-32",
    ),
    ("hedeleg", 0x602, ""),
    ("hideleg", 0x603, _VS_BITS),
    ("hie", 0x604, _VS_BITS + " SGEI:12"),
    ("htimedelta", 0x605, ""),
    ("hcounteren", 0x606, _COUNTEREN),
    ("hgeie", 0x607, ""),
    ("henvcfg", 0x60A, _ENVCFG),
    ("htval", 0x643, ""),
    ("hip", 0x644, _VS_BITS + " SGEI:12"),
    ("hvip", 0x645, _VS_BITS),
    ("htinst", 0x64A, ""),
    ("hgatp", 0x680, "PPN:43-0 VMID:57-44 MODE:63-60"),
    ("hgeip", 0xE12, ""),
    # Virtual supervisor
    ("vsstatus", 0x200, _SSTATUS),
    ("vsie", 0x204, _S_BITS),
    ("vstvec", 0x205, "MODE:1-0 BASE:63-2"),
    ("vsscratch", 0x240, ""),
    ("vsepc", 0x241, ""),
    ("vscause", 0x242, ""),
    ("vstval", 0x243, ""),
    ("vsip", 0x244, _S_BITS),
    ("vstimecmp", 0x24D, ""),
    ("vsatp", 0x280, _SATP),
    # Machine
    ("mvendorid", 0xF11, ""),
    ("marchid", 0xF12, ""),
    ("mimpid", 0xF13, ""),
    ("mhartid", 0xF14, ""),
    ("mconfigptr", 0xF15, ""),
    (
        "mstatus",
        0x300,
        "SIE:1 MIE:3 SPIE:5 UBE:6 MPIE:7 SPP:8 VS:10-9 MPP:12-11 FS:14-13 XS:16-15 MPRV:17 SUM:18 MXR:19 "
        "TVM:20 TW:21 TSR:22 UXL:33-32 SXL:35-34 SBE:36 MBE:37 GVA:38 MPV:39 SD:63",
    ),
    ("misa", 0x301, "EXT:25-0 MXL:63-62"),
    ("medeleg", 0x302, ""),
    ("mideleg", 0x303, ""),
    ("mie", 0x304, _S_BITS + " " + _VS_BITS + " MSI:3 MTI:7 MEI:11 SGEI:12"),
    ("mtvec", 0x305, "MODE:1-0 BASE:63-2"),
    ("mcounteren", 0x306, _COUNTEREN),
    ("menvcfg", 0x30A, _ENVCFG),
    ("mcountinhibit", 0x320, "CY:0 IR:2 HPM:31-3"),
    *[(f"mhpmevent{n}", 0x320 + n, "") for n in range(3, 32)],
    ("mscratch", 0x340, ""),
    ("mepc", 0x341, ""),
    ("mcause", 0x342, ""),
    ("mtval", 0x343, ""),
    ("mip", 0x344, _S_BITS + " " + _VS_BITS + " MSI:3 MTI:7 MEI:11 SGEI:12"),
    ("mtinst", 0x34A, ""),
    ("mtval2", 0x34B, ""),
    ("pmpcfg0", 0x3A0, ""),
    *[(f"pmpcfg{n}", 0x3A0 + n, "") for n in range(2, 16, 2)],
    *[(f"pmpaddr{n}", 0x3B0 + n, "") for n in range(64)],
    ("tselect", 0x7A0, ""),
    ("tdata1", 0x7A1, ""),
    ("tdata2", 0x7A2, ""),
    ("tdata3", 0x7A3, ""),
    ("mvirt", 0x7C0, "ARCH:1-0 HOLE:8 NOS2:9"),
    ("mcycle", 0xB00, ""),
    ("minstret", 0xB02, ""),
    *[(f"mhpmcounter{n}", 0xB00 + n, "") for n in range(3, 32)],
    ("svmxcap", 0xDC0, "REVISION:31-0 CONTROLS:63-32"),
]

CSRS: dict[str, Csr] = {name: Csr(name, number, _fields(text)) for name, number, text in _TABLE}
"""Every register that this machine's architectures name, by name."""

CSRS_BY_NUMBER: dict[int, Csr] = {csr.number: csr for csr in CSRS.values()}

VS_ALIASES: dict[str, str] = {
    "s" + name[2:]: name for name in CSRS if name.startswith("vs") and "s" + name[2:] in CSRS
}
"""Supervisor register -> the VS register that stands in for it when V = 1 (H chapter 21.2.11 ff.)."""
