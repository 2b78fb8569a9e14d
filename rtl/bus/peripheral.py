"""The register bus from the AXI bridge to the platform's devices."""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["PeripheralSignature"]


class PeripheralSignature(wiring.Signature):
    """One access at a time, seen from the bridge.

    The bridge raises ``valid`` and holds the request until the device answers with ``ready`` for one
    cycle (in the same cycle at the earliest); ``rdata`` and ``error`` are sampled with ``ready``.

    Members
    -------
    addr: offset in the device, in bytes (whole physical address at the bridge, below 4 GiB)
    size: log2 of the access size in bytes, 0..3; the access is naturally aligned
    write: 1 for a write
    wdata, wstrb: data in its byte lanes of the aligned 64-bit word, and the lanes' strobes
    rdata: the aligned 64-bit word; lanes outside the access are ignored
    error: the access is refused (becomes SLVERR, then an access fault)
    """

    def __init__(self, *, addr_width: int = 32) -> None:
        self.addr_width = addr_width
        super().__init__(
            {
                "valid": Out(1),
                "addr": Out(addr_width),
                "size": Out(2),
                "write": Out(1),
                "wdata": Out(64),
                "wstrb": Out(8),
                "ready": In(1),
                "rdata": In(64),
                "error": In(1),
            }
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PeripheralSignature) and self.addr_width == other.addr_width

    def __repr__(self) -> str:
        return f"PeripheralSignature(addr_width={self.addr_width})"
