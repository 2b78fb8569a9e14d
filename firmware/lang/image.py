"""Images: from functions to a linked ELF, with a cache by content."""

import hashlib
import importlib
import importlib.metadata
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from . import runtime
from .check import check
from .checked import Checked
from .diagnostics import CompileError, Diagnostic, ImageError
from .emit import RISCV, ModuleEmitter, Target, module_names
from .function import ASSEMBLY, FUNCTIONS, Assembly, FwFunction
from .statics import Static

__all__ = ["COMPILE_FLAGS", "Image", "build", "collect", "emit_module", "generate", "run_zig"]

COMPILE_FLAGS = [
    "-target",
    "riscv64-freestanding-none",
    "-mcpu=baseline_rv64-f-d+h",
    "-mabi=lp64",
    "-mcmodel=medany",
    "-mno-relax",
    "-O2",
    "-ffunction-sections",
    "-fdata-sections",
    "-fno-stack-protector",
    "-Wno-override-module",
]


@dataclass(frozen=True)
class Image:
    """An ELF to make.

    ``entry`` is a symbol of module_asm or an ``@fw`` function (then sp is set and .bss zeroed before
    it is called); ``base`` the address of the first byte; ``stack`` the stack's size in bytes;
    ``functions`` the roots beside the entry; ``modules`` whose assembly and exported functions belong
    to the image anyway; ``optsize`` asks for small code.
    """

    entry: str | FwFunction
    base: int = 0x8000_0000
    stack: int = 4096
    functions: list[FwFunction] = field(default_factory=list)
    modules: list[ModuleType] = field(default_factory=list)
    optsize: bool = True
    name: str | None = None


@dataclass
class Program:
    """What an image consists of, in the order of discovery."""

    functions: list[Checked]
    statics: list[Static]
    assembly: list[Assembly]
    exported: frozenset[Any]


def collect(roots: list[FwFunction], modules: list[str]) -> Program:
    """Check everything that can be reached from the roots; CompileError with all errors found.

    A module of which a function is reached brings its assembly, its exported functions, and what its
    assembly names.
    """
    pending, involved = list(roots), dict[str, None]()
    done, statics = dict[FwFunction, Checked | None](), dict[Static, None]()
    exported, problems = set[Any](), list[Diagnostic]()

    def involve(name: str) -> None:
        if name not in involved:
            involved[name] = None
            named = [item for text in ASSEMBLY.get(name, {}).values() for item in text.items]
            own = [function for function in FUNCTIONS.get(name, {}).values() if function.export]
            exported.update(own, named)
            pending.extend(item for item in [*own, *named] if isinstance(item, FwFunction))
            statics.update(dict.fromkeys(item for item in named if isinstance(item, Static)))

    for name in modules:
        involve(name)
    while pending:
        function = pending.pop(0)
        if function in done:
            continue
        done[function] = None
        involve(function.module)
        try:
            found = check(function)
        except CompileError as error:
            problems += error.diagnostics
            continue
        if function.extern or function.export:
            exported.add(function)
        done[function] = found
        problems += found.problems
        statics.update(dict.fromkeys(found.used(Static)))
        pending += found.used(FwFunction)
    if problems:
        raise CompileError(problems)
    functions = [found for found in done.values() if found is not None]
    assembly = [text for name in involved for text in ASSEMBLY.get(name, {}).values()]
    return Program(functions, list(statics), assembly, frozenset(exported))


def emit_module(program: Program, target: Target, optsize: bool) -> tuple[str, dict[Any, str]]:
    """The LLVM IR of a program, and the symbols of its functions and statics."""
    functions = [found.function for found in program.functions]
    symbols = module_names([*functions, *program.statics], program.exported)
    module = ModuleEmitter(target, optsize, symbols, program.exported)
    for item in program.statics:
        module.define_static(item)
    for found in program.functions:
        module.define(found)
    return module.text(), symbols


def generate(image: Image) -> dict[str, str]:
    """The sources of an image by file name: LLVM IR, assembly, linker script."""
    roots = list(image.functions)
    if isinstance(image.entry, FwFunction):
        roots.insert(0, image.entry)
    program = collect([*roots, runtime.memcpy, runtime.memset], [module.__name__ for module in image.modules])
    program.exported |= set(roots)
    text, symbols = emit_module(program, RISCV, image.optsize)
    kept = " ".join(symbols[function] for function in roots)
    sources = {"firmware.ll": text, "link.ld": f"EXTERN({kept})\n" + _linker_script(image)}
    for number, assembly in enumerate(program.assembly):
        sources[f"asm{number}.s"] = f'# {assembly.line} "{assembly.path}"\n{assembly.text}\n'
    if isinstance(image.entry, FwFunction):
        sources["start.s"] = _START.format(entry=symbols[image.entry])
    return sources


