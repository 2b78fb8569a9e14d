"""Intrinsics: each becomes its instruction, and does the same on the fake machine as on the model."""

import io
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from cosim.model import run
from firmware.lang import Image, build, csr_number, u8, u16, u32, u64
from firmware.lang.intrinsics import ADDRESS, INTRINSICS, Intrinsic
from firmware.lang.machine import Machine, MachineError
from rtl.isa.instructions import COMPRESSED, INSTRUCTIONS, find
from rtl.isa.memory_map import FINISHER, UART

from .host import import_source

_MNEMONICS = {
    name.replace(".", "_"): name
    for name, instruction in INSTRUCTIONS.items()
    if instruction.extension in ("H", "S", "Svinval", "Xvmx") and name not in ("mret", "sret")
}
_MNEMONICS |= {
    "fence": "fence",
    "fence_io": "fence",
    "fence_i": "fence.i",
    "ebreak": "ebreak",
    "pause": "fence",
}


def call(intrinsic: Intrinsic) -> str:
    """A call with variables of the right types as operands."""
    names = {u8: "b", u16: "h", u32: "w", u64: "a", ADDRESS: "a"}
    kinds = (u64, u64) if intrinsic.shape == "operands" else intrinsic.params
    operands = [names[kind] for kind in kinds]
    if len(operands) == 2 and operands[0] == operands[1]:
        operands[1] = "c"
    return f"{intrinsic.name}({', '.join(operands)})"


def words(elf: Path, symbol: str) -> list[int]:
    """The instructions of a function."""
    file = ELFFile(io.BytesIO(elf.read_bytes()))
    found = file.get_section_by_name(".symtab").get_symbol_by_name(symbol)[0]
    text = file.get_section_by_name(".text")
    start = found["st_value"] - text["sh_addr"]
    code = text.data()[start : start + found["st_size"]]
    result, position = [], 0
    while position < len(code):
        size = 4 if code[position] & 3 == 3 else 2
        result.append(int.from_bytes(code[position : position + size], "little"))
        position += size
    return result


def mnemonic_of(word: int) -> str | None:
    """The instruction's name, a compressed one's by what it stands for."""
    if word & 3 == 3:
        instruction = find(word)
        return instruction.name if instruction else None
    return next((short.expands_to for short in COMPRESSED if short.matches(word)), None)


def test_each_becomes_its_instruction(tmp_path: Path) -> None:
    lines = ["from firmware.lang import *", ""]
    for name in _MNEMONICS:
        lines += [
            "@fw(export=True)",
            f"def use_{name}(a: u64, c: u64, b: u8, h: u16, w: u32) -> None:",
            f"    {call(INTRINSICS[name])}",
            "",
        ]
    functions = ", ".join(f"use_{name}" for name in _MNEMONICS)
    lines += [f'image = Image("use_wfi", functions=[{functions}], name="intrinsics")', ""]
    elf = build(import_source("\n".join(lines), tmp_path, "each").image)
    for name, mnemonic in _MNEMONICS.items():
        assert mnemonic in map(mnemonic_of, words(elf, f"use_{name}")), name


def test_operands_of_fences(tmp_path: Path) -> None:
    source = """from firmware.lang import *
@fw(export=True)
def use(a: u64, c: u64) -> None:
    sfence_vma()
    sfence_vma(a)
    sfence_vma(None, c)
    hfence_gvma(a, c)
image = Image("use", functions=[use], name="fences")
"""
    elf = build(import_source(source, tmp_path, "fences").image)
    operands = [(word >> 15 & 31, word >> 20 & 31) for word in words(elf, "use") if word & 3 == 3]
    assert operands == [(0, 0), (10, 0), (0, 11), (10, 11)]


