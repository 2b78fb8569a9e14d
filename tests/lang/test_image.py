"""Images: layout, symbols, lines, determinism, the cache, the command line, and what people get wrong."""

import os
import subprocess
import sys
from pathlib import Path

import capstone
import pytest
from elftools.elf.elffile import ELFFile

from firmware.lang import Image, ImageError, build
from firmware.lang.image import generate
from tests.qemu import needs_qemu

from .host import import_source
from .qemu import run_qemu

_DEMO = '''from firmware.lang import *

@struct
class State:
    count: u64
    last: u64

state = static(State)
greeting = static(array[u8, 6], b"Hello\\n", const=True)
page = static(array[u64, 512], align=4096)

@fw
def put(c: u8) -> None:
    store8(0x1000_0000, c)

@fw
def main(v: ptr[State]) -> None:
    for k in range(len(greeting)):
        put(greeting[k])
        v.count += 1
    put(u8(v.count) + 48)
    put(10 if u64(addr_of(page)) & 0xFFF == 0 else 33)
    store32(0x10_0000, 0x5555)

module_asm(f"""
    .section .text.entry, "ax"
    .globl _start
_start:                 # the entry
    la sp, __stack_top
    la a0, {state}
    sd zero, {offsetof(State, "last")}(a0)
    call {main}
1:  wfi
    j 1b
""")

image = Image("_start", stack=0x800, functions=[main], name="demo")
'''


@pytest.fixture
def demo(tmp_path: Path) -> Image:
    module = import_source(_DEMO, tmp_path, "image_demo")
    found: Image = module.image
    return found


def section_names(path: Path) -> dict[str, int]:
    with path.open("rb") as file:
        return {section.name: section["sh_addr"] for section in ELFFile(file).iter_sections()}


def symbols(path: Path) -> dict[str, int]:
    with path.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        return {symbol.name: symbol["st_value"] for symbol in table.iter_symbols()}


@needs_qemu
def test_runs(demo: Image) -> None:
    assert run_qemu(build(demo)) == "Hello\n6\n"


def test_layout(demo: Image) -> None:
    found = symbols(build(demo))
    assert found["_start"] == found["__image_start"] == 0x8000_0000
    assert found["__stack_top"] - found["__stack_bottom"] == 0x800
    assert found["__stack_top"] % 16 == 0 and found["__bss_start"] % 8 == 0
    assert found["__bss_start"] <= found["state"] < found["__bss_end"] <= found["__stack_bottom"]
    assert "main" in found
    moved = symbols(build(Image("_start", base=0x8020_0000, stack=16, functions=demo.functions)))
    assert moved["_start"] == 0x8020_0000


def test_lines_are_python_lines(demo: Image, tmp_path: Path) -> None:
    with build(demo).open("rb") as file:
        dwarf = ELFFile(file).get_dwarf_info()
        lines = {}
        for unit in dwarf.iter_CUs():
            program = dwarf.line_program_for_CU(unit)
            files = [entry.name.decode() for entry in program["file_entry"]]
            first = 0 if program["version"] >= 5 else 1
            for entry in program.get_entries():
                if entry.state is not None and entry.state.address >= 0x8000_0000:
                    lines[entry.state.address] = (files[entry.state.file - first], entry.state.line)
    source = _DEMO.split("\n")
    assert {file for file, _ in lines.values()} == {"image_demo.py"}
    assert source[lines[0x8000_0000][1] - 1].strip() == "la sp, __stack_top"
    shown = {source[line - 1].strip() for _, line in lines.values() if line}
    assert "store32(0x10_0000, 0x5555)" in shown


def test_gp_and_tp_are_never_touched(demo: Image) -> None:
    with build(demo).open("rb") as file:
        text = ELFFile(file).get_section_by_name(".text")
        engine = capstone.Cs(capstone.CS_ARCH_RISCV, capstone.CS_MODE_RISCV64 | capstone.CS_MODE_RISCVC)
        code = list(engine.disasm(text.data(), text["sh_addr"]))
    assert len(code) > 20
    words = {word.strip("()") for line in code for word in line.op_str.replace(",", " ").split()}
    assert not words & {"gp", "tp"}


