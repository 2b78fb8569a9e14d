"""Accesses to devices: one AXI beat each, strictly in order."""

from amaranth import Module, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from rtl.bus.axi import AxiResp
from rtl.isa.paging import PA_BITS

__all__ = ["CACHE_ID_WIDTH", "DEVICE_ID", "LINE_ID", "DeviceAccess", "is_error"]

CACHE_ID_WIDTH = 3
LINE_ID = 0
"""AXI id of line fills and write-backs."""
DEVICE_ID = 1
"""AXI id of device accesses."""


class _State(enum.Enum, shape=2):
    IDLE = 0
    READ = 1
    WRITE = 2
    RESPONSE = 3


class DeviceAccess(wiring.Component):
    """Carries one uncached access to AXI and waits for its answer.

    The request (``valid``, ``write``, ``paddr``...) is held by the requester until ``done``, which comes in
    the cycle of the answer, with ``error``. Size, data and strobes on AXI are the held request's; the address
    is kept here (a fetch may be withdrawn).

    Members
    -------
    address: physical address of the access under way
    sending: write address or data are on the bus
    ar_*, r_*, aw_*, w_*, b_*: handshakes of the AXI channels (R and B: this access's id only)
    """

    valid: In(1)
    write: In(1)
    paddr: In(PA_BITS)
    address: Out(PA_BITS)
    done: Out(1)
    error: Out(1)
    sending: Out(1)
    ar_valid: Out(1)
    ar_ready: In(1)
    r_valid: In(1)
    r_resp: In(AxiResp)
    aw_valid: Out(1)
    aw_ready: In(1)
    w_valid: Out(1)
    w_ready: In(1)
    b_valid: In(1)
    b_resp: In(AxiResp)

    def elaborate(self, platform) -> Module:
        m = Module()
        state = Signal(_State)
        m.d.comb += self.sending.eq(state == _State.WRITE)
        with m.If(self.ar_ready):
            m.d.sync += self.ar_valid.eq(0)
        with m.If(self.aw_ready):
            m.d.sync += self.aw_valid.eq(0)
        with m.If(self.w_ready):
            m.d.sync += self.w_valid.eq(0)
        with m.Switch(state):
            with m.Case(_State.IDLE):
                m.d.sync += self.address.eq(self.paddr)
                with m.If(self.valid & self.write):
                    m.d.sync += [
                        state.eq(_State.WRITE),
                        self.aw_valid.eq(1),
                        self.w_valid.eq(1),
                    ]
                with m.Elif(self.valid):
                    m.d.sync += [state.eq(_State.READ), self.ar_valid.eq(1)]
            with m.Case(_State.READ), m.If(self.r_valid):
                m.d.comb += [self.done.eq(1), self.error.eq(is_error(self.r_resp))]
                m.d.sync += state.eq(_State.IDLE)
            with m.Case(_State.WRITE):
                with m.If((~self.aw_valid | self.aw_ready) & (~self.w_valid | self.w_ready)):
                    m.d.sync += state.eq(_State.RESPONSE)
            with m.Case(_State.RESPONSE), m.If(self.b_valid):
                m.d.comb += [self.done.eq(1), self.error.eq(is_error(self.b_resp))]
                m.d.sync += state.eq(_State.IDLE)
        return m


def is_error(resp):
    """SLVERR or DECERR."""
    return (resp == AxiResp.SLVERR) | (resp == AxiResp.DECERR)
