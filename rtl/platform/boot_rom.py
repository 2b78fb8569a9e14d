"""Boot ROM: the code at the reset vector, and where it finds the program and the device tree."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In

from rtl.bus.peripheral import PeripheralSignature
from rtl.isa.csrs import CSRS
from rtl.isa.instructions import INSTRUCTIONS

__all__ = ["BOOT_DTB_OFFSET", "BOOT_ENTRY_OFFSET", "BootRom", "reset_code"]

BOOT_ENTRY_OFFSET = 0x18
"""Offset of the 64-bit word with the address of the first instruction after the ROM."""
BOOT_DTB_OFFSET = 0x20
"""Offset of the 64-bit word with the address of the device tree."""

_T0, _A0, _A1 = 5, 10, 11


def reset_code() -> bytes:
    """The default contents: a0 = mhartid, a1 = device tree, jump to the entry, as QEMU's ``virt`` does."""

    def encode(name: str, *, rd: int = 0, rs1: int = 0, imm: int = 0) -> int:
        return INSTRUCTIONS[name].match | rd << 7 | rs1 << 15 | imm << 20

    words = [
        encode("auipc", rd=_T0),
        encode("csrrs", rd=_A0, imm=CSRS["mhartid"].number),
        encode("ld", rd=_A1, rs1=_T0, imm=BOOT_DTB_OFFSET),
        encode("ld", rd=_T0, rs1=_T0, imm=BOOT_ENTRY_OFFSET),
        encode("jalr", rs1=_T0),
    ]
    return b"".join(word.to_bytes(4, "little") for word in words)


class BootRom(wiring.Component):
    """Read-only memory whose words at 0x18 and 0x20 are the input ports ``boot_entry`` and ``boot_dtb``.

    So the loader, not the hardware build, says where the program starts. Any size of access; offsets after
    the contents read 0; writes are refused. Answers in the cycle after the request.

    Parameters
    ----------
    image: bytes
        Contents from offset 0. What it holds at the two words is never seen.
    """

    bus: In(PeripheralSignature())
    boot_entry: In(64)
    boot_dtb: In(64)

    def __init__(self, image: bytes | None = None) -> None:
        self.image = reset_code() if image is None else bytes(image)
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bus = self.bus
        padded = self.image + bytes(-len(self.image) % 8)
        words = [int.from_bytes(padded[at : at + 8], "little") for at in range(0, len(padded), 8)] or [0]
        m.submodules.memory = memory = Memory(shape=64, depth=len(words), init=words)
        port = memory.read_port()

        index = bus.addr[3:]
        answer = Signal()
        m.d.sync += answer.eq(bus.valid & ~answer)
        m.d.comb += [
            port.addr.eq(index),
            port.en.eq(bus.valid),
            bus.ready.eq(answer),
            bus.error.eq(bus.write),
        ]
        with m.If(index == BOOT_ENTRY_OFFSET >> 3):
            m.d.comb += bus.rdata.eq(self.boot_entry)
        with m.Elif(index == BOOT_DTB_OFFSET >> 3):
            m.d.comb += bus.rdata.eq(self.boot_dtb)
        with m.Elif(index < len(words)):
            m.d.comb += bus.rdata.eq(port.data)
        return m
