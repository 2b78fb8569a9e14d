"""Runs compiled firmware functions on this computer: the same IR, another target, as a shared library."""

import ctypes
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from firmware.lang import FwFunction, runtime
from firmware.lang.emit import HOST
from firmware.lang.image import collect, emit_module, run_zig

__all__ = ["compile_for_host", "import_source"]


def import_source(source: str, place: Path, name: str) -> ModuleType:
    """Write a module and import it."""
    path = place / f"{name}.py"
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def compile_for_host(functions: list[FwFunction], place: Path) -> ctypes.CDLL:
    """A shared library of exported functions."""
    text, _ = emit_module(collect([*functions, runtime.memcpy, runtime.memset], []), HOST, optsize=False)
    (place / "host.ll").write_text(text)
    target = ["-target", "x86_64-linux-gnu", "-O2", "-fPIC", "-shared", "-nostdlib", "-Wno-override-module"]
    run_zig([*target, "host.ll", "-o", "host.so"], str(place))
    return ctypes.CDLL(str(place / "host.so"))
