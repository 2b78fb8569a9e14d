# amaranth: UnusedElaboratable=no
"""UART 16550A against the PC16550D data sheet, and Linux's probe of it."""

import pytest

from rtl.isa.uart import Fcr, Ier, Iir, Lcr, Lsr, Mcr, Msr, Register
from rtl.platform.uart import Uart16550
from tests.platform.bus import simulate

_TIMEOUT = 40


class Driver:
    """The UART's registers, what it sent and what it is sent."""

    def __init__(self, ctx, bus, uart) -> None:
        self.ctx, self.bus, self.uart = ctx, bus, uart
        self.sent = bytearray()

    async def read(self, register: int) -> int:
        return await self.bus.read(register, 0)

    async def write(self, register: int, value: int) -> None:
        await self.bus.write(register, value, 0)

    async def interrupt(self) -> Iir:
        """Identify, as a handler does; the line must agree."""
        line = self.ctx.get(self.uart.irq)
        identified = Iir(await self.read(Register.IIR) & 0xF)
        assert line == (identified != Iir.NONE)
        return identified

    async def receive(self, data: bytes) -> int:
        """Offer characters on the line; returns how many the receiver took."""
        for count, byte in enumerate(data):
            self.ctx.set(self.uart.rx.payload, byte)
            self.ctx.set(self.uart.rx.valid, 1)
            ready = self.ctx.get(self.uart.rx.ready)
            if not ready:
                self.ctx.set(self.uart.rx.valid, 0)
                return count
            await self.ctx.tick()
        self.ctx.set(self.uart.rx.valid, 0)
        return len(data)

    def line_ready(self, ready: bool) -> None:
        self.ctx.set(self.uart.tx.ready, ready)


def run(testbench, *, line_ready: bool = True) -> None:
    uart = Uart16550(character_timeout=_TIMEOUT)
    drivers = []

    async def body(ctx, bus):
        driver = Driver(ctx, bus, uart)
        drivers.append(driver)
        driver.line_ready(line_ready)
        await testbench(driver)

    async def line(ctx):
        while True:
            _, _, valid, ready, payload = await ctx.tick().sample(
                uart.tx.valid, uart.tx.ready, uart.tx.payload
            )
            if valid and ready:
                drivers[0].sent.append(payload)

    simulate(uart, body, line)


def test_reset_state():
    async def testbench(uart):
        assert await uart.read(Register.IER) == 0
        assert await uart.read(Register.IIR) == Iir.NONE
        assert await uart.read(Register.LCR) == 0
        assert await uart.read(Register.MCR) == 0
        assert await uart.read(Register.LSR) == Lsr.THRE | Lsr.TEMT
        assert await uart.read(Register.MSR) == Msr.CTS | Msr.DSR | Msr.DCD
        assert uart.ctx.get(uart.uart.irq) == 0

    run(testbench)


def test_registers_hold_their_bits_only():
    async def testbench(uart):
        for register, mask in ((Register.IER, 0x0F), (Register.LCR, 0x7F), (Register.MCR, 0x1F)):
            await uart.write(register, mask | ~mask & 0x7F)
            assert await uart.read(register) == mask
            await uart.write(register, 0)
            assert await uart.read(register) == 0
        for value in (0xA5, 0x5A, 0):
            await uart.write(Register.SCR, value)
            assert await uart.read(Register.SCR) == value
        assert await uart.bus.read(8, 0) == 0

    run(testbench)


def test_divisor_latch_stands_before_the_data_registers():
    async def testbench(uart):
        await uart.write(Register.IER, Ier.ERBFI)
        await uart.write(Register.LCR, Lcr.DLAB | 3)
        await uart.write(Register.DLL, 0x34)
        await uart.write(Register.DLM, 0x12)
        assert await uart.read(Register.DLL) == 0x34 and await uart.read(Register.DLM) == 0x12
        await uart.write(Register.LCR, 3)
        assert await uart.read(Register.IER) == Ier.ERBFI
        assert await uart.read(Register.RBR) == 0
        await uart.ctx.tick().repeat(4)
        assert uart.sent == b"", "writing the divisor sends nothing"

    run(testbench)


