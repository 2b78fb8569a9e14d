"""A stand-in for the SoC: its ports, and instead of a core a little machine that runs scripted records.

The harness's own tests need a design that builds in seconds and whose every cycle can be told in advance.
A record is four 64-bit words, fetched as one burst: operation, address, data, unused.
"""

import struct

from amaranth import Module, Signal
from amaranth.lib import enum, stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.bus.axi import AxiBurst, AxiSignature
from rtl.bus.peripheral import PeripheralSignature
from rtl.core.interface import Events, Retire
from rtl.isa.memory_map import VIRTIO_SLOTS

__all__ = ["Op", "StandIn", "script"]


class Op(enum.Enum, shape=4):
    """What a record does."""

    HALT = 0
    PUT = 1
    STORE = 2
    FINISH = 3
    WAIT = 4
    ECHO = 5
    EXIT = 6
    ENTRY = 7
    LOAD = 8
    """Read a word at the address; go back to the start of the record until it is not zero."""


def script(*records: tuple[Op, int, int]) -> bytes:
    """The memory image of records ``(operation, address, data)``."""
    return b"".join(struct.pack("<4Q", op.value, address, data, 0) for op, address, data in records)


class StandIn(wiring.Component):
    """Ports of ``rtl.soc.Soc``."""

    def __init__(self) -> None:
        super().__init__(
            {
                "mem": Out(AxiSignature()),
                "dma": In(AxiSignature()),
                "ext": Out(PeripheralSignature()),
                "irq_ext": In(VIRTIO_SLOTS),
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
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        op, address, word, count = Signal(Op), Signal(64), Signal(64), Signal(64)
        offset, beat = Signal(64), Signal(2)
        mem = self.mem
        m.d.comb += [mem.arsize.eq(3), mem.awsize.eq(3), mem.arburst.eq(AxiBurst.INCR), mem.rready.eq(1)]
        m.d.comb += [mem.bready.eq(1), mem.wstrb.eq(0xFF), mem.wlast.eq(1)]
        m.d.comb += [mem.awaddr.eq(address), mem.wdata.eq(word), self.retire.mem_paddr.eq(address)]
        m.d.comb += [self.retire.mem_data.eq(word), self.retire.mem_size.eq(3), self.retire.pc.eq(offset)]
        m.d.comb += [self.uart_tx.payload.eq(word), self.finish_code.eq(word)]

        def done() -> None:
            m.d.comb += [self.retire.valid.eq(1), self.events.retire.eq(1)]
            m.d.sync += offset.eq(offset + 32)
            m.next = "fetch"

        with m.FSM():
            with m.State("fetch"):
                m.d.comb += [mem.arvalid.eq(1), mem.araddr.eq(self.boot_entry + offset), mem.arlen.eq(3)]
                m.d.sync += [beat.eq(0), count.eq(0)]
                with m.If(mem.arready):
                    m.next = "record"
            with m.State("record"):
                with m.If(mem.rvalid):
                    m.d.sync += beat.eq(beat + 1)
                    with m.Switch(beat):
                        with m.Case(0):
                            m.d.sync += op.eq(mem.rdata[:4])
                        with m.Case(1):
                            m.d.sync += address.eq(mem.rdata)
                        with m.Case(2):
                            m.d.sync += word.eq(mem.rdata)
                    with m.If(mem.rlast):
                        m.next = "act"
            with m.State("act"):
                self._act(m, op, word, count, done)
            with m.State("data"):
                m.d.comb += mem.wvalid.eq(1)
                with m.If(mem.wready):
                    m.next = "response"
            with m.State("response"):
                with m.If(mem.bvalid):
                    m.d.comb += self.retire.mem_write.eq(1)
                    done()
            with m.State("load"):
                m.d.comb += [mem.arvalid.eq(1), mem.araddr.eq(address)]
                with m.If(mem.arready):
                    m.next = "loaded"
            with m.State("loaded"):
                with m.If(mem.rvalid):
                    m.next = "load"
                    with m.If(mem.rdata != 0):
                        done()
            with m.State("echo"):
                m.d.comb += [self.uart_tx.valid.eq(1)]
                with m.If(self.uart_tx.ready):
                    done()
        return m

    def _act(self, m: Module, op: Signal, word: Signal, count: Signal, done) -> None:
        with m.Switch(op):
            with m.Case(Op.PUT):
                m.d.comb += self.uart_tx.valid.eq(1)
                with m.If(self.uart_tx.ready):
                    done()
            with m.Case(Op.STORE):
                m.d.comb += self.mem.awvalid.eq(1)
                with m.If(self.mem.awready):
                    m.next = "data"
            with m.Case(Op.FINISH):
                m.d.comb += [self.finish_valid.eq(1), self.wake.eq(1)]
            with m.Case(Op.WAIT):
                m.d.sync += count.eq(count + 1)
                with m.If(count == word):
                    done()
            with m.Case(Op.ECHO):
                m.d.comb += self.uart_rx.ready.eq(1)
                with m.If(self.uart_rx.valid):
                    m.d.sync += word.eq(self.uart_rx.payload)
                    m.next = "echo"
            with m.Case(Op.EXIT):
                m.d.comb += [self.events.vm_exit.eq(1), self.events.exit_cause.eq(word)]
                done()
            with m.Case(Op.ENTRY):
                m.d.comb += self.events.vm_entry.eq(1)
                done()
            with m.Case(Op.LOAD):
                m.next = "load"
