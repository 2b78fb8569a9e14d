"""The end of a VM, of all of them, and of the hypervisor in trouble.

The machine's exit status: 0 if every VM ended well, `STATUS_FAILED` if one reported a failure itself,
`STATUS_KILLED` if the hypervisor had to end one, `STATUS_PANIC` for the hypervisor's own end.
"""

from firmware.finisher import finish
from firmware.hypervisor import arch, console
from firmware.hypervisor.vm import ENDED, VCPU, host
from firmware.lang import fw, ptr, u8, u64
from firmware.text import print_hex, print_text

__all__ = ["STATUS_FAILED", "STATUS_KILLED", "STATUS_PANIC", "broken", "end", "kill", "panic"]

STATUS_FAILED = 1
STATUS_KILLED = 2
STATUS_PANIC = 253


@fw(noinline=True)
def end(v: ptr[VCPU], status: u64) -> None:
    """End the VM; the last one to end powers the machine off."""
    console.flush(v.vm)
    v.run = ENDED
    if status > host.status:
        host.status = status
    host.alive -= 1
    if host.alive == 0:
        finish(host.status)


@fw(noinline=True)
def kill(v: ptr[VCPU], reason: ptr[u8]) -> None:
    """End a VM that cannot go on, and say why."""
    console.flush(v.vm)
    print_text(b"[bivisor] ")
    console.print_vm(v.vm)
    print_text(b" killed: ")
    print_text(reason)
    print_text(b"; pc ")
    print_hex(arch.guest_pc())
    print_text(b", cause ")
    print_hex(arch.exit_cause())
    print_text(b", guest address ")
    print_hex(v.fault)
    print_text(b"\n")
    end(v, STATUS_KILLED)


@fw(noinline=True, noreturn=True)
def panic(reason: ptr[u8]) -> None:
    """The hypervisor itself cannot go on."""
    print_text(b"[bivisor] panic: ")
    print_text(reason)
    print_text(b"; pc ")
    print_hex(arch.host_pc())
    print_text(b", cause ")
    print_hex(arch.host_cause())
    print_text(b"\n")
    finish(STATUS_PANIC)


@fw(noinline=True, noreturn=True)
def broken() -> None:
    """The hypervisor trapped, or the hart refused to enter a guest."""
    panic(b"trap in the hypervisor")
