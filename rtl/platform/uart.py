"""UART 16550A without a serial line: bytes leave and arrive as streams."""

from amaranth import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.bus.peripheral import PeripheralSignature
from rtl.isa.uart import RX_TRIGGERS, Fcr, Ier, Iir, Lcr, Lsr, Mcr, Msr, Register
from rtl.platform.uart_fifo import UartFifo

__all__ = ["Uart16550"]

_LINES_UP = int(Msr.CTS | Msr.DSR | Msr.DCD) >> 4


def _has(register: Value, flag: int) -> Value:
    """The one-bit ``flag`` of ``register``."""
    return register[flag.bit_length() - 1]


class Uart16550(wiring.Component):
    """National Semiconductor PC16550D, register for register (``rtl.isa.uart``), at one byte per register.

    What differs from the chip, because there is no serial line here:

    * ``tx`` hands over a byte as soon as its consumer is ready, ``rx`` is held back while the receiver is
      full. So there are never overrun, parity, framing or break errors: LSR bits 1..4 and 7 read 0. The
      divisor and the line format are only stored. A board puts a serializer on the streams.
    * The receiver's time-out is ``character_timeout`` core cycles instead of four characters' time.
    * CTS, DSR and DCD are tied active, RI inactive; in loopback the modem control bits take their place.
    * A byte written to a full transmitter is lost.

    A wider access reaches the register at its address alone, the other lanes read 0; offsets above 7 read
    0. Answers in the cycle of the request.

    Parameters
    ----------
    character_timeout: int
        Cycles without arrival or read after which characters below the trigger level interrupt.

    Attributes
    ----------
    tx, rx: streams of 8 bits
        Bytes to and from the line.
    irq: Out(1)
        The interrupt request, level-sensitive.
    """

    bus: In(PeripheralSignature())
    tx: Out(stream.Signature(8))
    rx: In(stream.Signature(8))
    irq: Out(1)

    def __init__(self, character_timeout: int = 1024) -> None:
        if character_timeout < 1:
            raise ValueError(f"character_timeout must be at least 1, not {character_timeout}")
        self.character_timeout = character_timeout
        super().__init__()
        self._ier = Signal(4, name="ier")
        self._lcr = Signal(8, name="lcr")
        self._mcr = Signal(5, name="mcr")
        self._scr = Signal(8, name="scr")
        self._divisor = Signal(16, name="divisor")
        self._fifos_on = Signal(name="fifos_on")
        self._trigger = Signal(2, name="trigger")
        self._iir = Signal(Iir, name="iir", init=Iir.NONE)
        self._lsr = Signal(8, name="lsr")
        self._msr = Signal(8, name="msr")
        self._reads = Signal(8, name="reads")
        self._writes = Signal(8, name="writes")
        self._wdata = Signal(8, name="wdata")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.transmitter = transmitter = UartFifo()
        m.submodules.receiver = receiver = UartFifo()
        self._bus_access(m, receiver)
        self._control_registers(m)
        self._data_path(m, transmitter, receiver)
        self._modem_status(m)
        self._interrupts(m, transmitter, receiver)
        return m

    def _bus_access(self, m: Module, receiver: UartFifo) -> None:
        """Decode an access into read and write strobes per register, and answer it."""
        bus = self.bus
        dlab = _has(self._lcr, Lcr.DLAB)
        fifo_bits = self._fifos_on.replicate(2)
        values = Array(
            [
                Mux(dlab, self._divisor[:8], Mux(receiver.r.valid, receiver.r.payload, 0)),
                Mux(dlab, self._divisor[8:], self._ier),
                Cat(self._iir, Const(0, 2), fifo_bits),
                self._lcr,
                self._mcr,
                self._lsr,
                self._msr,
                self._scr,
            ]
        )
        m.d.comb += [bus.ready.eq(bus.valid), self._wdata.eq(bus.wdata.word_select(bus.addr[:3], 8))]
        with m.If(bus.valid & (bus.addr[3:] == 0)):
            m.d.comb += bus.rdata.word_select(bus.addr[:3], 8).eq(values[bus.addr[:3]])
            with m.If(bus.write):
                m.d.comb += self._writes.eq(1 << bus.addr[:3])
            with m.Else():
                m.d.comb += self._reads.eq(1 << bus.addr[:3])

    def _control_registers(self, m: Module) -> None:
        writes, wdata = self._writes, self._wdata
        dlab = _has(self._lcr, Lcr.DLAB)
        with m.If(writes[Register.DLL] & dlab):
            m.d.sync += self._divisor[:8].eq(wdata)
        with m.If(writes[Register.DLM] & dlab):
            m.d.sync += self._divisor[8:].eq(wdata)
        with m.If(writes[Register.FCR]):
            m.d.sync += self._fifos_on.eq(_has(wdata, Fcr.ENABLE))
            with m.If(_has(wdata, Fcr.ENABLE)):
                m.d.sync += self._trigger.eq(wdata[6:])
        for offset, register in (
            (Register.LCR, self._lcr),
            (Register.MCR, self._mcr),
            (Register.SCR, self._scr),
        ):
            with m.If(writes[offset]):
                m.d.sync += register.eq(wdata)

    def _data_path(self, m: Module, transmitter: UartFifo, receiver: UartFifo) -> None:
        """Characters from THR to ``tx`` and from ``rx`` to RBR, or around in loopback."""
        dlab = _has(self._lcr, Lcr.DLAB)
        loop = _has(self._mcr, Mcr.LOOP)
        clears = self._writes[Register.FCR]
        toggles = _has(self._wdata, Fcr.ENABLE) != self._fifos_on
        for fifo, flag in ((transmitter, Fcr.CLEAR_TX), (receiver, Fcr.CLEAR_RX)):
            asked = _has(self._wdata, Fcr.ENABLE) & _has(self._wdata, flag)
            m.d.comb += [fifo.deep.eq(self._fifos_on), fifo.clear.eq(clears & (toggles | asked))]
        m.d.comb += [
            transmitter.w.payload.eq(self._wdata),
            transmitter.w.valid.eq(self._writes[Register.THR] & ~dlab),
            self.tx.payload.eq(transmitter.r.payload),
            receiver.r.ready.eq(self._reads[Register.RBR] & ~dlab),
        ]
        with m.If(loop):
            m.d.comb += [
                receiver.w.payload.eq(transmitter.r.payload),
                receiver.w.valid.eq(transmitter.r.valid),
                transmitter.r.ready.eq(receiver.w.ready),
            ]
        with m.Else():
            m.d.comb += [
                self.tx.valid.eq(transmitter.r.valid),
                transmitter.r.ready.eq(self.tx.ready),
                receiver.w.payload.eq(self.rx.payload),
                receiver.w.valid.eq(self.rx.valid),
                self.rx.ready.eq(receiver.w.ready),
            ]
        empty = transmitter.level == 0
        m.d.comb += [
            _has(self._lsr, Lsr.DR).eq(receiver.level != 0),
            _has(self._lsr, Lsr.THRE).eq(empty),
            _has(self._lsr, Lsr.TEMT).eq(empty),
        ]

    def _modem_status(self, m: Module) -> None:
        """MSR: the lines (CTS, DSR, RI, DCD) and what changed since the last read."""
        mcr = self._mcr
        looped = Cat(_has(mcr, flag) for flag in (Mcr.RTS, Mcr.DTR, Mcr.OUT1, Mcr.OUT2))
        lines = Signal(4)
        before = Signal(4, init=_LINES_UP)
        changes = Signal(4)
        kept = Signal(4)
        ri = int(Msr.RI) >> 4
        m.d.comb += [
            lines.eq(Mux(_has(mcr, Mcr.LOOP), looped, _LINES_UP)),
            changes.eq(kept | (lines ^ before) & (before | 0xF ^ ri)),
            self._msr.eq(Cat(changes, lines)),
        ]
        m.d.sync += [before.eq(lines), kept.eq(Mux(self._reads[Register.MSR], 0, changes))]

    def _interrupts(self, m: Module, transmitter: UartFifo, receiver: UartFifo) -> None:
        ier, iir = self._ier, self._iir
        dlab = _has(self._lcr, Lcr.DLAB)
        writes_ier = self._writes[Register.IER] & ~dlab
        with m.If(writes_ier):
            m.d.sync += ier.eq(self._wdata)

        # Transmitter: emptied, or enabled while empty; until it is identified or refilled
        empty = transmitter.level == 0
        was_empty = Signal(init=1)
        emptied = Signal()
        enabled = writes_ier & _has(self._wdata, Ier.ETBEI) & ~_has(ier, Ier.ETBEI)
        identified = self._reads[Register.IIR] & (iir == Iir.THR_EMPTY)
        m.d.sync += was_empty.eq(empty)
        with m.If(transmitter.w.valid | identified):
            m.d.sync += emptied.eq(0)
        with m.Elif(empty & (enabled | ~was_empty)):
            m.d.sync += emptied.eq(1)

        timed_out = self._receiver_timeout(m, receiver)
        threshold = Mux(self._fifos_on, Array(RX_TRIGGERS)[self._trigger], 1)
        with m.If(_has(ier, Ier.ERBFI) & (receiver.level >= threshold)):
            m.d.comb += iir.eq(Iir.DATA_AVAILABLE)
        with m.Elif(_has(ier, Ier.ERBFI) & timed_out):
            m.d.comb += iir.eq(Iir.TIMEOUT)
        with m.Elif(_has(ier, Ier.ETBEI) & emptied):
            m.d.comb += iir.eq(Iir.THR_EMPTY)
        with m.Elif(_has(ier, Ier.EDSSI) & self._msr[:4].any()):
            m.d.comb += iir.eq(Iir.MODEM_STATUS)
        m.d.comb += self.irq.eq(iir != Iir.NONE)

    def _receiver_timeout(self, m: Module, receiver: UartFifo) -> Signal:
        """Whether characters have lain in the FIFO unread and alone for too long."""
        idle = Signal(range(self.character_timeout + 1))
        timed_out = Signal()
        with m.If(receiver.r.ready | (receiver.level == 0) | ~self._fifos_on):
            m.d.sync += [idle.eq(0), timed_out.eq(0)]
        with m.Elif(receiver.w.valid & receiver.w.ready):
            m.d.sync += idle.eq(0)
        with m.Elif(idle == self.character_timeout):
            m.d.sync += timed_out.eq(1)
        with m.Else():
            m.d.sync += idle.eq(idle + 1)
        return timed_out
