"""Registers across a bus, so that no path leads through it within a cycle."""

from amaranth import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.bus.axi import AxiSignature
from rtl.bus.axi_channels import ADDRESS, READ_DATA, RESPONSE, WRITE_DATA, forward

__all__ = ["AxiSlice", "StreamSlice"]


class StreamSlice(wiring.Component):
    """A transfer per cycle, each a cycle later; valid, ready and payload come from registers.

    Parameters
    ----------
    shape: of the payload

    Members
    -------
    input, output: streams
    """

    def __init__(self, shape) -> None:
        self.shape = shape
        super().__init__({"input": In(stream.Signature(shape)), "output": Out(stream.Signature(shape))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        source, sink = self.input, self.output
        spare, spare_valid = Signal(self.shape), Signal()
        """What came in the cycle in which the sink turned out not to be ready."""
        m.d.comb += source.ready.eq(~spare_valid)
        with m.If(~sink.valid | sink.ready):
            m.d.sync += [sink.valid.eq(source.valid), sink.p.eq(source.p)]
            with m.If(spare_valid):
                m.d.sync += [sink.valid.eq(1), sink.p.eq(spare), spare_valid.eq(0)]
        with m.Elif(source.ready):
            m.d.sync += [spare_valid.eq(source.valid), spare.eq(source.p)]
        return m


class AxiSlice(wiring.Component):
    """All five channels of an AXI port, each a cycle later.

    Members
    -------
    bus: the manager's port
    subordinate: to the subordinate
    """

    def __init__(self, *, addr_width: int = 56, id_width: int = 4) -> None:
        signature = AxiSignature(addr_width=addr_width, id_width=id_width)
        super().__init__({"bus": In(signature), "subordinate": Out(signature)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        address = ("id", *ADDRESS)
        for channel in ("aw", "ar"):
            self._channel(m, channel, self.bus, self.subordinate, [channel + name for name in address])
        self._channel(m, "w", self.bus, self.subordinate, WRITE_DATA)
        self._channel(m, "b", self.subordinate, self.bus, ("bid", *RESPONSE))
        self._channel(m, "r", self.subordinate, self.bus, ("rid", *READ_DATA))
        return m

    def _channel(self, m: Module, name: str, source, sink, payload) -> None:
        layout = data.StructLayout({each: getattr(source, each).shape() for each in payload})
        m.submodules[name] = register = StreamSlice(layout)
        m.d.comb += [
            register.input.valid.eq(getattr(source, name + "valid")),
            getattr(source, name + "ready").eq(register.input.ready),
            getattr(sink, name + "valid").eq(register.output.valid),
            register.output.ready.eq(getattr(sink, name + "ready")),
            *forward(register.input.p, source, payload),
            *forward(sink, register.output.p, payload),
        ]
