"""DBCN (SBI chapter 12): the debug console; buffers are guest physical addresses."""

from firmware.hypervisor import console
from firmware.hypervisor.devices.input import rearm_input
from firmware.hypervisor.options import SHADOW
from firmware.hypervisor.sbi.reply import A0, A1, A2, A6, fail, not_supported, reply
from firmware.hypervisor.shadow.sync import unsync
from firmware.hypervisor.vm import VCPU, guest_buffer
from firmware.lang import fw, load8, ptr, store8, u8, u64
from firmware.sbi import Dbcn, Error

__all__ = ["dbcn"]


@fw(noinline=True)
def write(v: ptr[VCPU], buffer: u64, size: u64) -> u64:
    """console_write: everything is taken at once."""
    for i in range(size):
        console.put(v.vm, load8(buffer + i))
    return reply(v, size)


@fw(noinline=True)
def read(v: ptr[VCPU], buffer: u64, size: u64) -> u64:
    """console_read: as much as is there. With shadow paging a store of ours counts as one of the guest's."""
    count = u64(0)
    while count < size and console.can_read(v.vm):
        if SHADOW:
            unsync(v.vm, v.state.x[A1] + count)
        store8(buffer + count, console.take())
        count += 1
    rearm_input(v.vm)
    return reply(v, count)


@fw(noinline=True)
def dbcn(v: ptr[VCPU]) -> u64:
    """Dispatch by function."""
    size = v.state.x[A0]
    match v.state.x[A6]:
        case Dbcn.WRITE | Dbcn.READ:
            buffer = guest_buffer(v.vm, v.state.x[A1], size)
            if buffer == 0 or v.state.x[A2] != 0:
                return fail(v, u64(Error.INVALID_PARAM))
            if v.state.x[A6] == Dbcn.WRITE:
                return write(v, buffer, size)
            return read(v, buffer, size)
        case Dbcn.WRITE_BYTE:
            console.put(v.vm, u8(size))
            return reply(v, 0)
        case _:
            return not_supported(v)
