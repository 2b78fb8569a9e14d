"""TIME (SBI chapter 6): the timer of guests that do not use stimecmp themselves."""

from firmware.hypervisor import arch
from firmware.hypervisor.sbi.reply import A0, A6, not_supported, reply
from firmware.hypervisor.vm import VCPU
from firmware.lang import fw, ptr, u64
from firmware.sbi import Time

__all__ = ["time"]


@fw
def time(v: ptr[VCPU]) -> u64:
    """set_timer."""
    if v.state.x[A6] != Time.SET_TIMER:
        return not_supported(v)
    arch.set_timer(v.state.x[A0])
    return reply(v, 0)
