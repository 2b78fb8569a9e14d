"""Round robin over the vCPUs that have work, in time slices; idles when none has."""

from firmware.hypervisor import arch
from firmware.hypervisor.devices.input import serve_input
from firmware.hypervisor.vm import ENDED, NOBODY, READY, VCPU, WAITING, host, slots
from firmware.lang import addr_of, fw, ptr, u64

__all__ = ["arm", "ready", "switch"]


@fw
def ready(v: ptr[VCPU], now: u64) -> bool:
    """Whether a saved vCPU has something to do."""
    if v.run == READY:
        return True
    if v.run == ENDED:
        return False
    return arch.interrupt_saved(v.state) or arch.wake_time(v.state, now) <= now


@fw(noinline=True)
def arm(current: u64) -> None:
    """Set the host's timer while vCPU ``current`` runs: for the end of its slice if another one is ready,
    for the first other one to wake otherwise."""
    now = arch.host_time()
    first = u64(-1)
    for i in range(host.count):
        v = addr_of(slots[i].vcpu)
        if i != current and v.run != ENDED:
            deadline = now + host.slice
            if v.run == WAITING and not ready(v, now):
                deadline = arch.wake_time(v.state, now)
            if deadline < first:
                first = deadline
    if current == NOBODY:
        arch.host_timer(first)
    else:
        arch.slice_timer(first)


@fw
def next_ready(after: u64) -> u64:
    """The first ready vCPU after number ``after``, itself last; `NOBODY` if there is none."""
    now = arch.host_time()
    number = after
    for _ in range(host.count):
        number += 1
        if number >= host.count:
            number = 0
        if ready(addr_of(slots[number].vcpu), now):
            return number
    return NOBODY


@fw(noinline=True)
def switch(v: ptr[VCPU]) -> ptr[VCPU]:
    """Take ``v`` off the hart and put the next ready vCPU there, idling until there is one."""
    arch.save(v.state)
    host.current = NOBODY
    number = next_ready(v.number)
    while number == NOBODY:
        arm(NOBODY)
        arch.host_wait()
        serve_input()
        number = next_ready(v.number)
    chosen = addr_of(slots[number].vcpu)
    chosen.run = READY
    host.current = number
    arch.load(chosen.state)
    arm(number)
    return chosen
