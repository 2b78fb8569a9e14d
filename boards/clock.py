"""The core's clock, made from the board's."""

from dataclasses import dataclass

from amaranth import Const, Instance, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Ecp5Clock", "PllSettings", "pll_settings"]

_VCO_MHZ = (400, 800)
"""Range of the oscillator (Lattice FPGA-TN-02200, "sysCLOCK PLL")."""
_PHASE_DETECTOR_MHZ = 3.125
"""Lowest frequency at the phase detector."""


@dataclass(frozen=True)
class PllSettings:
    """Divisors of an EHXPLLL whose feedback is its first output: out = in / input * feedback."""

    input: int
    feedback: int
    output: int


def pll_settings(input_mhz: float, output_mhz: float) -> PllSettings:
    """Divisors that make exactly ``output_mhz``, with the oscillator near the middle of its range.

    Raises
    ------
    ValueError: there are none
    """
    middle = sum(_VCO_MHZ) / 2
    found = [
        (abs(output_mhz * output - middle), divided, PllSettings(divided, feedback, output))
        for divided in range(1, int(input_mhz / _PHASE_DETECTOR_MHZ) + 1)
        for feedback in range(1, 81)
        if abs(input_mhz / divided * feedback - output_mhz) < 1e-6
        for output in range(1, 129)
        if _VCO_MHZ[0] <= output_mhz * output <= _VCO_MHZ[1]
    ]
    if not found:
        raise ValueError(
            f"no PLL setting makes {output_mhz:g} MHz of {input_mhz:g} MHz; ask for a multiple of 5 MHz"
        )
    return min(found, key=lambda item: item[:2])[2]


class Ecp5Clock(wiring.Component):
    """Makes the core's clock.

    Parameters
    ----------
    input_mhz, output_mhz: float
        Frequencies of ``clock`` and ``output``.

    Attributes
    ----------
    clock: In(1)
        The board's oscillator.
    output: Out(1)
        The clock that is made.
    locked: Out(1)
        It is steady.
    """

    clock: In(1)
    output: Out(1)
    locked: Out(1)

    def __init__(self, input_mhz: float, output_mhz: float) -> None:
        self.settings = pll_settings(input_mhz, output_mhz)
        self.input_mhz = input_mhz
        self.output_mhz = output_mhz
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        settings = self.settings
        m.submodules.pll = Instance(
            "EHXPLLL",
            # nextpnr derives the output's constraint from these, if there is no other.
            a_FREQUENCY_PIN_CLKI=str(self.input_mhz),
            a_FREQUENCY_PIN_CLKOP=str(self.output_mhz),
            p_CLKI_DIV=settings.input,
            p_CLKFB_DIV=settings.feedback,
            p_CLKOP_DIV=settings.output,
            p_CLKOP_ENABLE="ENABLED",
            p_CLKOP_CPHASE=settings.output // 2,
            p_FEEDBK_PATH="CLKOP",
            i_CLKI=self.clock,
            i_CLKFB=self.output,
            i_RST=Const(0, 1),
            i_STDBY=Const(0, 1),
            i_PHASESEL0=Const(0, 1),
            i_PHASESEL1=Const(0, 1),
            i_PHASEDIR=Const(0, 1),
            i_PHASESTEP=Const(0, 1),
            i_PHASELOADREG=Const(0, 1),
            i_ENCLKOP=Const(0, 1),
            i_PLLWAKESYNC=Const(0, 1),
            o_CLKOP=self.output,
            o_LOCK=self.locked,
        )
        return m
