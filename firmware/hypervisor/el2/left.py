"""What a guest left behind: why, where, in which mode; and its VS registers.

With the type-1 hypervisor all of it stands in the hart until the guest goes on. A host kernel has the trap
registers for itself, so the exit has put them into memory (`HOSTED`): why it left into a record, its place
into its state. Where the host kernel has the VS registers for itself, too, they are in the guest's state
(`SPLIT`).
"""

from firmware.hypervisor.el2.state import running
from firmware.hypervisor.options import HOSTED, SPLIT
from firmware.lang import csr, fw, static, struct, u64

__all__ = [
    "access",
    "address",
    "cause",
    "deliver",
    "handler",
    "pc",
    "set_pc",
    "set_status",
    "status",
    "take",
    "value",
    "vs_status",
]


@struct
class Left:
    """The trap registers of the last exit."""

    cause: u64
    value: u64
    address: u64
    access: u64


left = static(Left)


@fw
def take() -> None:
    """Record why a guest has left."""
    left.cause = csr.scause
    left.value = csr.stval
    left.address = csr.htval
    left.access = csr.htinst


@fw
def cause() -> u64:
    """scause of the exit."""
    if HOSTED:
        return left.cause
    return csr.scause


@fw
def value() -> u64:
    """stval."""
    if HOSTED:
        return left.value
    return csr.stval


@fw
def address() -> u64:
    """htval."""
    if HOSTED:
        return left.address
    return csr.htval


@fw
def access() -> u64:
    """htinst."""
    if HOSTED:
        return left.access
    return csr.htinst


@fw
def pc() -> u64:
    """Where the guest goes on: sepc."""
    if HOSTED:
        return running.value.sepc
    return csr.sepc


@fw
def set_pc(to: u64) -> None:
    """Let it go on elsewhere."""
    if HOSTED:
        running.value.sepc = to
    else:
        csr.sepc = to


@fw
def status() -> u64:
    """sstatus, which tells its mode."""
    if HOSTED:
        return running.value.sstatus
    return csr.sstatus


@fw
def set_status(to: u64) -> None:
    """Change it."""
    if HOSTED:
        running.value.sstatus = to
    else:
        csr.sstatus = to


@fw
def vs_status() -> u64:
    """The guest's own sstatus."""
    if SPLIT:
        return running.value.vsstatus
    return csr.vsstatus


@fw
def handler() -> u64:
    """The guest's own stvec."""
    if SPLIT:
        return running.value.vstvec
    return csr.vstvec


@fw
def deliver(place: u64, number: u64, about: u64, own: u64) -> None:
    """Its own sepc, scause, stval and sstatus."""
    if SPLIT:
        s = running.value
        s.vsepc = place
        s.vscause = number
        s.vstval = about
        s.vsstatus = own
    else:
        csr.vsepc = place
        csr.vscause = number
        csr.vstval = about
        csr.vsstatus = own
