"""A host kernel that runs guests by a call which returns when they leave: the hosted and the split design.

As in KVM, the host has a stack, registers and a trap vector of its own. Every exit saves all of the guest's
general registers and brings the host's back before anything looks at why the guest left; every entry is the
reverse. Then the host takes the interrupts that wait for it, as any kernel would. What is done for the
guest is what the type-1 design does (`exits`).
"""

from firmware.hypervisor import arch
from firmware.hypervisor.devices.input import serve_input
from firmware.hypervisor.exits import exit_fast, exit_slow
from firmware.hypervisor.outcome import RESUME
from firmware.hypervisor.vm import VCPU
from firmware.lang import fw, ptr

__all__ = ["host_interrupt", "serve"]


@fw(extern=True)
def run_guest(v: ptr[VCPU]) -> None:
    """Let the vCPU on the hart run until it leaves."""
    ...


@fw(export=True)
def host_interrupt() -> None:
    """The host kernel's interrupts. Its timer ends a guest's slice: the guest leaves for it, or has left."""
    if arch.host_external():
        serve_input()
        arch.host_served()
    else:
        arch.host_defer()


@fw(export=True, noreturn=True)
def serve(v: ptr[VCPU]) -> None:
    """The host kernel's loop."""
    while True:
        run_guest(v)
        arch.host_window()
        outcome = exit_fast(v)
        if outcome != RESUME:
            v = exit_slow(v, outcome)
