"""AXI4 as a signature (AMBA AXI4, chapters A2 and A3), with the specification's signal names."""

from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["AxiBurst", "AxiResp", "AxiSignature"]


class AxiBurst(enum.Enum, shape=2):
    """AxBURST."""

    FIXED = 0
    INCR = 1
    WRAP = 2


class AxiResp(enum.Enum, shape=2):
    """xRESP."""

    OKAY = 0
    EXOKAY = 1
    SLVERR = 2
    DECERR = 3


class AxiSignature(wiring.Signature):
    """An AXI4 port seen from the manager (master); flip it for the subordinate.

    Attributes
    ----------
    addr_width, data_width, id_width: int
        Widths in bits. ``data_width`` is 64 in this machine.
    """

    def __init__(self, *, addr_width: int = 56, data_width: int = 64, id_width: int = 4) -> None:
        self.addr_width = addr_width
        self.data_width = data_width
        self.id_width = id_width
        address = {
            "id": id_width,
            "addr": addr_width,
            "len": 8,
            "size": 3,
            "burst": AxiBurst,
            "valid": 1,
        }
        members: dict[str, wiring.Member] = {}
        for channel in ("aw", "ar"):
            members |= {channel + name: Out(shape) for name, shape in address.items()}
            members[channel + "ready"] = In(1)
        members |= {
            "wdata": Out(data_width),
            "wstrb": Out(data_width // 8),
            "wlast": Out(1),
            "wvalid": Out(1),
            "wready": In(1),
            "bid": In(id_width),
            "bresp": In(AxiResp),
            "bvalid": In(1),
            "bready": Out(1),
            "rid": In(id_width),
            "rdata": In(data_width),
            "rresp": In(AxiResp),
            "rlast": In(1),
            "rvalid": In(1),
            "rready": Out(1),
        }
        super().__init__(members)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, AxiSignature)
            and self.addr_width == other.addr_width
            and self.data_width == other.data_width
            and self.id_width == other.id_width
        )

    def __repr__(self) -> str:
        return (
            f"AxiSignature(addr_width={self.addr_width}, data_width={self.data_width}, "
            f"id_width={self.id_width})"
        )