@pytest.mark.parametrize("fifos", [False, True])
def test_characters_leave_in_order(fifos):
    async def testbench(uart):
        await uart.write(Register.FCR, Fcr.ENABLE if fifos else 0)
        for byte in b"Hello":
            while not await uart.read(Register.LSR) & Lsr.THRE:
                pass
            await uart.write(Register.THR, byte)
        await uart.ctx.tick().repeat(4)
        assert uart.sent == b"Hello"
        assert await uart.read(Register.LSR) & Lsr.TEMT

    run(testbench)


def test_transmitter_holds_sixteen_characters_in_fifo_mode_and_one_without():
    async def testbench(uart):
        await uart.write(Register.FCR, Fcr.ENABLE)
        for byte in range(20):
            await uart.write(Register.THR, byte)
        assert not await uart.read(Register.LSR) & (Lsr.THRE | Lsr.TEMT)
        uart.line_ready(True)
        await uart.ctx.tick().repeat(20)
        assert uart.sent == bytes(range(16))
        uart.line_ready(False)
        await uart.write(Register.FCR, 0)
        await uart.write(Register.THR, 1)
        await uart.write(Register.THR, 2)
        uart.line_ready(True)
        await uart.ctx.tick().repeat(4)
        assert uart.sent == bytes([*range(16), 1])

    run(testbench, line_ready=False)


def test_thr_empty_interrupt():
    async def testbench(uart):
        await uart.write(Register.IER, Ier.ETBEI)
        assert await uart.interrupt() == Iir.THR_EMPTY, "enabling while empty interrupts"
        assert await uart.interrupt() == Iir.NONE, "identifying it clears it"
        await uart.write(Register.IER, Ier.ETBEI)
        assert await uart.interrupt() == Iir.NONE, "only enabling anew interrupts"
        await uart.write(Register.THR, 65)
        await uart.ctx.tick().repeat(4)
        assert await uart.interrupt() == Iir.THR_EMPTY
        await uart.write(Register.THR, 66)
        uart.line_ready(False)
        await uart.ctx.tick().repeat(4)
        await uart.interrupt()
        await uart.write(Register.THR, 67)
        assert await uart.interrupt() == Iir.NONE
        await uart.write(Register.IER, 0)
        await uart.write(Register.IER, Ier.ETBEI)
        assert await uart.interrupt() == Iir.NONE, "nothing to say while full"
        uart.line_ready(True)
        await uart.ctx.tick().repeat(4)
        assert await uart.interrupt() == Iir.THR_EMPTY

    run(testbench)


def test_writing_thr_withdraws_its_interrupt():
    async def testbench(uart):
        await uart.write(Register.IER, Ier.ETBEI)
        assert uart.ctx.get(uart.uart.irq)
        await uart.write(Register.THR, 65)
        assert not uart.ctx.get(uart.uart.irq)

    run(testbench, line_ready=False)


@pytest.mark.parametrize(("trigger", "level"), [(0, 1), (1, 4), (2, 8), (3, 14)])
def test_receiver_interrupts_at_the_trigger_level(trigger, level):
    async def testbench(uart):
        await uart.write(Register.FCR, Fcr.ENABLE | trigger << 6)
        await uart.write(Register.IER, Ier.ERBFI)
        assert await uart.receive(bytes(range(level - 1))) == level - 1
        assert await uart.interrupt() == Iir.NONE
        await uart.receive(b"x")
        assert await uart.interrupt() == Iir.DATA_AVAILABLE
        assert await uart.interrupt() == Iir.DATA_AVAILABLE, "reading IIR does not clear it"
        assert await uart.read(Register.RBR) == (0 if level > 1 else ord("x"))
        assert await uart.interrupt() == Iir.NONE

    run(testbench)