_PROGRAM = """from firmware.lang import *
cells = static(array[u64, 4], [0x8877665544332211, 0xF0F0F0F0F0F0F0F0, 3, 4])
halves = static(array[u32, 4], [0x80000000, 1, 2, 3])

@fw(noinline=True)
def put(value: u64) -> None:
    for k in range(i64(60), -4, -4):
        digit = u8(value >> u64(k)) & 15
        store8(0x1000_0000, digit + (48 if digit < 10 else 87))
    store8(0x1000_0000, 10)

@fw
def main() -> None:
    csr.pmpaddr0 = (1 << 54) - 1
    csr.pmpcfg0 = 0x1F
    base = u64(addr_of(cells[0]))
    put(u64(hlv_b(base + 7)))
    put(u64(hlv_bu(base + 7)))
    put(u64(hlv_h(base + 6)))
    put(u64(hlv_hu(base + 6)))
    put(u64(hlv_w(base + 4)))
    put(u64(hlv_wu(base + 4)))
    put(hlv_d(base))
    hsv_b(base, 0xAA)
    hsv_h(base + 2, 0xBBCC)
    hsv_w(base + 4, 0xDEAD_BEEF)
    put(cells[0])
    hsv_d(base + 8, 77)
    put(load64(base + 8) + u64(load32(cells + 1)) + u64(load16(base)) + u64(load8(base)))
    store16(base + 2, 0x1234)
    store64(cells + 3, 99)
    put(cells[0] + cells[3])
    put(amoadd(addr_of(cells[2]), 5))
    put(u64(amomin(addr_of(halves[0]), 1)))
    put(u64(amominu(addr_of(halves[1]), 0)))
    put(u64(halves[0]))
    got = lr(addr_of(halves[2]))
    put(sc(addr_of(halves[2]), got + 1))
    put(sc(addr_of(halves[2]), got + 2))
    put(u64(halves[2]))
    put(lr(addr_of(cells[2])))
    put(sc(addr_of(cells[2]), 1))
    put(mulhu(u64(-1), u64(-1)))
    csr.mscratch = 0xF0
    csr.mscratch |= 0x0F
    csr.mscratch &= ~0x30
    put(csr.mscratch)
    csr.mscratch += 1
    put(csr_swap("mscratch", 5))
    put(csr_read_set("mscratch", 8))
    put(csr_read_clear("mscratch", 1))
    put(csr.mscratch)
    memset(cells, 0x5A, 12)
    memcpy(cells + 2, cells, 9)
    put(cells[1])
    put(cells[3])
    text = b"abc"
    put(u64(text[1]) + u64(text[3]) + len(b"abc") + b"A"[0])
    fence()
    fence_io()
    fence_i()
    pause()
    nop()
    store32(0x10_0000, 0x5555)

image = Image(main, name="effects")
"""


def test_the_same_on_both_machines(tmp_path: Path) -> None:
    module = import_source(_PROGRAM, tmp_path, "effects")
    written: list[int] = []
    with Machine() as machine:
        machine.mmio(UART.base, UART.size, write=lambda address, size, value: written.append(value))
        machine.mmio(FINISHER.base, FINISHER.size)
        module.main()
    result = run(build(module.image), limit=100_000)
    assert result.status == 0
    assert bytes(written).decode() == result.console.decode()
    assert written.count(10) == 28


def test_ecall_has_the_registers_of_sbi(tmp_path: Path) -> None:
    source = """from firmware.lang import *
@fw(export=True)
def use() -> u64:
    error, value = ecall(0x10, 3, 5, 6)
    return error + value
image = Image("use", functions=[use], name="ecall")
"""
    module = import_source(source, tmp_path, "ecalls")
    with Machine() as machine:
        machine.ecall = lambda *arguments: (0, sum(arguments))
        assert int(module.use()) == 0x10 + 3 + 5 + 6
        assert machine.trace == [("ecall", 0x10, 3, 5, 6)]
    assert INSTRUCTIONS["ecall"].match in words(build(module.image), "use")
    with Machine(), pytest.raises(MachineError, match="ecall"):
        module.use()


def test_xvmx_hooks(tmp_path: Path) -> None:
    source = "from firmware.lang import *\n@fw\ndef use(a: u64) -> u64:\n    return vmread(a)\n"
    module = import_source(source, tmp_path, "xvmx")
    with Machine() as machine:
        machine.externs["vmread"] = lambda field: field + 1
        assert int(module.use(6)) == 7
        assert machine.trace == [("vmread", 6)]


def test_csr_number() -> None:
    assert csr_number("hvip") == 0x645
    assert isinstance(Image("x"), Image)
