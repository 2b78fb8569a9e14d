"""The system on chip with memory and a serial line: what is the same on every board."""

from collections.abc import Mapping

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from boards.block_ram import AxiBlockRam, words
from boards.serial import SerialReceiver, SerialTransmitter, divisor
from rtl.config import SocConfig
from rtl.isa.memory_map import DRAM_BASE, FINISHER_PASS
from rtl.soc import Soc

__all__ = ["BoardMachine"]


class BoardMachine(wiring.Component):
    """The system on chip, block RAM at the start of DRAM, the console on a serial line.

    Parameters
    ----------
    config: SocConfig
    clock_hz: float
        Frequency of the domain ``sync``.
    memory: int
        Bytes of block RAM, a power of two.
    segments: mapping of address to bytes
        What memory holds after configuration.
    entry: int
        Where the boot ROM jumps.
    baud: int
        Of the serial line, 8N1.
    core: wiring.Component or None
        Instead of the core that ``config`` describes, with the same ports (for tests).

    Attributes
    ----------
    tx, rx: serial line
    passed, failed: how the program ended, through the finisher
    running: toggles while instructions retire
    """

    tx: Out(1)
    rx: In(1)
    passed: Out(1)
    failed: Out(1)
    running: Out(1)

    def __init__(
        self,
        config: SocConfig,
        *,
        clock_hz: float,
        memory: int,
        segments: Mapping[int, bytes] | None = None,
        entry: int = DRAM_BASE,
        baud: int = 115_200,
        core: wiring.Component | None = None,
    ) -> None:
        self.config = config
        self.core = core
        self.entry = entry
        self.divisor = divisor(clock_hz, baud)
        self.memory = memory
        self.init = words(DRAM_BASE, memory, segments or {})
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.soc = soc = Soc(self.config, self.core)
        m.submodules.memory = memory = AxiBlockRam(
            base=DRAM_BASE, size=self.memory, init=self.init, cut=self.config.core.cuts.bus
        )
        m.submodules.transmitter = transmitter = SerialTransmitter(self.divisor)
        m.submodules.receiver = receiver = SerialReceiver(self.divisor)
        connect(m, soc.mem, memory.bus)
        connect(m, soc.uart_tx, transmitter.bytes)
        connect(m, receiver.bytes, soc.uart_rx)
        ok = soc.finish_code[:16] == FINISHER_PASS
        retired = Signal(24)
        with m.If(soc.events.retire):
            m.d.sync += retired.eq(retired + 1)
        m.d.comb += [
            self.tx.eq(transmitter.line),
            receiver.line.eq(self.rx),
            soc.boot_entry.eq(self.entry),
            # Slots without a device: an access ends with an error instead of waiting for ever.
            soc.ext.ready.eq(soc.ext.valid),
            soc.ext.error.eq(1),
            self.running.eq(retired[-1]),
            self.passed.eq(soc.finish_valid & ok),
            self.failed.eq(soc.finish_valid & ~ok),
        ]
        return m
