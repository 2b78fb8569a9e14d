"""The ULX3S: what is given to the tools."""

from boards.machine import BoardMachine
from boards.ulx3s import Ulx3s, Ulx3sPlatform
from rtl.config import SocConfig
from tests.platform.core_stub import CoreStub


def test_files_for_the_tools():
    machine = BoardMachine(SocConfig(), clock_hz=50e6, memory=4096, core=CoreStub())
    plan = Ulx3sPlatform().prepare(Ulx3s(machine, 50), "top")
    constraints = plan.files["top.lpf"]
    text = constraints.decode() if isinstance(constraints, bytes) else constraints
    for pin, site in {"clk25_0__io": "G2", "uart_0__tx__io": "L4", "uart_0__rx__io": "M1"}.items():
        assert f'LOCATE COMP "{pin}" SITE "{site}"' in text
    assert 'FREQUENCY NET "clocks.output" 51000000.0 HZ;' in text
    assert "EHXPLLL" in str(plan.files["top.il"])
