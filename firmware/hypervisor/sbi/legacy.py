"""The legacy extensions (SBI chapter 5), for guests older than SBI 0.2; a1 stays as it is.

Their hart masks are pointers into the guest's memory. With one hart each call can only mean that hart.
"""

from firmware.hypervisor import arch, console
from firmware.hypervisor.ending import end
from firmware.hypervisor.outcome import RESCHEDULE, RESUME
from firmware.hypervisor.sbi.reply import A0, A7, not_supported
from firmware.hypervisor.vm import VCPU
from firmware.lang import fence_i, fw, ptr, u8, u64
from firmware.sbi import Legacy

__all__ = ["legacy"]


@fw(noinline=True)
def legacy(v: ptr[VCPU]) -> u64:
    """Dispatch by extension; what is not there answers as SBI 0.2 and later want it."""
    argument = v.state.x[A0]
    result = u64(0)
    match v.state.x[A7]:
        case Legacy.SET_TIMER:
            arch.set_timer(argument)
        case Legacy.PUTCHAR:
            console.put(v.vm, u8(argument))
        case Legacy.GETCHAR:
            result = u64(-1)
            if console.can_read(v.vm):
                result = u64(console.take())
        case Legacy.CLEAR_IPI:
            arch.set_software(False)
        case Legacy.SEND_IPI:
            arch.set_software(True)
        case Legacy.REMOTE_FENCE_I:
            fence_i()
        case Legacy.REMOTE_SFENCE_VMA | Legacy.REMOTE_SFENCE_VMA_ASID:
            arch.forget_virtual()
        case Legacy.SHUTDOWN:
            end(v, 0)
            return RESCHEDULE
        case _:
            return not_supported(v)
    v.state.x[A0] = result
    return RESUME
