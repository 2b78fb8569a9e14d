"""The machine's reset, through the device's own network."""

from amaranth import ClockSignal, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

__all__ = ["ENABLE_GLOBAL_RESET", "Ecp5Reset"]

_KEPT = "global_reset_stage"
"""How the flip-flops are named that the network must not reset: they drive it."""

ENABLE_GLOBAL_RESET = f'setparam -set GSR "ENABLED" t:TRELLIS_FF c:*{_KEPT}* %d'
"""For Yosys, behind its script for the device, which connects no flip-flop to the network."""


class Ecp5Reset(wiring.Component):
    """Sets every flip-flop of the device to its initial value while ``request`` is high, and at
    configuration (Lattice FPGA-TN-02200, "Global Set/Reset"). The domain ``sync`` needs no reset of its own:
    without one the machine takes 750 LUTs less.

    Attributes
    ----------
    request: In(1)
        Asynchronous; the network follows two cycles of ``sync`` later, and lets go with the clock.
    """

    request: In(1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        first, second = Signal(), Signal()
        for index, (source, target) in enumerate(((~self.request, first), (first, second))):
            m.submodules[f"{_KEPT}{index}"] = Instance(
                "FD1S3AX", p_GSR="DISABLED", i_CK=ClockSignal("sync"), i_D=source, o_Q=target
            )
        m.submodules.network = Instance("SGSR", i_CLK=ClockSignal("sync"), i_GSR=second)
        return m
