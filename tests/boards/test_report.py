"""Reading nextpnr's report."""

import json

import pytest

from boards.report import read_luts, read_report


def step(kind: str, delay: float, source: str, target: str, net: str = "") -> dict:
    where = {"from": {"cell": source, "port": "Q"}, "to": {"cell": target, "port": "D"}}
    return {"type": kind, "delay": delay, **where, **({"net": net} if net else {})}


REPORT = {
    "utilization": {
        "TRELLIS_COMB": {"used": 1000, "available": 83640},
        "TRELLIS_FF": {"used": 500, "available": 83640},
        "DP16KD": {"used": 40, "available": 208},
        "MULT18X18D": {"used": 16, "available": 156},
        "TRELLIS_IO": {"used": 4, "available": 365},
    },
    "fmax": {"$glbnet$clk": {"achieved": 51.234, "constraint": 50.0}},
    "critical_paths": [
        {
            "from": "<async>",
            "to": "posedge $glbnet$clk",
            "path": [step("routing", 9.0, "pad", "x", "button")],
        },
        {
            "from": "posedge $glbnet$clk",
            "to": "posedge $glbnet$clk",
            "path": [
                step("clk-to-q", 0.5, "core.a", "core.a"),
                step("routing", 1.2344, "core.a", "core.sum", "core.operand"),
                step("setup", 0.2, "core.sum", "core.b"),
            ],
        },
    ],
}


def test_figures_and_path(tmp_path):
    file = tmp_path / "report.json"
    file.write_text(json.dumps(REPORT))
    report = read_report(file)
    assert (report.luts, report.flip_flops, report.block_rams, report.multipliers) == (1000, 500, 40, 16)
    assert report.available["luts"] == 83640
    assert (report.fmax_mhz, report.target_mhz) == (51.23, 50.0)
    assert [(one.kind, one.name, one.delay) for one in report.critical_path] == [
        ("clk-to-q", "core.a", 0.5),
        ("routing", "core.operand", 1.234),
        ("setup", "core.b", 0.2),
    ]


@pytest.mark.parametrize("text", ["", "{}", '{"utilization": {}, "fmax": {}}', "[1]"])
def test_no_report(tmp_path, text):
    file = tmp_path / "report.json"
    file.write_text(text)
    with pytest.raises(ValueError, match="not a report of nextpnr"):
        read_report(file)


def test_luts_before_placement(tmp_path):
    file = tmp_path / "cells.json"
    cells = {"LUT4": 100, "CCU2C": 7, "TRELLIS_DPR16X4": 3, "TRELLIS_FF": 50}
    file.write_text(json.dumps({"modules": {}, "design": {"num_cells_by_type": cells}}))
    assert read_luts(file) == 100 + 2 * 7 + 6 * 3
    file.write_text("[]")
    with pytest.raises(ValueError, match="not a count of Yosys"):
        read_luts(file)
