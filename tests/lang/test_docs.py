"""The examples of docs/firmware-language.md are true."""

import re
from pathlib import Path

import pytest

from firmware.lang import CompileError, build
from firmware.lang.check import checked
from firmware.lang.intrinsics import INTRINSICS

from .host import import_source

_TEXT = (Path(__file__).parents[2] / "docs" / "firmware-language.md").read_text()
_BLOCKS = re.findall(r"```python\n(.*?)```", _TEXT, re.S)


def test_the_example_builds_and_runs_under_cpython(tmp_path: Path) -> None:
    module = import_source(_BLOCKS[0], tmp_path, "documented")
    assert build(module.image).exists()
    names = dict(vars(module)) | {"out": []}
    exec(_BLOCKS[1], names)
    assert names["m"].trace


def test_the_error_is_as_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shown,) = re.findall(r"```\n(firmware/demo.py.*?)```", _TEXT, re.S)
    monkeypatch.chdir(tmp_path)
    source = "from firmware.lang import *\n@fw\ndef f(a: u64, b: u32) -> None:\n    x = a + b\n"
    with pytest.raises(CompileError) as error:
        checked(import_source(source, tmp_path, "demo").f)
    place = re.compile(r"(?m)^\S*demo.py:\d+:\d+")
    assert place.sub("demo.py", str(error.value)) == place.sub("demo.py", shown).strip()


def test_every_intrinsic_is_in_the_table() -> None:
    for name in INTRINSICS:
        stem = re.sub(r"\d+$", "", name)
        assert re.search(rf"\b{name}\b|\b{stem}\d+ … {stem}\d+|{stem}8 … {stem}64", _TEXT), name
