"""The system's wiring, with the test in the hart's place: addresses, interrupts, outside ports."""

import pytest
from amaranth.back import rtlil
from amaranth.sim import Simulator

from rtl.bus.axi import AxiResp
from rtl.config import SocConfig
from rtl.isa import plic as plic_map
from rtl.isa.memory_map import (
    BOOT_ROM,
    CLINT,
    CLINT_MSIP,
    CLINT_MTIME,
    CLINT_MTIMECMP,
    DRAM_BASE,
    DRAM_SIZE_MAX,
    FINISHER,
    FINISHER_FAIL,
    IOMMU,
    PLIC,
    UART,
    UART_IRQ,
    VIRTIO,
    VIRTIO_IRQ,
    VIRTIO_SLOTS,
    VIRTIO_STRIDE,
)
from rtl.isa.uart import Fcr, Ier, Lsr, Register
from rtl.platform.boot_rom import BOOT_DTB_OFFSET, BOOT_ENTRY_OFFSET, reset_code
from rtl.soc import Soc
from tests.platform.core_stub import CoreStub, Hart

M, S = 0, 1


def run(testbench, *processes) -> None:
    """Run ``testbench(ctx, hart, soc)``; the processes get the same and run in the background."""
    core = CoreStub()
    soc = Soc(SocConfig(cycles_per_tick=3), core=core)
    simulator = Simulator(soc)
    simulator.add_clock(1e-6)

    def bind(function):
        async def bound(ctx):
            await function(ctx, Hart(ctx, core.hart), soc)

        return bound

    simulator.add_testbench(bind(testbench))
    for process in processes:
        simulator.add_testbench(bind(process), background=True)
    simulator.run()


async def until(ctx, condition) -> None:
    """To the edge at which ``condition`` holds; unlike ``TickTrigger.until`` it may be cut off."""
    while True:
        _, _, met = await ctx.tick().sample(condition)
        if met:
            return


async def memory(ctx, hart, soc):
    """A DRAM that answers reads with the inverse of the address, and takes writes."""
    mem = soc.mem
    while True:
        ctx.set(mem.arready, 1)
        ctx.set(mem.awready, 1)
        _, _, read, addr, ident, write = await ctx.tick().sample(
            mem.arvalid, mem.araddr, mem.arid, mem.awvalid
        )
        ctx.set(mem.arready, 0)
        ctx.set(mem.awready, 0)
        if read:
            ctx.set(mem.rdata, ~addr & (1 << 64) - 1)
            ctx.set(mem.rid, ident)
            ctx.set(mem.rlast, 1)
            ctx.set(mem.rvalid, 1)
            await until(ctx, mem.rready)
            ctx.set(mem.rvalid, 0)
        elif write:
            ctx.set(mem.wready, 1)
            await until(ctx, mem.wvalid)
            ctx.set(mem.wready, 0)
            ctx.set(mem.bvalid, 1)
            await until(ctx, mem.bready)
            ctx.set(mem.bvalid, 0)


def test_dram_is_on_the_memory_port():
    async def testbench(ctx, hart, soc):
        for addr in (DRAM_BASE, DRAM_BASE + 0x1238, DRAM_BASE + DRAM_SIZE_MAX - 8):
            assert await hart.read(addr, 3) == ~addr & (1 << 64) - 1
        await hart.write(DRAM_BASE + 8, 1, 3)

    run(testbench, memory)


@pytest.mark.parametrize(
    "addr",
    [
        0,
        BOOT_ROM.end,
        FINISHER.end,
        IOMMU.base,
        PLIC.end,
        UART.end,
        VIRTIO.end,
        DRAM_BASE - 8,
        DRAM_BASE + DRAM_SIZE_MAX,
        DRAM_BASE + (1 << 32),
        (1 << 32) + UART.base,
        1 << 55,
    ],
)
def test_nothing_elsewhere(addr):
    async def testbench(ctx, hart, soc):
        assert await hart.fails(hart.read(addr, 3))
        assert await hart.fails(hart.write(addr, 0, 3))
        await hart.write(CLINT.base + CLINT_MSIP, 1)
        assert await hart.read(CLINT.base + CLINT_MSIP) == 1, "the bus lives on"

    run(testbench, memory)


def test_boot_rom_stands_at_the_reset_vector():
    code = reset_code()

    async def testbench(ctx, hart, soc):
        ctx.set(soc.boot_entry, 0x8020_0000)
        ctx.set(soc.boot_dtb, 0x8123_4560)
        words = [await hart.read(BOOT_ROM.base + at, 2) for at in range(0, len(code), 4)]
        assert b"".join(word.to_bytes(4, "little") for word in words) == code
        assert await hart.read(BOOT_ROM.base + BOOT_ENTRY_OFFSET, 3) == 0x8020_0000
        assert await hart.read(BOOT_ROM.base + BOOT_DTB_OFFSET, 3) == 0x8123_4560
        assert await hart.fails(hart.write(BOOT_ROM.base, 0))

    run(testbench)


