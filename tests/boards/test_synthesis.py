"""The tools' calls, with tools that do next to nothing."""

import json

import pytest
from amaranth.hdl import Module

import boards.synthesis
from boards.synthesis import SynthesisError, synthesize
from boards.ulx3s import Ulx3sPlatform

_REPORT = {
    "fmax": {"clk": {"achieved": 51.0, "constraint": 51.0}},
    "utilization": {
        name: {"used": 1, "available": 2} for name in ("TRELLIS_COMB", "TRELLIS_FF", "DP16KD", "MULT18X18D")
    },
}

_TOOLS = {
    "YOSYS": """echo '{"design": {"num_cells_by_type": {"LUT4": 7}}}' > cells.json""",
    "NEXTPNR_ECP5": f"""echo "$@" > options; echo '{json.dumps(_REPORT)}' > report.json""",
    "ECPPACK": "exit 0",
}


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Builds nothing at all, with the tools above, or others by the names of their variables."""
    monkeypatch.setitem(boards.synthesis.BOARDS, "nothing", (lambda machine, mhz: Module(), Ulx3sPlatform))

    def run(**others):
        for variable, does in (_TOOLS | others).items():
            tool = tmp_path / variable
            tool.write_text(f"#!/bin/sh\n{does}\n")
            tool.chmod(0o755)
            monkeypatch.setenv(variable, str(tool))
        steps = []
        return *synthesize("nothing", None, 50, tmp_path / "build", seed=3, progress=steps.append), steps

    return run


def test_each_tool_is_called_and_its_figures_are_read(build, tmp_path):
    luts, report, steps = build()
    assert (luts, report.fmax_mhz, report.target_mhz) == (7, 51.0, 50.0)
    assert steps == ["elaboration", "synthesis", "placement and routing", "bitstream"]
    assert "--seed 3" in (tmp_path / "build" / "options").read_text()


def test_a_tool_that_fails_is_named_with_its_last_words(build):
    with pytest.raises(SynthesisError, match=r"bitstream failed: no space left \(log: .*ecppack.log\)"):
        build(ECPPACK="echo no space left; exit 1")
