"""Expander and decoder, against an assembler that nobody here wrote (clang, from the ziglang package)."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from amaranth.sim import Simulator
from elftools.elf.elffile import ELFFile

from rtl.core.decode.decoder import Decoder
from rtl.core.decode.expander import Expander
from rtl.isa.instructions import COMPRESSED, INSTRUCTIONS, find


def assemble(lines: list[str], tmp_path: Path, *, compressed: bool) -> bytes:
    """Machine code of assembly lines, with or without the C extension.

    The assembler shortens branches with a literal offset only if told so.
    """
    if compressed:
        names = {"beq": "c.beqz", "bne": "c.bnez", "jal": "c.j"}
        lines = [
            f"{names[line.split()[0]]} {line.split(' ', 1)[1].replace('x0, ', '')}" if ". +" in line else line
            for line in lines
        ]
    source = tmp_path / f"code{int(compressed)}.S"
    target = source.with_suffix(".o")
    option = "rvc" if compressed else "norvc"
    source.write_text(f".option norelax\n.option {option}\n" + "\n".join(lines) + "\n")
    command = [sys.executable, "-m", "ziglang", "cc", "-target", "riscv64-freestanding-none"]
    command += ["-mcpu=baseline_rv64-f-d+h", "-c", str(source), "-o", str(target)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    with target.open("rb") as file:
        return ELFFile(file).get_section_by_name(".text").data()


def compressible(rng: random.Random) -> list[str]:
    """Assembly lines, at least one for each RV64C instruction, that have a 16-bit encoding."""
    lines = ["ebreak"]
    for _ in range(40):
        any_reg = f"x{rng.randint(1, 31)}"
        other = f"x{rng.randint(1, 31)}"
        no_sp = f"x{rng.choice([r for r in range(1, 32) if r != 2])}"
        short, short2 = f"x{rng.randint(8, 15)}", f"x{rng.randint(8, 15)}"
        imm6 = rng.choice([i for i in range(-32, 32) if i])
        word, double = rng.randrange(0, 128, 4), rng.randrange(0, 256, 8)
        wsp, dsp = rng.randrange(0, 256, 4), rng.randrange(0, 512, 8)
        lines += [
            f"addi {short}, sp, {rng.randrange(4, 1024, 4)}",
            f"lw {short}, {word}({short2})",
            f"ld {short}, {double}({short2})",
            f"sw {short}, {word}({short2})",
            f"sd {short}, {double}({short2})",
            f"addi {any_reg}, {any_reg}, {imm6}",
            f"addiw {any_reg}, {any_reg}, {rng.randint(-32, 31)}",
            f"addi {any_reg}, x0, {rng.randint(-32, 31)}",
            f"addi sp, sp, {rng.choice([i for i in range(-512, 512, 16) if i])}",
            f"lui {no_sp}, {rng.choice([*range(1, 32), *range(0xFFFE0, 0x100000)])}",
            f"srli {short}, {short}, {rng.randint(1, 63)}",
            f"srai {short}, {short}, {rng.randint(1, 63)}",
            f"andi {short}, {short}, {rng.randint(-32, 31)}",
            *[f"{op} {short}, {short}, {short2}" for op in ("sub", "xor", "or", "and", "subw", "addw")],
            f"slli {any_reg}, {any_reg}, {rng.randint(1, 63)}",
            f"lw {any_reg}, {wsp}(sp)",
            f"ld {any_reg}, {dsp}(sp)",
            f"sw {any_reg}, {wsp}(sp)",
            f"sd {any_reg}, {dsp}(sp)",
            f"jalr x0, 0({any_reg})",
            f"jalr ra, 0({any_reg})",
            f"add {any_reg}, x0, {other}",
            f"add {any_reg}, {any_reg}, {other}",
        ]
        offset = rng.randrange(-256, 256, 2)
        lines += [
            f"beq {short}, x0, . + {offset}",
            f"bne {short}, x0, . + {offset}",
            f"jal x0, . + {rng.randrange(-2048, 2048, 2)}",
        ]
    return lines


def test_expander_agrees_with_an_assembler(tmp_path: Path) -> None:
    lines = compressible(random.Random(7))
    wide = assemble(lines, tmp_path, compressed=False)
    narrow = assemble(lines, tmp_path, compressed=True)
    assert len(wide) == 4 * len(lines)
    assert len(narrow) == 2 * len(lines), "a line that should have a 16-bit encoding has none"
    dut = Expander()
    seen = set()

    async def process(ctx):
        for i, line in enumerate(lines):
            word = int.from_bytes(narrow[2 * i : 2 * i + 2], "little")
            expected = int.from_bytes(wide[4 * i : 4 * i + 4], "little")
            ctx.set(dut.instruction, word)
            assert ctx.get(dut.illegal) == 0, line
            assert ctx.get(dut.expanded) == expected, f"{line}: {word:04x}"
            seen.update(entry.name for entry in COMPRESSED if entry.matches(word))

    simulator = Simulator(dut)
    simulator.add_testbench(process)
    simulator.run()
    assert seen == {entry.name for entry in COMPRESSED}


def test_expander_knows_every_16_bit_word() -> None:
    """Each word matches one entry of the table at most, and is illegal if and only if it matches none."""
    dut = Expander()

    async def process(ctx):
        for word in range(0, 1 << 16):
            if word & 3 == 3:
                continue
            entries = [entry for entry in COMPRESSED if entry.matches(word)]
            assert len(entries) <= 1, (hex(word), entries)
            ctx.set(dut.instruction, word)
            assert ctx.get(dut.illegal) == (not entries), hex(word)
            if entries:
                found = find(ctx.get(dut.expanded))
                assert found is not None and found.name == entries[0].expands_to, hex(word)

    simulator = Simulator(dut)
    simulator.add_testbench(process)
    simulator.run()


@pytest.mark.parametrize("seed", range(2))
def test_decoder_accepts_exactly_the_instruction_set(seed: int) -> None:
    dut = Decoder()
    rng = random.Random(seed)
    known = list(INSTRUCTIONS.values())

    async def process(ctx):
        for instruction in known:
            for _ in range(4):
                word = instruction.match | rng.getrandbits(32) & ~instruction.mask
                ctx.set(dut.instruction, word)
                assert ctx.get(dut.control.illegal) == 0, instruction.name
        for _ in range(3000):
            word = rng.getrandbits(32) | 3
            if rng.random() < 0.7:  # stay near real encodings
                word = rng.choice(known).match ^ (1 << rng.randrange(2, 32)) ^ (1 << rng.randrange(7, 32))
            ctx.set(dut.instruction, word)
            legal = any(i.matches(word) for i in known)
            assert ctx.get(dut.control.illegal) == (not legal), hex(word)

    simulator = Simulator(dut)
    simulator.add_testbench(process)
    simulator.run()
