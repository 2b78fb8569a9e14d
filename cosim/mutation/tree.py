"""Faulty sources: as modules of this process, or as a tree of files to build from."""

import importlib
import os
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from cosim.mutation.fault import Fault, StaleFault, apply_faults
from cosim.mutation.faults import FAULTS
from cosim.mutation.scaffold import SCAFFOLD

__all__ = ["ROOT", "faulty_files", "faulty_import", "scaffold_files", "write_tree"]

ROOT = Path(__file__).resolve().parents[2]
_SELECTOR = "rtl/seeded.py"
_FOLDERS = ("rtl", "firmware", "cosim", "tests")


def faulty_files(faults: Sequence[Fault] = FAULTS) -> dict[str, str]:
    """New text of every file that a fault changes; raises StaleFault."""
    by_file: dict[str, list[Fault]] = defaultdict(list)
    for fault in faults:
        by_file[fault.file].append(fault)
    files = {name: apply_faults((ROOT / name).read_text(), found) for name, found in by_file.items()}
    files[_SELECTOR] = (ROOT / "cosim/mutation/selector.py").read_text()
    return files


def scaffold_files() -> dict[str, str]:
    """New text of the files that carry the fault's number; raises StaleFault."""
    files: dict[str, str] = {}
    for edit in SCAFFOLD:
        text = files.get(edit.file) or (ROOT / edit.file).read_text()
        if text.count(edit.old) != 1:
            raise StaleFault(
                f"the scaffold is stale: {edit.file} has {edit.old!r} {text.count(edit.old)} times"
            )
        files[edit.file] = text.replace(edit.old, edit.new)
    return files


def write_tree(folder: Path) -> None:
    """A copy of the project with all faults built in; one is on in a simulator that is started with it."""
    for name in _FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for name, text in (faulty_files() | scaffold_files()).items():
        (folder / name).write_text(text)


class _Sources(MetaPathFinder, Loader):
    """Finds modules in texts."""

    def __init__(self, files: dict[str, str]) -> None:
        self.texts = {name.removesuffix(".py").replace("/", "."): text for name, text in files.items()}

    def find_spec(self, fullname, path, target=None) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname in self.texts else None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.texts[module.__name__], module.__name__, "exec"), module.__dict__)


@contextmanager
def faulty_import(name: str, fault: Fault | None, anew: Sequence[str] = ()) -> Iterator[ModuleType]:
    """Module ``name``, imported with the hardware's modules, and those of the packages ``anew``, read anew,
    the ``fault`` in them. Afterwards everything is as before."""
    packages = ("rtl", *anew)

    def ours(module: str) -> bool:
        if module.startswith("rtl.isa"):  # shared with the model, and never faulty
            return False
        return any(module == package or module.startswith(package + ".") for package in packages)

    if fault is None:
        yield importlib.import_module(name)
        return
    finder = _Sources(faulty_files([fault]))
    kept = {module: sys.modules.pop(module) for module in list(sys.modules) if ours(module)}
    variable = os.environ.get("BIVISOR_FAULT")
    os.environ["BIVISOR_FAULT"] = str(FAULTS.index(fault) + 1)
    sys.meta_path.insert(0, finder)
    try:
        yield importlib.import_module(name)
    finally:
        sys.meta_path.remove(finder)
        if variable is None:
            del os.environ["BIVISOR_FAULT"]
        else:
            os.environ["BIVISOR_FAULT"] = variable
        for module in [module for module in sys.modules if ours(module)]:
            del sys.modules[module]
        sys.modules.update(kept)
