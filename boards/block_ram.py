"""Memory made of the FPGA's block RAMs."""

from collections.abc import Mapping

from amaranth import Module, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In

from rtl.bus.axi import AxiResp, AxiSignature
from rtl.bus.burst import BurstCounter

__all__ = ["AxiBlockRam", "words"]

_BYTES = 8


class _State(enum.Enum, shape=2):
    IDLE = 0
    READ = 1
    WRITE = 2
    RESPONSE = 3


def words(base: int, size: int, segments: Mapping[int, bytes]) -> list[int]:
    """``segments`` (bytes by address) as the 64-bit words of a memory of ``size`` bytes at ``base``.

    Raises
    ------
    ValueError: a segment does not lie inside of the memory
    """
    image = bytearray(size)
    for address, content in segments.items():
        start = address - base
        if start < 0 or start + len(content) > size:
            raise ValueError(
                f"the program has {len(content)} bytes at {address:#x}, but the memory is {size // 1024} KiB "
                f"at {base:#x}"
            )
        image[start : start + len(content)] = content
    return [int.from_bytes(image[at : at + _BYTES], "little") for at in range(0, size, _BYTES)]


class AxiBlockRam(wiring.Component):
    """An AXI4 memory of ``size`` bytes at ``base``; a beat per cycle, the first one two cycles after the
    address. One burst at a time; a write goes before a read that comes in the same cycle. A burst outside of
    the memory is answered with DECERR (AMBA AXI4, A3.4.4).

    Parameters
    ----------
    base: int
        Physical address of the first byte, a multiple of ``size``.
    size: int
        Bytes, a power of two and at least 4096: no burst crosses its end (A3.4.1).
    init: list of int
        Initial 64-bit words.
    cut: bool
        As :class:`BurstCounter` says.
    """

    def __init__(
        self,
        *,
        base: int,
        size: int,
        init: list[int] | None = None,
        addr_width: int = 56,
        id_width: int = 4,
        cut: bool = False,
    ) -> None:
        if size < 4096 or size & (size - 1):
            raise ValueError(f"size must be a power of two of at least 4096 bytes, not {size}")
        if base % size:
            raise ValueError(f"base must be a multiple of the size {size:#x}, not {base:#x}")
        self.base = base
        self.size = size
        self.init = init or []
        self.addr_width = addr_width
        self.cut = cut
        super().__init__({"bus": In(AxiSignature(addr_width=addr_width, id_width=id_width))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bus = self.bus
        m.submodules.burst = burst = BurstCounter(self.addr_width, cut=self.cut)
        m.submodules.memory = memory = Memory(shape=64, depth=self.size // _BYTES, init=self.init)
        read, write = memory.read_port(), memory.write_port(granularity=8)
        state = Signal(_State)
        ident = Signal.like(bus.arid)
        outside = Signal()
        fetching = Signal()
        """Beats are left to be read from the memory."""
        advance = Signal()
        index = burst.address[3 : (self.size - 1).bit_length()]
        m.d.comb += [
            outside.eq(burst.address[(self.size - 1).bit_length() :] != self.base // self.size),
            bus.awready.eq(state == _State.IDLE),
            bus.arready.eq((state == _State.IDLE) & ~bus.awvalid),
            advance.eq(fetching & (~bus.rvalid | bus.rready)),
            read.addr.eq(index),
            read.en.eq(advance),
            bus.rdata.eq(read.data),
            bus.rid.eq(ident),
            write.addr.eq(index),
            write.data.eq(bus.wdata),
            bus.wready.eq(state == _State.WRITE),
            bus.bid.eq(ident),
            bus.bvalid.eq(state == _State.RESPONSE),
        ]
        with m.If(bus.wready & bus.wvalid & ~outside):
            m.d.comb += write.en.eq(bus.wstrb)
        with m.Switch(state):
            with m.Case(_State.IDLE):
                with m.If(bus.awvalid):
                    m.d.sync += state.eq(_State.WRITE)
                    self._load(m, burst, ident, "aw")
                with m.Elif(bus.arvalid):
                    m.d.sync += [state.eq(_State.READ), fetching.eq(1)]
                    self._load(m, burst, ident, "ar")
            with m.Case(_State.READ):
                with m.If(advance):
                    m.d.comb += burst.step.eq(1)
                    m.d.sync += [bus.rvalid.eq(1), bus.rlast.eq(burst.last), fetching.eq(~burst.last)]
                    m.d.sync += bus.rresp.eq(outside.replicate(2) & AxiResp.DECERR.value)
                with m.Elif(bus.rready):
                    m.d.sync += [bus.rvalid.eq(0), state.eq(_State.IDLE)]
            with m.Case(_State.WRITE):
                with m.If(bus.wvalid):
                    m.d.comb += burst.step.eq(1)
                    m.d.sync += bus.bresp.eq(outside.replicate(2) & AxiResp.DECERR.value)
                    with m.If(bus.wlast):
                        m.d.sync += state.eq(_State.RESPONSE)
            with m.Case(_State.RESPONSE):
                with m.If(bus.bready):
                    m.d.sync += state.eq(_State.IDLE)
        return m

    def _load(self, m: Module, burst: BurstCounter, ident: Signal, channel: str) -> None:
        """Take the address of ``channel``."""
        bus = self.bus
        m.d.comb += burst.load.eq(1)
        m.d.comb += [
            getattr(burst, name).eq(getattr(bus, channel + name)) for name in ("addr", "len", "size", "burst")
        ]
        m.d.sync += ident.eq(getattr(bus, channel + "id"))
