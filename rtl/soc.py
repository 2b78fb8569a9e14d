"""The system on chip: core complex, buses and devices of QEMU's ``virt`` machine."""

from amaranth import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.bus.axi import AxiSignature
from rtl.bus.bridge import PeripheralBridge
from rtl.bus.decoder import AxiDecoder, PeripheralDecoder
from rtl.bus.peripheral import PeripheralSignature
from rtl.bus.slice import AxiSlice
from rtl.config import SocConfig
from rtl.core.complex import CoreComplex, observation_ports
from rtl.core.interface import Events, Retire
from rtl.isa import memory_map
from rtl.platform.boot_rom import BootRom
from rtl.platform.clint import Clint
from rtl.platform.finisher import Finisher
from rtl.platform.plic import Plic
from rtl.platform.uart import Uart16550

__all__ = ["Soc"]

_MEIP, _SEIP = 0, 1
"""The PLIC's contexts of hart 0."""


class Soc(wiring.Component):
    """The machine without its memory and the outside world::

        dma --> core complex --> AXI decoder --> mem (DRAM)
                 ^      ^             |
            time |      | lines       +--> bridge --> decoder --+--> boot ROM <-- boot_*
                 |      |                                       +--> finisher --> finish_*
               CLINT   PLIC <-- UART, irq_ext                   +--> CLINT, PLIC
                                                                +--> UART <--> uart_*
                                                                +--> ext (virtio-mmio)

    Parameters
    ----------
    config: SocConfig
    core: wiring.Component or None
        Instead of ``CoreComplex(config.core)``, with the same ports (for tests).

    Members
    -------
    mem: AXI to DRAM, with whole physical addresses
    dma: AXI from managers outside (``config.core.dma``); sees memory as the hart does, through the data cache
    ext: register bus to the virtio-mmio slots; ``addr`` is the offset in their region
    irq_ext: interrupt levels of the virtio slots, bit n is slot n
    uart_tx, uart_rx: the console's bytes
    finish_valid: the program ended the run; stands until the design is reset
    finish_code: how, as :class:`Finisher` says
    boot_entry, boot_dtb: where the boot ROM jumps, and what it passes in a1
    retire, events: the core's observation ports
    state, fetched: with ``config.core.observe``, see :class:`CoreComplex`
    wake: whoever runs the design should look at it (``finish_valid``)
    """

    def __init__(self, config: SocConfig, core: wiring.Component | None = None) -> None:
        self.config = config
        self.core = CoreComplex(config.core) if core is None else core
        super().__init__(
            {
                "mem": Out(AxiSignature()),
                "dma": In(AxiSignature()),
                "ext": Out(PeripheralSignature()),
                "irq_ext": In(memory_map.VIRTIO_SLOTS),
                "uart_tx": Out(stream.Signature(8)),
                "uart_rx": In(stream.Signature(8)),
                "finish_valid": Out(1),
                "finish_code": Out(32),
                "boot_entry": In(64),
                "boot_dtb": In(64),
                "retire": Out(Retire),
                "events": Out(Events),
                "wake": Out(1),
            }
            | observation_ports(config.core)
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.core = core = self.core
        cut = self.config.core.cuts.bus
        regions = [memory_map.DRAM, memory_map.PERIPHERALS]
        m.submodules.router = router = AxiDecoder(regions, ordered=True, cut=cut)
        m.submodules.bridge = bridge = PeripheralBridge(cut=cut)
        m.submodules.boot_rom = boot_rom = BootRom()
        m.submodules.finisher = finisher = Finisher()
        m.submodules.clint = clint = Clint(self.config.cycles_per_tick)
        m.submodules.plic = plic = Plic(self.config.interrupt_sources, cut=cut)
        m.submodules.uart = uart = Uart16550()
        devices = {
            memory_map.BOOT_ROM: boot_rom.bus,
            memory_map.FINISHER: finisher.bus,
            memory_map.CLINT: clint.bus,
            memory_map.PLIC: plic.bus,
            memory_map.UART: uart.bus,
            memory_map.VIRTIO: flipped(self.ext),
        }
        m.submodules.decoder = decoder = PeripheralDecoder(list(devices), cut=cut)

        # Buses
        connect(m, flipped(self.dma), core.dma)
        if cut:
            m.submodules.slice = registers = AxiSlice()
            connect(m, core.bus, registers.bus)
            connect(m, registers.subordinate, router.bus)
        else:
            connect(m, core.bus, router.bus)
        connect(m, router.subordinates[0], flipped(self.mem))
        connect(m, router.subordinates[1], bridge.bus)
        connect(m, bridge.peripheral, decoder.bus)
        for port, device in zip(decoder.devices, devices.values(), strict=True):
            connect(m, port, device)

        # Interrupts and time
        first = memory_map.VIRTIO_IRQ
        m.d.comb += [
            plic.levels[first : first + memory_map.VIRTIO_SLOTS].eq(self.irq_ext),
            plic.levels[memory_map.UART_IRQ].eq(uart.irq),
            core.lines.msip.eq(clint.msip),
            core.lines.mtip.eq(clint.mtip),
            core.lines.meip.eq(plic.lines[_MEIP]),
            core.lines.seip.eq(plic.lines[_SEIP]),
            core.time.eq(clint.time),
        ]

        # Outside
        connect(m, uart.tx, flipped(self.uart_tx))
        connect(m, flipped(self.uart_rx), uart.rx)
        m.d.comb += [
            boot_rom.boot_entry.eq(self.boot_entry),
            boot_rom.boot_dtb.eq(self.boot_dtb),
            self.finish_valid.eq(finisher.valid),
            self.finish_code.eq(finisher.code),
            self.wake.eq(finisher.valid),
            self.retire.eq(core.retire),
            self.events.eq(core.events),
        ]
        if self.config.core.observe:
            m.d.comb += [self.state.eq(core.state), self.fetched.eq(core.fetched)]
        return m
