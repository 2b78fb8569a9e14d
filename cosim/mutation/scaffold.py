"""What a tree with faults needs besides them: the fault's number comes from the environment to the design."""

from dataclasses import dataclass

__all__ = ["SCAFFOLD", "Edit"]


@dataclass(frozen=True)
class Edit:
    """``old``, which ``file`` has exactly once, becomes ``new``."""

    file: str
    old: str
    new: str


SCAFFOLD = (
    Edit(
        "cosim/top.py",
        '"clk": In(1),',
        '"clk": In(1),\n            "fault": In(len(number)),',
    ),
    Edit(
        "cosim/top.py",
        "domain.clk = self.clk",
        "domain.clk = self.clk\n        m.d.comb += number.eq(self.fault)",
    ),
    Edit(
        "cosim/top.py",
        "from rtl.isa.paging import PA_BITS",
        "from rtl.isa.paging import PA_BITS\nfrom rtl.seeded import number",
    ),
    Edit(
        "cosim/native/machine.cpp",
        "    top.host_wake = 0;\n    top.uart_tx_ready",
        '    const char* fault = std::getenv("BIVISOR_FAULT");\n'
        "    top.fault = fault ? std::atoi(fault) : 0;\n"
        "    top.host_wake = 0;\n    top.uart_tx_ready",
    ),
)
