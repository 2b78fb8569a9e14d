"""Core-local interruptor: software interrupt, machine timer and ``mtime``."""

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.bus.peripheral import PeripheralSignature
from rtl.isa.memory_map import CLINT_MSIP, CLINT_MTIME, CLINT_MTIMECMP

__all__ = ["Clint"]


class Clint(wiring.Component):
    """The SiFive CLINT of one hart.

    ========  ==========  =====================================================================
    offset    register
    ========  ==========  =====================================================================
    0x0000    msip        bit 0 is the machine software interrupt; the others read 0
    0x4000    mtimecmp    64 bits; resets to all ones, so that no timer is pending after reset
    0xbff8    mtime       64 bits, writable; one tick every ``cycles_per_tick`` cycles
    ========  ==========  =====================================================================

    ``mtip`` is up while mtime >= mtimecmp (privileged spec, "Machine Timer (mtime and mtimecmp)
    Registers"); it follows a write one cycle later. Registers take 32-bit and 64-bit accesses, others are
    refused; unknown offsets read 0 and ignore writes. Answers in the cycle of the request.

    Parameters
    ----------
    cycles_per_tick: int
        Core cycles per tick of ``mtime``, at least 1.

    Attributes
    ----------
    time: Out(64)
        mtime, for the ``time`` CSR and the Sstc comparators.
    """

    bus: In(PeripheralSignature())
    time: Out(64)
    msip: Out(1)
    mtip: Out(1)

    def __init__(self, cycles_per_tick: int = 10) -> None:
        if cycles_per_tick < 1:
            raise ValueError(f"cycles_per_tick must be at least 1, not {cycles_per_tick}")
        self.cycles_per_tick = cycles_per_tick
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bus = self.bus
        mtimecmp = Signal(64, init=(1 << 64) - 1)

        prescaler = Signal(range(self.cycles_per_tick))
        with m.If(prescaler == self.cycles_per_tick - 1):
            m.d.sync += [prescaler.eq(0), self.time.eq(self.time + 1)]
        with m.Else():
            m.d.sync += prescaler.eq(prescaler + 1)
        m.d.sync += self.mtip.eq(self.time >= mtimecmp)

        refused = bus.size < 2
        mask = Signal(64)
        m.d.comb += [bus.ready.eq(bus.valid), bus.error.eq(refused)]

        def merge(old: Signal):
            return old & ~mask | bus.wdata & mask

        write = bus.valid & bus.write & ~refused
        with m.If(write):
            m.d.comb += mask.eq(Cat(strobe.replicate(8) for strobe in bus.wstrb))
        with m.Switch(bus.addr[3:16]):
            with m.Case(CLINT_MSIP >> 3):
                m.d.comb += bus.rdata.eq(self.msip)
                with m.If(write & bus.wstrb[0]):
                    m.d.sync += self.msip.eq(bus.wdata[0])
            with m.Case(CLINT_MTIMECMP >> 3):
                m.d.comb += bus.rdata.eq(mtimecmp)
                with m.If(write):
                    m.d.sync += mtimecmp.eq(merge(mtimecmp))
            with m.Case(CLINT_MTIME >> 3):
                m.d.comb += bus.rdata.eq(self.time)
                with m.If(write):
                    m.d.sync += self.time.eq(merge(self.time))
        return m
