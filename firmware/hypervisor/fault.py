"""What a fault was about, and exceptions given to guests."""

from firmware.hypervisor import arch
from firmware.hypervisor.ending import kill
from firmware.hypervisor.outcome import RESCHEDULE, RESUME
from firmware.hypervisor.vm import VCPU
from firmware.lang import fw, ptr, u64
from rtl.isa.causes import Cause

__all__ = ["reflect", "reflect_access"]


@fw(noinline=True)
def reflect(v: ptr[VCPU], cause: u64, value: u64) -> u64:
    """Make the guest take an exception; the result is the exit's outcome."""
    if arch.inject(cause, value):
        return RESUME
    kill(v, b"its trap handler cannot be fetched")
    return RESCHEDULE


@fw
def reflect_access(v: ptr[VCPU], cause: u64) -> u64:
    """The access fault for an exit by page fault ``cause``, at the same guest virtual address."""
    kind = u64(Cause.STORE_ACCESS)
    if cause == arch.EXIT_FETCH_FAULT or cause == arch.EXIT_FETCH_PAGE_FAULT:
        kind = Cause.FETCH_ACCESS
    elif cause == arch.EXIT_LOAD_FAULT or cause == arch.EXIT_LOAD_PAGE_FAULT:
        kind = Cause.LOAD_ACCESS
    return reflect(v, kind, arch.fault_virtual())
