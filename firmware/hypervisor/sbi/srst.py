"""SRST (SBI chapter 10): shutdown and reboots end the VM; there is nothing to load it again from."""

from firmware.hypervisor.ending import STATUS_FAILED, end
from firmware.hypervisor.outcome import RESCHEDULE
from firmware.hypervisor.sbi.reply import A0, A1, A6, WORD, fail, not_supported
from firmware.hypervisor.vm import VCPU
from firmware.lang import fw, ptr, u64
from firmware.sbi import Error, ResetReason, ResetType, Srst

__all__ = ["srst"]


@fw(noinline=True)
def srst(v: ptr[VCPU]) -> u64:
    """system_reset."""
    if v.state.x[A6] != Srst.SYSTEM_RESET:
        return not_supported(v)
    kind = v.state.x[A0] & WORD
    reason = v.state.x[A1] & WORD
    if kind > ResetType.WARM_REBOOT or reason > ResetReason.SYSTEM_FAILURE:
        return fail(v, u64(Error.INVALID_PARAM))
    if reason == ResetReason.SYSTEM_FAILURE:
        end(v, STATUS_FAILED)
    else:
        end(v, 0)
    return RESCHEDULE
