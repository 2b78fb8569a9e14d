"""ELF files into segments and symbols, with every way in which a file can be wrong told in one line."""

from dataclasses import dataclass, field
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from cosim.errors import UserError
from rtl.isa.memory_map import DRAM_BASE

__all__ = ["Program", "Segment", "read_elf"]


@dataclass(frozen=True)
class Segment:
    """``data`` goes to physical ``address``; memory up to ``size`` bytes is zero."""

    address: int
    data: bytes
    size: int = 0

    @property
    def end(self) -> int:
        """First address after the segment."""
        return self.address + max(len(self.data), self.size)


@dataclass(frozen=True)
class Program:
    """What is in memory when the machine starts.

    Attributes
    ----------
    entry: address that the boot ROM jumps to
    dtb: what the boot ROM hands over in a1
    symbols: name to address, for tohost, signatures and waves
    guest_symbols: those of programs that run with V = 1
    """

    name: str
    entry: int
    segments: tuple[Segment, ...]
    symbols: dict[str, int] = field(default_factory=dict)
    dtb: int = 0
    guest_symbols: dict[str, int] = field(default_factory=dict)

    def nearest(self, address: int) -> str:
        """`` (symbol+offset)`` of the last symbol at or below an address; empty if there is none."""
        below = [(value, name) for name, value in self.symbols.items() if value <= address]
        if not below or not any(segment.address <= address < segment.end for segment in self.segments):
            return ""
        value, name = max(below)
        return f" ({name}+{address - value:#x})"

    def check_fits(self, memory: int) -> None:
        """Refuse a program that does not fit ``memory`` bytes of DRAM."""
        for segment in self.segments:
            if segment.address < DRAM_BASE or segment.end > DRAM_BASE + memory:
                raise UserError(
                    f"{self.name}: segment {segment.address:#x}..{segment.end:#x} is outside memory "
                    f"({DRAM_BASE:#x}..{DRAM_BASE + memory:#x}); link it there or give more with --mem"
                )


def read_elf(path: str | Path) -> Program:
    """The loadable segments, entry and symbols of a RISC-V 64-bit executable."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            magic = file.read(4)
            if magic != b"\x7fELF":
                raise UserError(f"{path}: not an ELF file; give an executable linked for riscv64")
            file.seek(0)
            return _read(path, file)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; check the path") from None
    except IsADirectoryError:
        raise UserError(
            f"{path}: is a directory; give an ELF file (bivisor suite takes directories)"
        ) from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None


def _read(path: Path, file) -> Program:
    damaged = UserError(f"{path}: the ELF file is damaged or cut short; build or copy it again")
    try:
        elf = ELFFile(file)
        machine, bits, little = elf["e_machine"], elf.elfclass, elf.little_endian
        if machine != "EM_RISCV" or bits != 64 or not little:
            name = str(machine).removeprefix("EM_")
            raise UserError(
                f"{path}: built for {name} {bits}-bit, this machine is RISC-V 64-bit little-endian; "
                "compile it for riscv64"
            )
        if elf["e_type"] != "ET_EXEC" and elf["e_type"] != "ET_DYN":
            raise UserError(f"{path}: not an executable (type {elf['e_type']}); link it first")
        segments = []
        for header in elf.iter_segments():
            if header["p_type"] != "PT_LOAD" or header["p_memsz"] == 0:
                continue
            data = header.data()
            if len(data) != header["p_filesz"] or header["p_filesz"] > header["p_memsz"]:
                raise damaged
            segments.append(Segment(header["p_paddr"], data, header["p_memsz"]))
        symbols = _symbols(elf)
        entry = elf["e_entry"]
    except (ELFError, ValueError, KeyError, AttributeError, UnicodeDecodeError, TypeError):
        raise damaged from None
    if not segments:
        raise UserError(f"{path}: nothing to load; link it as an executable with loadable segments")
    return Program(str(path), entry, tuple(segments), symbols)


def _symbols(elf: ELFFile) -> dict[str, int]:
    symbols: dict[str, int] = {}
    for section in elf.iter_sections():
        if not isinstance(section, SymbolTableSection):
            continue
        for symbol in section.iter_symbols():
            local = symbol.name.startswith((".L", "$"))  # the assembler's own labels name nothing for people
            defined = symbol["st_shndx"] != "SHN_UNDEF" and symbol["st_info"]["type"] != "STT_FILE"
            if symbol.name and defined and not local:
                symbols.setdefault(symbol.name, symbol["st_value"])
    return symbols