def test_receiver_times_out_below_the_trigger_level():
    async def testbench(uart):
        await uart.write(Register.FCR, Fcr.ENABLE | 3 << 6)
        await uart.write(Register.IER, Ier.ERBFI)
        await uart.receive(b"a")
        await uart.ctx.tick().repeat(_TIMEOUT - 5)
        assert await uart.interrupt() == Iir.NONE
        await uart.receive(b"b")
        await uart.ctx.tick().repeat(_TIMEOUT - 5)
        assert await uart.interrupt() == Iir.NONE, "a character starts the time anew"
        await uart.ctx.tick().repeat(10)
        assert await uart.interrupt() == Iir.TIMEOUT
        assert await uart.read(Register.RBR) == ord("a")
        assert await uart.interrupt() == Iir.NONE
        await uart.ctx.tick().repeat(_TIMEOUT + 5)
        assert await uart.interrupt() == Iir.TIMEOUT
        assert await uart.read(Register.RBR) == ord("b")
        await uart.ctx.tick().repeat(_TIMEOUT + 5)
        assert await uart.interrupt() == Iir.NONE, "an empty FIFO does not time out"

    run(testbench)


def test_receiver_without_fifos_holds_one_character():
    async def testbench(uart):
        await uart.write(Register.IER, Ier.ERBFI)
        assert await uart.receive(b"ab") == 1
        assert await uart.read(Register.LSR) & Lsr.DR
        assert await uart.interrupt() == Iir.DATA_AVAILABLE
        assert await uart.read(Register.RBR) == ord("a")
        assert not await uart.read(Register.LSR) & Lsr.DR
        assert await uart.interrupt() == Iir.NONE

    run(testbench)


def test_receiver_holds_sixteen_and_then_holds_the_line_back():
    async def testbench(uart):
        await uart.write(Register.FCR, Fcr.ENABLE)
        assert await uart.receive(bytes(range(20))) == 16
        assert [await uart.read(Register.RBR) for _ in range(16)] == list(range(16))
        assert not await uart.read(Register.LSR) & (Lsr.DR | Lsr.OE)

    run(testbench)


def test_fifo_control_clears():
    async def testbench(uart):
        fill, full = b"abc", Fcr.ENABLE

        async def load():
            await uart.receive(fill)
            await uart.write(Register.THR, 1)
            lsr = await uart.read(Register.LSR)
            assert lsr & Lsr.DR and not lsr & Lsr.THRE

        await uart.write(Register.FCR, full)
        await load()
        await uart.write(Register.FCR, full | Fcr.CLEAR_RX)
        assert await uart.read(Register.LSR) & (Lsr.DR | Lsr.THRE) == 0
        await uart.receive(fill)
        await uart.write(Register.FCR, full | Fcr.CLEAR_TX)
        assert await uart.read(Register.LSR) & (Lsr.DR | Lsr.THRE) == Lsr.DR | Lsr.THRE
        await uart.write(Register.THR, 1)
        await uart.write(Register.FCR, 0)
        assert await uart.read(Register.LSR) & (Lsr.DR | Lsr.THRE) == Lsr.THRE, "leaving FIFO mode clears"
        await uart.receive(fill)
        await uart.write(Register.FCR, Fcr.CLEAR_RX)
        assert await uart.read(Register.LSR) & Lsr.DR, "clear bits count with the enable bit only"
        await uart.write(Register.FCR, full)
        assert not await uart.read(Register.LSR) & Lsr.DR, "entering FIFO mode clears"
        uart.line_ready(True)
        await uart.ctx.tick().repeat(4)
        assert uart.sent == b""

    run(testbench, line_ready=False)


def test_interrupts_come_in_order_of_priority():
    async def testbench(uart):
        await uart.write(Register.MCR, Mcr.LOOP)
        await uart.write(Register.MCR, 0)
        await uart.receive(b"a")
        await uart.write(Register.IER, Ier.ERBFI | Ier.ETBEI | Ier.EDSSI)
        assert await uart.interrupt() == Iir.DATA_AVAILABLE
        await uart.read(Register.RBR)
        assert await uart.interrupt() == Iir.THR_EMPTY
        assert await uart.interrupt() == Iir.MODEM_STATUS
        await uart.read(Register.MSR)
        assert await uart.interrupt() == Iir.NONE

    run(testbench)


