"""Asynchronous serial line, 8 data bits, no parity, one stop bit."""

from amaranth import C, Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

__all__ = ["SerialReceiver", "SerialTransmitter", "divisor"]

_FRAME = 10
"""Bits on the line for a byte: start, eight data bits from the lowest up, stop."""


def divisor(clock_hz: float, baud: int) -> int:
    """Cycles per bit.

    Raises
    ------
    ValueError: fewer than 4, or the rate would be more than 2 % off
    """
    cycles = round(clock_hz / baud)
    if cycles < 4 or abs(clock_hz / cycles / baud - 1) > 0.02:
        raise ValueError(
            f"{baud} baud cannot be made from a clock of {clock_hz / 1e6:g} MHz; ask for a lower rate"
        )
    return cycles


class SerialTransmitter(wiring.Component):
    """Sends bytes.

    Parameters
    ----------
    divisor: int
        Cycles per bit.

    Attributes
    ----------
    bytes: stream of bytes to send; one is taken when the one before it has been sent
    line: Out(1)
        1 when idle.
    """

    def __init__(self, divisor: int) -> None:
        self.divisor = divisor
        super().__init__({"bytes": In(stream.Signature(8)), "line": Out(1, init=1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        timer = Signal(range(self.divisor))
        frame = Signal(_FRAME - 1)
        left = Signal(range(_FRAME + 1))
        m.d.comb += self.bytes.ready.eq(left == 0)
        with m.If(self.bytes.ready):
            with m.If(self.bytes.valid):
                m.d.sync += [
                    self.line.eq(0),
                    frame.eq(Cat(self.bytes.payload, C(1, 1))),
                    left.eq(_FRAME),
                    timer.eq(self.divisor - 1),
                ]
        with m.Elif(timer == 0):
            m.d.sync += [
                timer.eq(self.divisor - 1),
                self.line.eq(frame[0]),
                frame.eq(Cat(frame[1:], C(1, 1))),
                left.eq(left - 1),
            ]
        with m.Else():
            m.d.sync += timer.eq(timer - 1)
        return m


class SerialReceiver(wiring.Component):
    """Receives bytes; a byte whose stop bit is missing is dropped, and so is one that nobody took in time.

    Parameters
    ----------
    divisor: int
        Cycles per bit.

    Attributes
    ----------
    line: In(1)
        Asynchronous; 1 when idle.
    bytes: stream of what came
    """

    def __init__(self, divisor: int) -> None:
        self.divisor = divisor
        super().__init__({"line": In(1), "bytes": Out(stream.Signature(8))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        line = Signal(init=1)
        m.submodules.synchronizer = FFSynchronizer(self.line, line, init=1)
        timer = Signal(range(self.divisor))
        frame = Signal(_FRAME - 1)
        left = Signal(range(_FRAME + 1))
        with m.If(self.bytes.ready):
            m.d.sync += self.bytes.valid.eq(0)
        with m.If(left == 0):
            # Half a bit after the edge, so that every later sample is in the middle of its bit.
            with m.If(~line):
                m.d.sync += [left.eq(_FRAME), timer.eq(self.divisor // 2 - 1)]
        with m.Elif(timer == 0):
            m.d.sync += [timer.eq(self.divisor - 1), left.eq(left - 1), frame.eq(Cat(frame[1:], line))]
            with m.If((left == _FRAME) & line):
                m.d.sync += left.eq(0)
            with m.Elif((left == 1) & line & ~self.bytes.valid):
                m.d.sync += [self.bytes.valid.eq(1), self.bytes.payload.eq(frame[1:])]
        with m.Else():
            m.d.sync += timer.eq(timer - 1)
        return m
