"""The tools' calls, with tools that do next to nothing."""

import json
import stat

import pytest
from amaranth.hdl import Module

import boards.synthesis
from boards.synthesis import SynthesisError, synthesize
from boards.ulx3s import Ulx3sPlatform

_YOSYS = """#!/bin/sh
echo '{"design": {"num_cells_by_type": {"LUT4": 7}}}' > cells.json
"""

_NEXTPNR = """#!/bin/sh
# What each call was for, and a report if it comes to its end.
case "$*" in
*--tmg-ripup*)
    echo ripup >> calls
    for i in $(seq ROUNDS); do echo "Info: iter=$i wires=3 overused=LEFT overuse=0 tmgfail=1" >> top.tim; done
    LAST ;;
*) echo plain >> calls ;;
esac
cp given.json report.json
"""

_REPORT = {
    "fmax": {"clk": {"achieved": 51.0, "constraint": 50.0}},
    "utilization": {
        name: {"used": 1, "available": 2} for name in ("TRELLIS_COMB", "TRELLIS_FF", "DP16KD", "MULT18X18D")
    },
}


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Builds with a router that says how many wires are ``left`` for ``rounds``, and then does ``last``."""
    monkeypatch.setattr(boards.synthesis, "_POLL_SECONDS", 0.05)
    folder = tmp_path / "build"
    folder.mkdir()
    (folder / "given.json").write_text(json.dumps(_REPORT))

    def run(*, left=0, rounds=60, last=":", packer="exit 0"):
        scripts = {
            "YOSYS": _YOSYS,
            "NEXTPNR_ECP5": _NEXTPNR.replace("ROUNDS", str(rounds))
            .replace("LEFT", str(left))
            .replace("LAST", last),
            "ECPPACK": f"#!/bin/sh\n{packer}\n",
        }
        for variable, text in scripts.items():
            tool = tmp_path / variable
            tool.write_text(text)
            tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
            monkeypatch.setenv(variable, str(tool))
        monkeypatch.setitem(
            boards.synthesis.BOARDS, "nothing", (lambda machine, mhz: Module(), Ulx3sPlatform)
        )
        steps = []
        result = synthesize("nothing", None, 50, folder, progress=steps.append)
        return result, steps, (folder / "calls").read_text().split()

    return run


def test_a_router_that_ends_is_called_once(build):
    (luts, report), steps, calls = build()
    assert (luts, report.fmax_mhz, calls) == (7, 51.0, ["ripup"])
    assert steps == ["elaboration", "synthesis", "placement and routing", "bitstream"]


def test_a_router_that_goes_round_for_ever_is_called_without_ripup(build):
    (luts, report), steps, calls = build(last="exec sleep 1000")
    assert (luts, report.fmax_mhz, calls) == (7, 51.0, ["ripup", "plain"])
    assert "placement and routing again, as fast as it gets" in steps


@pytest.mark.parametrize("behaviour", [{"left": 3}, {"rounds": 20}])
def test_a_router_that_still_gets_on_is_waited_for(build, behaviour):
    _, _, calls = build(**behaviour, last="sleep 0.5")
    assert calls == ["ripup"]


def test_a_tool_that_fails_is_named_with_its_last_words(build):
    with pytest.raises(SynthesisError, match=r"bitstream failed: no space left \(log: .*ecppack.log\)"):
        build(packer="echo no space left; exit 1")
