"""Physical addresses of the platform: the memory map of QEMU's ``virt`` machine."""

from dataclasses import dataclass

__all__ = [
    "BOOT_ROM",
    "CLINT",
    "CLINT_MSIP",
    "CLINT_MTIME",
    "CLINT_MTIMECMP",
    "DEVICES",
    "DRAM",
    "DRAM_BASE",
    "DRAM_SIZE_MAX",
    "DRAM_SIZE_MIN",
    "FINISHER",
    "FINISHER_FAIL",
    "FINISHER_PASS",
    "FINISHER_RESET",
    "IOMMU",
    "IOMMU_IRQ",
    "MAPPED_BITS",
    "PERIPHERALS",
    "PLIC",
    "PLIC_SOURCES",
    "TIMEBASE_HZ",
    "UART",
    "UART_IRQ",
    "VIRTIO",
    "VIRTIO_IRQ",
    "VIRTIO_SLOTS",
    "VIRTIO_STRIDE",
    "Region",
]


@dataclass(frozen=True)
class Region:
    """A range of physical addresses: ``base`` and ``size`` in bytes."""

    name: str
    base: int
    size: int

    @property
    def end(self) -> int:
        """First address after the region."""
        return self.base + self.size

    def __contains__(self, address: int) -> bool:
        return self.base <= address < self.end


BOOT_ROM = Region("boot_rom", 0x1000, 0xF000)
FINISHER = Region("finisher", 0x10_0000, 0x1000)
CLINT = Region("clint", 0x200_0000, 0x1_0000)
IOMMU = Region("iommu", 0x301_0000, 0x1000)
PLIC = Region("plic", 0xC00_0000, 0x60_0000)
UART = Region("uart", 0x1000_0000, 0x100)
VIRTIO = Region("virtio", 0x1000_1000, 0x8000)
"""All virtio-mmio slots; slot n stands at ``VIRTIO.base + n * VIRTIO_STRIDE``."""

DEVICES = (BOOT_ROM, FINISHER, CLINT, IOMMU, PLIC, UART, VIRTIO)

VIRTIO_SLOTS = 8
VIRTIO_STRIDE = 0x1000
VIRTIO_IRQ = 1
"""PLIC source of slot 0; slot n has ``VIRTIO_IRQ + n``."""
UART_IRQ = 10
IOMMU_IRQ = 36
PLIC_SOURCES = 53
"""Interrupt sources 1..53, as on QEMU's virt."""

CLINT_MSIP = 0x0
CLINT_MTIMECMP = 0x4000
CLINT_MTIME = 0xBFF8

FINISHER_FAIL = 0x3333
FINISHER_PASS = 0x5555
FINISHER_RESET = 0x7777

DRAM_BASE = 0x8000_0000
DRAM_SIZE_MIN = 16 << 20
DRAM_SIZE_MAX = 1 << 30
DRAM = Region("dram", DRAM_BASE, DRAM_SIZE_MAX)
PERIPHERALS = Region("peripherals", 0, DRAM_BASE)
"""Everything below DRAM; the devices stand in it."""
MAPPED_BITS = (DRAM.end - 1).bit_length()
"""Physical addresses with more bits than this belong to nothing: every access to one is an access fault."""

TIMEBASE_HZ = 10_000_000
"""Frequency of ``mtime`` as the device tree states it."""
