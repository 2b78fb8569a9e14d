"""Cycle counts are exact: what costs more than before fails here, until pinned.json says so on purpose."""

import json
from pathlib import Path

import pytest

from cosim.bench.figures import FIGURES, measure

PINNED: dict[str, float] = json.loads(Path(__file__).with_name("pinned.json").read_text())
SOURCES = sorted({FIGURES[name].source for name in PINNED})


@pytest.mark.parametrize("source", SOURCES)
def test_nothing_costs_more_than_pinned(source: str) -> None:
    names = [name for name in PINNED if FIGURES[name].source == source]
    worse = {}
    for name, value in measure(names, lambda line: None).items():
        assert value is not None
        pinned = PINNED[name]
        if (value < pinned) if FIGURES[name].more else (value > pinned):
            worse[name] = f"{value} instead of {pinned}"
    assert not worse
