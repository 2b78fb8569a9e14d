"""A guest's access to a device: decoded from the transformed instruction, served by the device there."""

from firmware.hypervisor import arch, console
from firmware.hypervisor.devices.input import rearm_input, update_lines, watch_input
from firmware.hypervisor.devices.plic import plic_read, plic_write
from firmware.hypervisor.devices.uart import uart_read, uart_write
from firmware.hypervisor.ending import STATUS_FAILED, end
from firmware.hypervisor.vm import VCPU, VM
from firmware.lang import fw, i64, ptr, u8, u64
from rtl.isa.instructions import Opcode
from rtl.isa.memory_map import FINISHER, FINISHER_FAIL, FINISHER_PASS, FINISHER_RESET, PLIC, UART
from rtl.isa.uart import Lcr, Register

__all__ = ["emulate"]

OPCODE = 0x7D
"""The major opcode without bit 1, which tells the instruction's length here."""
LOAD = Opcode.LOAD & OPCODE
STORE = Opcode.STORE & OPCODE


@fw
def inside(address: u64, base: u64, size: u64) -> bool:
    """Whether an address lies in a region."""
    return address - base < size


@fw
def read(vm: ptr[VM], address: u64) -> tuple[bool, u64]:
    """Read a device register: whether there is a device, and the value."""
    if inside(address, UART.base, UART.size):
        register = address & 7
        received = console.can_read(vm)
        if register == Register.THR and received and (vm.uart.lcr & Lcr.DLAB) == 0:
            value = u64(console.take())
        else:
            value = uart_read(vm.uart, register, received)
        rearm_input(vm)
        update_lines(vm)
        return True, value
    if inside(address, PLIC.base, PLIC.size):
        value = plic_read(vm.plic, address - PLIC.base)
        update_lines(vm)
        return True, value
    return inside(address, FINISHER.base, FINISHER.size), 0


@fw
def write(v: ptr[VCPU], address: u64, value: u64) -> bool:
    """Write a device register; False if there is no device."""
    vm = v.vm
    if inside(address, UART.base, UART.size):
        if uart_write(vm.uart, address & 7, value & 0xFF):
            console.put(vm, u8(value))
        watch_input(vm)
    elif inside(address, PLIC.base, PLIC.size):
        plic_write(vm.plic, address - PLIC.base, value)
    elif inside(address, FINISHER.base, FINISHER.size):
        command = value & 0xFFFF
        if command == FINISHER_PASS or command == FINISHER_RESET:  # noqa: SIM109 -- no `in` in the language
            end(v, 0)
        elif command == FINISHER_FAIL:
            end(v, STATUS_FAILED)
        return True
    else:
        return False
    update_lines(vm)
    return True


@fw
def loaded(value: u64, kind: u64) -> u64:
    """A load's result from funct3: bits 1:0 the size, bit 2 unsigned."""
    unused = 64 - (u64(8) << (kind & 3))
    if (kind & 4) != 0:
        return (value << unused) >> unused
    return u64(i64(value << unused) >> i64(unused))


@fw
def emulate(v: ptr[VCPU], address: u64, access: u64) -> bool:
    """Serve the access that just faulted at guest physical ``address``, a transformed instruction.

    False if no device is there or the access is none that devices know (atomics, page-table walks, the
    second half of a misaligned access).
    """
    kind = (access >> 12) & 7
    if ((access >> 15) & 31) != 0:
        return False
    if (access & OPCODE) == LOAD:
        found, value = read(v.vm, address)
        register = (access >> 7) & 31
        if found and register != 0:
            v.state.x[register] = loaded(value, kind)
    elif (access & OPCODE) == STORE:
        unused = 64 - (u64(8) << (kind & 3))
        found = write(v, address, (v.state.x[(access >> 20) & 31] << unused) >> unused)
    else:
        return False
    if found:
        arch.skip(2 + (access & 2))
    return found
