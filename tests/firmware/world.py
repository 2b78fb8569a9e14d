"""The hypervisor under CPython: a fake machine with VMs, as `start` leaves it before the first entry."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager

from firmware import bootinfo
from firmware.hypervisor.main import start
from firmware.hypervisor.vm import slots
from firmware.lang import ptr
from firmware.lang.machine import Machine
from rtl.isa.memory_map import FINISHER, PLIC, UART

__all__ = ["BACKING", "RAM", "PowerOff", "World", "world"]

RAM = 4 << 20
BACKING = bootinfo.POOL_END
_POOL_PAGES = 32


class PowerOff(Exception):
    """The firmware wrote ``value`` to the finisher."""

    def __init__(self, value: int) -> None:
        super().__init__(hex(value))
        self.value = value


class World:
    """The machine and what its devices saw: ``console`` was sent, ``typed`` waits to be received."""

    def __init__(self, count: int, flags: int = 0, vm_flags: int = 0, ram: int = RAM) -> None:
        self.machine = Machine()
        self.console = bytearray()
        self.typed = bytearray()
        self.plic: list[tuple[int, int]] = []
        self.plic_claim = 0
        machine = self.machine
        machine.mmio(UART.base, UART.size, self._uart_read, self._uart_write)
        machine.mmio(
            PLIC.base, PLIC.size, self._plic_read, lambda at, size, value: self.plic.append((at, value))
        )
        machine.mmio(FINISHER.base, FINISHER.size, write=self._finish)
        machine.map(bootinfo.HYPERVISOR_INFO, 0x1000)
        machine.map(bootinfo.POOL_BASE, _POOL_PAGES * 4096)
        machine.map(BACKING, count * ram)
        vms = []
        for number in range(count):
            vms += [BACKING + number * ram, ram, 0x8000_0000, 0x8000_0000 + ram - 4096, vm_flags]
        info = struct.pack(
            f"<{6 + len(vms)}Q",
            bootinfo.HYPERVISOR_MAGIC,
            flags,
            count,
            1000,
            bootinfo.POOL_BASE,
            bootinfo.POOL_BASE + _POOL_PAGES * 4096,
            *vms,
        )
        machine.write_bytes(bootinfo.HYPERVISOR_INFO, info)

    def _uart_read(self, address: int, size: int) -> int:
        register = address - UART.base
        if register == 0:
            return self.typed.pop(0)
        if register == 5:
            return 0x60 | bool(self.typed)
        return 0

    def _uart_write(self, address: int, size: int, value: int) -> None:
        if address == UART.base:
            self.console.append(value)

    def _plic_read(self, address: int, size: int) -> int:
        return self.plic_claim if address == PLIC.base + 0x20_1004 else 0

    def _finish(self, address: int, size: int, value: int) -> None:
        raise PowerOff(value)

    def vcpu(self, number: int):
        """A vCPU as the firmware's own pointer."""
        return slots[number].vcpu


@contextmanager
def world(count: int = 1, **options: int) -> Iterator[World]:
    """A world of ``count`` VMs with vCPU 0 on the hart."""
    made = World(count, **options)
    with made.machine:
        start(ptr[bootinfo.HypervisorInfo](bootinfo.HYPERVISOR_INFO))
        yield made
