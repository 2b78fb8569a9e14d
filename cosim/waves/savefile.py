"""The GTKWave save file next to a wave: groups of signals, and files that turn values into text."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import capstone
from vcd.gtkw import GTKWSave, make_translation_filter

from cosim.elf import Program
from cosim.errors import UserError
from cosim.waves.probe import EXIT_NONE
from cosim.waves.reader import Wave
from rtl.isa.causes import INTERRUPT_BIT, cause_name
from rtl.isa.privilege import Privilege, mode_name
from rtl.isa.xvmx import ExitReason

__all__ = ["GROUPS", "disassemble", "write_save_file"]

_PROBE = "top.probe."
_ZOOM = -8.5
"""Some hundred cycles across a window: GTKWave's own choice is a third of a cycle."""


@dataclass(frozen=True)
class Group:
    """Signals under one heading: the probe's own first, then what the patterns find in the design."""

    title: str
    probe: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()


GROUPS = (
    Group(
        "fetch",
        ("pc",),
        (
            r"\.frontend\.(instruction__(valid|ready)|redirect|target|translate__valid|cache__(index_)?valid)$",
        ),
    ),
    Group(
        "pipeline",
        ("mode", "pc", "instruction", "order", "memory_address", "memory_data"),
        (
            r"\.core\.core\.(decode|execute|memory)(\$\d+)?"
            r"\.(operation__(valid|ready)|result__valid|hazard|load_use|kill|mispredict|done|finish|step|faulted)$",
        ),
    ),
    Group(
        "CSR and trap",
        ("mode", "cause", "exit_reason"),
        (
            r"\.core\.core\.csr\.(mstatus|hstatus|vsstatus|satp|vsatp|hgatp|mip|hvip|vstimecmp|time)$",
            r"\.core\.core\.csr\.(csr__(valid|number|operand|rdata|commit)|trap__(valid|vector)|interrupt)$",
        ),
    ),
    Group(
        "MMU",
        (),
        (
            r"\.core\.mmu\.(data|fetch)__(valid|hit|fault_valid)$",
            r"\.walker\.(level|guest_level|kind|address|gpa|done|failed|fill__valid|memory__(valid|done|paddr))$",
        ),
    ),
    Group("bus", (), (r"^top\.mem__(ar|r|aw|w|b)(valid|ready|addr|data|len|last)$",)),
)
"""The save file's groups, in order. A pattern that finds nothing is left out."""

_MOST_SIGNALS = 24
"""Of the design's own signals, in each group."""


def write_save_file(wave: Path, program: Program) -> Path:
    """Write ``<wave>.gtkw`` and its translate files (in ``<wave>.gtkw.text/``); the save file's path."""
    save_path = Path(f"{wave}.gtkw")
    folder = Path(f"{wave}.gtkw.text")
    try:
        folder.mkdir(exist_ok=True)
        with Wave(wave) as reader, save_path.open("w") as file:
            translations = _translations(reader, program, folder)
            _save(GTKWSave(file), wave, reader, translations)
    except OSError as error:
        raise UserError(
            f"{save_path}: cannot be written ({error.strerror}); check folder and space"
        ) from None
    return save_path


def _translations(reader: Wave, program: Program, folder: Path) -> dict[str, Path]:
    """Probe signal -> its translate file."""
    modes = [
        (privilege | virt << 2, mode_name(privilege, virt))
        for privilege in Privilege
        for virt in (0, 1)
        if not (virt and privilege == Privilege.M)
    ]
    causes = [(code, cause_name(code)) for code in range(64)]
    causes += [(64 | code, cause_name(INTERRUPT_BIT | code)) for code in range(64)]
    xvmx = [(128 | reason, reason.name) for reason in ExitReason]
    texts: dict[str, Sequence[tuple[int, str]]] = {
        "mode": modes,
        "cause": causes,
        "exit_reason": [*causes, *xvmx, (EXIT_NONE, "guest runs")],
        "pc": symbolic(_values(reader, "pc"), program.symbols),
        "instruction": [(word, disassemble(word)) for word in _values(reader, "instruction")],
    }
    files = {}
    for name, pairs in texts.items():
        width = reader.names.get(_PROBE + name)
        if width is None:
            continue
        files[name] = folder / f"{name}.txt"
        files[name].write_text(make_translation_filter(list(pairs), datafmt="hex", size=width))
    return files


def _values(reader: Wave, name: str) -> list[int]:
    if _PROBE + name not in reader.names:
        return []
    return sorted({value for _, _, value in reader.changes(_PROBE + name)})


def symbolic(addresses: Iterable[int], symbols: dict[str, int]) -> list[tuple[int, str]]:
    """``symbol+offset`` for each address that has a symbol at or below it."""
    table = sorted(
        (value, name) for name, value in symbols.items() if value and not name.startswith((".L", "$"))
    )
    starts = [value for value, _ in table]
    pairs = []
    for address in addresses:
        at = bisect_right(starts, address) - 1
        if at >= 0:
            start, name = table[at]
            pairs.append((address, f"{name}+{address - start:#x}" if address > start else name))
    return pairs


def disassemble(word: int) -> str:
    """An instruction word (a 16-bit one zero-extended) as assembly; hexadecimal if nobody knows it."""
    size = 4 if word & 3 == 3 else 2
    decoder = capstone.Cs(capstone.CS_ARCH_RISCV, capstone.CS_MODE_RISCV64 | capstone.CS_MODE_RISCVC)
    for one in decoder.disasm(word.to_bytes(4, "little")[:size], 0):
        return f"{one.mnemonic} {one.op_str}".strip()
    return known_name(word) or f"{word:#x}"


def known_name(word: int) -> str | None:
    """The instruction's name in our own table, with its operands as numbers."""
    from rtl.isa.instructions import find

    instruction = find(word)
    if instruction is None:
        return None
    rd, rs1, rs2 = word >> 7 & 31, word >> 15 & 31, word >> 20 & 31
    return f"{instruction.name} x{rd}, x{rs1}, x{rs2}"


def _save(save: GTKWSave, wave: Path, reader: Wave, translations: dict[str, Path]) -> None:
    save.dumpfile(str(wave.absolute()))
    save.savefile(str(Path(f"{wave}.gtkw").absolute()))
    save.timestart(0)
    save.zoom_markers(zoom=_ZOOM)
    save.signals_width(280)
    save.sst_expanded(False)
    for group in GROUPS:
        own = [name for name in group.probe if _PROBE + name in reader.names]
        inner = _matching(reader, group.patterns)
        if not own and not inner:
            continue
        with save.group(group.title):
            for name in own:
                text = translations.get(name)
                save.trace(
                    reader.with_range(_PROBE + name),
                    alias=name,
                    datafmt="hex",
                    translate_filter_file=str(text.absolute()) if text else None,
                )
            for name in inner:
                save.trace(reader.with_range(name), alias=_short(name), datafmt="hex")


def _matching(reader: Wave, patterns: tuple[str, ...]) -> list[str]:
    found = []
    for name in reader.names:
        if "$" not in name.rpartition(".")[2] and any(re.search(pattern, name) for pattern in patterns):
            found.append(name)
    return found[:_MOST_SIGNALS]


def _short(name: str) -> str:
    """The last two parts of a signal's path, without the numbers that keep instances apart."""
    return re.sub(r"\$\d+", "", ".".join(name.split(".")[-2:]))
