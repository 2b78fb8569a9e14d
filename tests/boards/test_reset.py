"""The device's own reset network: which flip-flops of a mapped design follow it."""

import json

from boards.machine import BoardMachine
from boards.synthesis import map_logic
from rtl.config import SocConfig
from tests.platform.core_stub import CoreStub


def test_all_flip_flops_follow_but_those_that_drive_it(tmp_path):
    machine = BoardMachine(SocConfig(), clock_hz=50e6, memory=4096, core=CoreStub())
    assert map_logic("ulx3s", machine, 50, tmp_path) > 0
    modules = json.loads((tmp_path / "top.json").read_text())["modules"].values()
    cells = {name: cell for module in modules for name, cell in module["cells"].items()}
    flip_flops = {name: cell for name, cell in cells.items() if cell["type"] == "TRELLIS_FF"}
    apart = {name for name, cell in flip_flops.items() if cell["parameters"]["GSR"] != "ENABLED"}
    assert len(flip_flops) > 20
    assert apart == {"reset.global_reset_stage0", "reset.global_reset_stage1"}
    (network,) = (cell for cell in cells.values() if cell["type"] == "SGSR")
    assert network["connections"]["GSR"] == flip_flops["reset.global_reset_stage1"]["connections"]["Q"]