_START = """
    .section .text.entry, "ax"
    .globl _start
_start:
    la sp, __stack_top
    la t0, __bss_start
    la t1, __bss_end
1:  bgeu t0, t1, 2f
    sd zero, 0(t0)
    addi t0, t0, 8
    j 1b
2:  call {entry}
3:  wfi
    j 3b
"""


def _linker_script(image: Image) -> str:
    entry = image.entry if isinstance(image.entry, str) else "_start"
    return f"""ENTRY({entry})
ASSERT(DEFINED({entry}), "the entry {entry} is not defined: give it in module_asm")
SECTIONS
{{
  . = {image.base:#x};
  __image_start = .;
  .text : {{ __text_start = .; KEEP(*(.text.entry)) *(.text .text.*) __text_end = .; }}
  .rodata : ALIGN(8) {{ *(.rodata .rodata.* .srodata .srodata.*) }}
  .data : ALIGN(8) {{ *(.data .data.* .sdata .sdata.*) }}
  .bss (NOLOAD) : ALIGN(16) {{
    __bss_start = .; *(.sbss .sbss.* .bss .bss.* COMMON) . = ALIGN(8); __bss_end = .;
    . = ALIGN(16); __stack_bottom = .; . += {image.stack:#x}; __stack_top = .;
  }}
  __image_end = .;
  /DISCARD/ : {{ *(.eh_frame .eh_frame_hdr .comment .note*) }}
}}
"""


def cache_root() -> Path:
    """Where built images are kept: ``BIVISOR_CACHE`` or ``build``, then ``firmware``."""
    return Path(os.environ.get("BIVISOR_CACHE", "build")).resolve() / "firmware"


def build(image: Image) -> Path:
    """Build an image and return its ELF; CompileError or ImageError if that is impossible."""
    sources = generate(image)
    digest = hashlib.sha256()
    for name, text in sorted([*sources.items(), ("flags", " ".join(COMPILE_FLAGS) + _zig_version())]):
        digest.update(f"{name}\0{text}\0".encode())
    name = image.name or "image"
    target = cache_root() / f"{name}-{digest.hexdigest()[:16]}.elf"
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as place:
        for file, text in sources.items():
            Path(place, file).write_text(text)
        inputs = [file for file in sources if not file.endswith(".ld")]
        for file in inputs:
            debug = ["-g"] if file.endswith(".s") else []
            run_zig(
                [*COMPILE_FLAGS, *debug, "-fdebug-compilation-dir=.", "-c", file, "-o", f"{file}.o"], place
            )
        link = ["-nostdlib", "-static", "-Wl,-T,link.ld", "-Wl,--gc-sections", "-Wl,--build-id=none"]
        link.append(f"-Wl,-e,{image.entry if isinstance(image.entry, str) else '_start'}")
        objects = [f"{file}.o" for file in inputs]
        run_zig([*COMPILE_FLAGS[:4], "-g", *link, *objects, "-o", "image.elf"], place)
        shutil.move(Path(place, "image.elf"), target)
    return target


def _zig_version() -> str:
    try:
        return importlib.metadata.version("ziglang")
    except importlib.metadata.PackageNotFoundError:
        raise ImageError("ziglang is missing: pip install ziglang") from None


def run_zig(arguments: list[str], place: str) -> None:
    """Run the C compiler driver in a directory; ImageError with its first error line."""
    cache = cache_root() / "zig"
    environment = {**os.environ, "ZIG_GLOBAL_CACHE_DIR": str(cache), "ZIG_LOCAL_CACHE_DIR": str(cache)}
    command = [sys.executable, "-m", "ziglang", "cc", *arguments]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error" in line or "undefined" in line]
        text = "; ".join((lines or done.stderr.splitlines() or ["the compiler failed"])[:6])
        raise ImageError(text.replace("ld.lld: error: ", ""))


def load_image(name: str) -> Image:
    """The Image that ``module:attribute`` names."""
    module_name, _, attribute = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise ImageError(f"cannot import {module_name}: {error}") from None
    image = getattr(module, attribute or "image", None)
    if not isinstance(image, Image):
        raise ImageError(f"{name} is not an Image: write module:name of one")
    return image