def test_loopback_sends_to_the_receiver_and_control_to_status():
    async def testbench(uart):
        await uart.write(Register.FCR, Fcr.ENABLE)
        await uart.write(Register.MCR, Mcr.LOOP)
        for byte in b"loop":
            await uart.write(Register.THR, byte)
        assert await uart.receive(b"z") == 0, "the line is cut"
        await uart.ctx.tick().repeat(4)
        assert bytes([await uart.read(Register.RBR) for _ in range(4)]) == b"loop"
        assert uart.sent == b""
        pairs = ((Mcr.RTS, Msr.CTS), (Mcr.DTR, Msr.DSR), (Mcr.OUT1, Msr.RI), (Mcr.OUT2, Msr.DCD))
        for control, status in pairs:
            await uart.write(Register.MCR, Mcr.LOOP | control)
            await uart.ctx.tick()
            assert await uart.read(Register.MSR) & 0xF0 == status

    run(testbench)


def test_modem_changes_are_kept_until_read():
    async def testbench(uart):
        await uart.write(Register.MCR, Mcr.LOOP | Mcr.RTS | Mcr.DTR | Mcr.OUT2)
        await uart.ctx.tick()
        assert await uart.read(Register.MSR) & 0x0F == 0, "the lines stand as before"
        await uart.write(Register.MCR, Mcr.LOOP | Mcr.RTS | Mcr.OUT1 | Mcr.OUT2)
        await uart.ctx.tick()
        assert await uart.read(Register.MSR) & 0x0F == Msr.DDSR, "the start of ringing is no event"
        await uart.write(Register.MCR, Mcr.LOOP)
        await uart.ctx.tick()
        assert await uart.read(Register.MSR) == Msr.DCTS | Msr.TERI | Msr.DDCD
        assert await uart.read(Register.MSR) == 0

    run(testbench)


def test_linux_probe_finds_a_16550a():
    """The steps of the 8250 driver's autoconfiguration: IER, loopback, FIFO bits, no 16650 or 16750."""

    async def testbench(uart):
        await uart.write(Register.IER, 0)
        assert await uart.read(Register.IER) == 0
        await uart.write(Register.IER, 0x0F)
        assert await uart.read(Register.IER) & 0x0F == 0x0F
        await uart.write(Register.IER, 0)
        await uart.write(Register.MCR, 0x1A)
        assert await uart.read(Register.MSR) & 0xF0 == 0x90
        await uart.write(Register.MCR, 0)
        await uart.write(Register.LCR, 0xBF)
        await uart.write(Register.FCR, 0)
        await uart.write(Register.LCR, 0)
        await uart.write(Register.FCR, Fcr.ENABLE)
        assert await uart.read(Register.IIR) >> 6 == 3, "a 16550A"
        await uart.write(Register.LCR, 0x80)
        assert await uart.read(Register.FCR) != 0, "no enhanced feature register"
        await uart.write(Register.LCR, 0)
        await uart.write(Register.FCR, Fcr.ENABLE | 0x20)
        assert await uart.read(Register.IIR) >> 5 == 6, "no 64-byte FIFO"
        await uart.write(Register.IER, 0x40)
        assert await uart.read(Register.IER) == 0, "no UUE bit"

    run(testbench)


def test_wide_access_reaches_one_register():
    async def testbench(uart):
        await uart.write(Register.FCR, Fcr.ENABLE)
        await uart.receive(b"ab")
        assert await uart.bus.read(0, 2) == ord("a")
        assert await uart.bus.read(0, 3) == ord("b")
        await uart.bus.write(4, 0x0000_5502, 2)
        assert await uart.read(Register.MCR) == 2
        assert await uart.bus.read(4, 2) == 2

    run(testbench)


def test_character_timeout_is_checked():
    with pytest.raises(ValueError, match="character_timeout must be at least 1, not 0"):
        Uart16550(character_timeout=0)
