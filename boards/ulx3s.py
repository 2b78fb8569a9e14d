"""ULX3S with an ECP5-85F."""

from amaranth import Module
from amaranth.lib import wiring
from amaranth_boards.ulx3s import ULX3S_85F_Platform

from boards.clock import Ecp5Clock
from boards.machine import BoardMachine

__all__ = ["Ulx3s", "Ulx3sPlatform"]

_OSCILLATOR_MHZ = 25


class Ulx3sPlatform(ULX3S_85F_Platform):
    """The board, without an oscillator-driven default domain: :class:`Ecp5Clock` makes ``sync``."""

    default_clk = None

    @property
    def required_tools(self) -> list[str]:
        """To build; the loader is needed to program only."""
        return [tool for tool in super().required_tools if tool != "openFPGALoader"]


class Ulx3s(wiring.Component):
    """The machine on the board.

    ===========  =================================================================
    serial line  the console, through the board's USB connector
    LED 0        blinks while instructions retire
    LED 1, 2     the program passed, failed (finisher)
    button up    resets the machine; memory keeps what it holds
    ===========  =================================================================
    """

    def __init__(self, machine: BoardMachine, clock_mhz: float) -> None:
        self.machine = machine
        self.clock_mhz = clock_mhz
        super().__init__({})

    def elaborate(self, platform: Ulx3sPlatform) -> Module:
        m = Module()
        m.submodules.clock = clock = Ecp5Clock(_OSCILLATOR_MHZ, self.clock_mhz)
        m.submodules.machine = machine = self.machine
        serial = platform.request("uart", 0, dir={"rts": "-", "dtr": "-"})
        lights = [platform.request("led", index) for index in range(3)]
        m.d.comb += [
            clock.clock.eq(platform.request("clk25").i),
            clock.reset.eq(platform.request("button_up").i),
            serial.tx.o.eq(machine.tx),
            machine.rx.eq(serial.rx.i),
            lights[0].o.eq(machine.running),
            lights[1].o.eq(machine.passed),
            lights[2].o.eq(machine.failed),
        ]
        return m