def test_clint_reaches_the_hart():
    async def testbench(ctx, hart, soc):
        core = soc.core
        assert not ctx.get(core.lines.mtip) and not ctx.get(core.lines.msip)
        await hart.write(CLINT.base + CLINT_MTIME, 1000, 3)
        assert 1000 <= ctx.get(core.time) < 1010
        await hart.write(CLINT.base + CLINT_MTIMECMP, 1000, 3)
        await hart.write(CLINT.base + CLINT_MSIP, 1)
        assert ctx.get(core.lines.mtip) and ctx.get(core.lines.msip)
        start = ctx.get(core.time)
        await ctx.tick().repeat(30)
        assert ctx.get(core.time) == start + 10, "one tick in cycles_per_tick cycles"

    run(testbench)


async def _enable(hart, context: int, source: int) -> None:
    await hart.write(PLIC.base + plic_map.PRIORITY + 4 * source, 1)
    enable = PLIC.base + plic_map.ENABLE + plic_map.ENABLE_STRIDE * context
    await hart.write(enable + 4 * (source // 32), 1 << source % 32)


async def _claim(hart, context: int) -> int:
    return await hart.read(PLIC.base + plic_map.CONTEXT + plic_map.CONTEXT_STRIDE * context + plic_map.CLAIM)


@pytest.mark.parametrize(("context", "line"), [(M, "meip"), (S, "seip")])
@pytest.mark.parametrize("slot", range(VIRTIO_SLOTS))
def test_virtio_interrupts_come_through_the_plic(context, line, slot):
    async def testbench(ctx, hart, soc):
        await _enable(hart, context, VIRTIO_IRQ + slot)
        ctx.set(soc.irq_ext, 1 << slot)
        await ctx.tick().repeat(4)
        lines = soc.core.lines
        assert ctx.get(getattr(lines, line))
        assert ctx.get(lines.meip) + ctx.get(lines.seip) == 1
        assert await _claim(hart, context) == VIRTIO_IRQ + slot

    run(testbench)


def test_uart_sends_receives_and_interrupts():
    async def testbench(ctx, hart, soc):
        ctx.set(soc.uart_tx.ready, 1)
        await hart.write(UART.base + Register.FCR, Fcr.ENABLE, 0)
        await hart.write(UART.base + Register.IER, Ier.ERBFI, 0)
        await _enable(hart, S, UART_IRQ)
        ctx.set(soc.uart_tx.ready, 0)
        await hart.write(UART.base + Register.THR, ord("!"), 0)
        assert ctx.get(soc.uart_tx.valid) and ctx.get(soc.uart_tx.payload) == ord("!")
        assert not ctx.get(soc.core.lines.seip)
        ctx.set(soc.uart_rx.payload, ord("?"))
        ctx.set(soc.uart_rx.valid, 1)
        await ctx.tick()
        ctx.set(soc.uart_rx.valid, 0)
        await ctx.tick().repeat(4)
        assert ctx.get(soc.core.lines.seip) and await _claim(hart, S) == UART_IRQ
        assert await hart.read(UART.base + Register.LSR, 0) & Lsr.DR
        assert await hart.read(UART.base + Register.RBR, 0) == ord("?")

    run(testbench)


def test_finisher_ends_the_run():
    async def testbench(ctx, hart, soc):
        assert not ctx.get(soc.finish_valid) and not ctx.get(soc.wake)
        await hart.write(FINISHER.base, FINISHER_FAIL | 42 << 16)
        assert ctx.get(soc.finish_valid) and ctx.get(soc.wake)
        assert ctx.get(soc.finish_code) == FINISHER_FAIL | 42 << 16

    run(testbench)


def test_virtio_window_is_answered_outside():
    async def window(ctx, hart, soc):
        ext = soc.ext
        while True:
            await until(ctx, ext.valid & ~ext.ready)
            refused = ctx.get(ext.size) == 0
            ctx.set(ext.rdata, ctx.get(ext.addr) << 8 * (ctx.get(ext.addr) & 7))
            ctx.set(ext.error, refused)
            ctx.set(ext.ready, 1)
            await ctx.tick()
            ctx.set(ext.ready, 0)

    async def testbench(ctx, hart, soc):
        for slot in range(VIRTIO_SLOTS):
            offset = slot * VIRTIO_STRIDE + 0x74
            assert await hart.read(VIRTIO.base + offset) == offset
        assert await hart.fails(hart.read(VIRTIO.base, 0))
        await hart.write(VIRTIO.base, 1)

    run(testbench, window)


def test_dma_goes_into_the_core_complex():
    async def testbench(ctx, hart, soc):
        ctx.set(soc.dma.araddr, 0x8000_1234)
        ctx.set(soc.dma.arvalid, 1)
        ctx.set(soc.core.dma.rresp, AxiResp.SLVERR)
        await ctx.tick()
        assert ctx.get(soc.core.dma.arvalid) and ctx.get(soc.core.dma.araddr) == 0x8000_1234
        assert ctx.get(soc.dma.rresp) == AxiResp.SLVERR

    run(testbench)


def test_elaborates_to_a_netlist():
    text = rtlil.convert(Soc(SocConfig(), core=CoreStub()), emit_src=False)
    for part in ("router", "bridge", "decoder", "boot_rom", "finisher", "clint", "plic", "uart"):
        assert f"cell \\top.{part} " in text
