"""Console input by interrupt: from the machine's UART to the line of the VM that gets the input.

The machine's interrupt stays claimed, and so cannot come again, until the guest has read everything.
"""

from firmware.hypervisor import arch, console
from firmware.hypervisor.devices.plic import highest, plic_level
from firmware.hypervisor.devices.uart import interrupt
from firmware.hypervisor.vm import VM, host, slots, vms
from firmware.lang import addr_of, fw, load32, ptr, store8, store32
from firmware.plic import PlicRegister
from rtl.isa.memory_map import PLIC, UART, UART_IRQ
from rtl.isa.uart import Ier, Iir, Register

__all__ = ["rearm_input", "serve_input", "update_lines", "watch_input"]

IDLE = 0
"""Nobody wants input by interrupt."""
ARMED = 1
"""The machine's UART interrupts when a byte comes."""
CLAIMED = 2
"""It has; the guest has still to read."""


@fw
def update_lines(vm: ptr[VM]) -> None:
    """After a change in a VM's devices: the UART's line, and from the PLIC to the vCPU."""
    plic_level(vm.plic, UART_IRQ, interrupt(vm.uart, console.can_read(vm)) != Iir.NONE)
    on = highest(vm.plic) != 0
    if host.current == vm.number:
        arch.set_external(on)
    else:
        arch.set_external_saved(slots[vm.number].vcpu.state, on)


@fw
def watch_input(vm: ptr[VM]) -> None:
    """Follow the guest's wish for receive interrupts, once it first has one."""
    if host.watching != IDLE or (vm.uart.ier & Ier.ERBFI) == 0 or vm.number != console.INPUT_VM:
        return
    store32(PLIC.base + 4 * UART_IRQ, 1)
    store32(PLIC.base + PlicRegister.ENABLE, 1 << UART_IRQ)
    store32(PLIC.base + PlicRegister.THRESHOLD, 0)
    store8(UART.base + Register.IER, Ier.ERBFI)
    host.watching = ARMED


@fw
def rearm_input(vm: ptr[VM]) -> None:
    """Complete the machine's interrupt when nothing is left to read."""
    if host.watching == CLAIMED and vm.number == console.INPUT_VM and not console.can_read(vm):
        store32(PLIC.base + PlicRegister.CLAIM, UART_IRQ)
        host.watching = ARMED


@fw(noinline=True)
def serve_input() -> None:
    """An external interrupt of the machine: it can only be input."""
    if host.watching == ARMED and load32(PLIC.base + PlicRegister.CLAIM) == UART_IRQ:
        host.watching = CLAIMED
        update_lines(addr_of(vms[console.INPUT_VM]))
