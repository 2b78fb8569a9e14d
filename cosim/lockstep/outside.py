"""Devices that the model does not have: what they answer is the hardware's, whether they answer is stated."""

from rtl.isa.memory_map import VIRTIO_STRIDE

__all__ = ["VirtioWindow"]

_CONFIG = 0x100
"""Configuration space starts here; below it are registers of 32 bits (virtio 1.2, 4.2.2)."""


class VirtioWindow:
    """The virtio-mmio slots, as far as the hart can tell what happens at once: writes do nothing."""

    def read(self, offset: int, size: int) -> int:
        """Lockstep imposes what the hardware has read."""
        return 0

    def write(self, offset: int, size: int, value: int) -> None:
        """Effects come with the records, as writes to memory and as interrupts."""

    @staticmethod
    def accepts(offset: int, size: int) -> bool:
        """Whether an access is answered without an error."""
        return size == 4 or offset % VIRTIO_STRIDE >= _CONFIG