def test_output_is_the_same_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for name in ("here", "there"):
        place = tmp_path / name
        place.mkdir()
        monkeypatch.chdir(place)
        monkeypatch.setenv("BIVISOR_CACHE", str(place / "cache"))
        made.append(build(import_source(_DEMO, place, "image_demo").image).read_bytes())
    assert made[0] == made[1]
    assert str(tmp_path).encode() not in made[0]


def test_the_cache(demo: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIVISOR_CACHE", str(tmp_path))
    first = build(demo)
    stamp = first.stat().st_mtime_ns
    assert tmp_path in first.parents
    assert build(demo) == first and first.stat().st_mtime_ns == stamp
    assert build(Image("_start", functions=demo.functions, optsize=False, name="demo")) != first


def test_symbols_do_not_depend_on_other_images(demo: Image) -> None:
    before = generate(demo)["firmware.ll"]
    generate(Image(demo.functions[0], name="other"))
    assert generate(demo)["firmware.ll"] == before


def test_a_function_as_entry(tmp_path: Path) -> None:
    source = "from firmware.lang import *\ncells = static(array[u64, 4])\n@fw\ndef main() -> None:\n"
    module = import_source(source + "    cells[1] = 3\n", tmp_path, "entry")
    found = symbols(build(Image(module.main)))
    assert found["_start"] == 0x8000_0000 and "main" in found


def command(*arguments: str, place: Path) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[2]
    environment = {
        **os.environ,
        "PYTHONPATH": f"{root}{os.pathsep}{place}",
        "BIVISOR_CACHE": str(place / "cache"),
    }
    line = [sys.executable, "-m", "firmware.lang", *arguments]
    return subprocess.run(line, cwd=place, env=environment, capture_output=True, text=True, check=False)


def test_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(_DEMO)
    done = command("shop:image", "-o", "out.elf", place=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "out.elf").read_bytes()[:4] == b"\x7fELF"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere:image"], "error: cannot import nowhere: No module named 'nowhere'\n"),
        (["shop:main"], "error: shop:main is not an Image: write module:name of one\n"),
        (["shop:lost"], "error: the entry missing is not defined: give it in module_asm\n"),
        (
            ["shop:image", "-o", "no/where.elf"],
            "error: cannot write no/where.elf: No such file or directory\n",
        ),
    ],
)
def test_bad_input(arguments: list[str], message: str, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(_DEMO + 'lost = Image("missing", functions=[main])\n')
    done = command(*arguments, place=tmp_path)
    assert (done.returncode, done.stderr) == (1, message)


def test_errors_in_the_source_are_counted(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(_DEMO.replace("v.count += 1", "v.count += True"))
    done = command("shop:image", place=tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        "shop.py:20:9: error: u64 + bool is not defined\n"
        "    v.count += True\n"
        "    ^~~~~~~~~~~~~~~\n"
        "hint: convert to an integer type\n"
        "1 error\n"
    )
    assert not (tmp_path / "image.elf").exists()


def test_errors_in_assembly_name_the_python_line(tmp_path: Path) -> None:
    line = 1 + _DEMO.split("\n").index("1:  wfi")
    module = import_source(_DEMO.replace("1:  wfi", "1:  nonsense"), tmp_path, "broken")
    with pytest.raises(ImageError, match=f"broken.py:{line}:.*unrecognized instruction"):
        build(module.image)


def test_two_exports_of_one_name(tmp_path: Path) -> None:
    source = "from firmware.lang import *\n@fw(export=True)\ndef f() -> None:\n    {}\n"
    first = import_source(source.format("pass"), tmp_path, "first_f")
    second = import_source(source.format("wfi()"), tmp_path, "second_f")
    with pytest.raises(ImageError, match="two exported objects are called f"):
        generate(Image("f", functions=[first.f, second.f]))
