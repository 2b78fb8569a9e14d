"""ULX3S with an ECP5-85F."""

from amaranth import ClockDomain, ClockSignal, Module
from amaranth.lib import io, wiring
from amaranth_boards.ulx3s import ULX3S_85F_Platform

from boards.clock import Ecp5Clock
from boards.machine import BoardMachine
from boards.reset import Ecp5Reset

__all__ = ["Ulx3s", "Ulx3sPlatform"]

_OSCILLATOR_MHZ = 25

_AIM = 1.02
"""How much more than the clock the tools are asked for: the router's own count is up to half a percent better
than the result, and it makes no path shorter than it must be."""


class Ulx3sPlatform(ULX3S_85F_Platform):
    """The board, without a default domain: :class:`Ulx3s` makes ``sync``."""

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
        m.domains.sync = ClockDomain(reset_less=True)
        m.submodules.clocks = clock = Ecp5Clock(_OSCILLATOR_MHZ, self.clock_mhz)
        platform.add_clock_constraint(clock.output, _AIM * self.clock_mhz * 1e6)
        m.submodules.reset = reset = Ecp5Reset()
        m.submodules.machine = machine = self.machine
        serial = platform.request("uart", 0, dir="-")
        lights = [platform.request("led", index, dir="-") for index in range(3)]
        m.submodules.clk25 = clk25 = io.Buffer("i", platform.request("clk25", dir="-"))
        m.submodules.button = button = io.Buffer("i", platform.request("button_up", dir="-"))
        m.submodules.rx = rx = io.Buffer("i", serial.rx)
        m.submodules.tx = tx = io.Buffer("o", serial.tx)
        m.d.comb += [
            clock.clock.eq(clk25.i),
            ClockSignal("sync").eq(clock.output),
            tx.o.eq(machine.tx),
            machine.rx.eq(rx.i),
            reset.request.eq(~clock.locked | button.i),
        ]
        for index, state in enumerate((machine.running, machine.passed, machine.failed)):
            m.submodules[f"led{index}"] = led = io.Buffer("o", lights[index])
            m.d.comb += led.o.eq(state)
        return m
