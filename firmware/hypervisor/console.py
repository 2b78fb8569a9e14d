"""The machine's console, shared by the VMs.

One VM: its bytes go out as they are. Several: line by line, each line behind the VM's tag. Input goes to
one VM, number 0.
"""

from firmware.bootinfo import FLAG_TAG_LINES
from firmware.hypervisor.vm import LINE, VM, host
from firmware.lang import fw, ptr, u8, u64
from firmware.text import print_text
from firmware.uart import uart_put, uart_ready, uart_take

__all__ = ["can_read", "flush", "print_vm", "put", "take"]

NEWLINE = 10
INPUT_VM = 0


@fw
def print_vm(vm: ptr[VM]) -> None:
    """Print the VM's name."""
    print_text(b"vm")
    uart_put(u8(vm.number) + b"0"[0])


@fw(noinline=True)
def emit(vm: ptr[VM]) -> None:
    """Print the VM's line, tagged if there are others."""
    if (host.flags & FLAG_TAG_LINES) != 0:
        print_text(b"[")
        print_vm(vm)
        print_text(b"] ")
        for i in range(vm.column):
            uart_put(vm.line[i])
    uart_put(NEWLINE)
    vm.column = 0


@fw
def flush(vm: ptr[VM]) -> None:
    """End the VM's unfinished line, if there is one."""
    if vm.column != 0:
        emit(vm)


@fw(noinline=True)
def put(vm: ptr[VM], byte: u8) -> None:
    """A byte of the VM's output."""
    if (host.flags & FLAG_TAG_LINES) == 0:
        uart_put(byte)
        vm.column = u64(byte != NEWLINE)
    elif byte == NEWLINE:
        emit(vm)
    else:
        vm.line[vm.column] = byte
        vm.column += 1
        if vm.column == LINE:
            emit(vm)


@fw
def can_read(vm: ptr[VM]) -> bool:
    """Whether input waits for this VM."""
    return vm.number == INPUT_VM and uart_ready()


@fw
def take() -> u8:
    """The byte that `can_read` told of."""
    return u8(uart_take())
