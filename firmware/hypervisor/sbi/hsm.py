"""HSM (SBI chapter 9): hart 0 runs, and when it stops the VM ends."""

from firmware.hypervisor import arch
from firmware.hypervisor.ending import end
from firmware.hypervisor.outcome import RESCHEDULE
from firmware.hypervisor.sbi.reply import A0, A6, WORD, fail, not_supported, reply
from firmware.hypervisor.vm import VCPU, WAITING
from firmware.lang import fw, ptr, u64
from firmware.sbi import Error, HartState, Hsm

__all__ = ["hsm"]

RETENTIVE = 0
"""The default retentive suspend type: returns like WFI."""


@fw(noinline=True)
def hsm(v: ptr[VCPU]) -> u64:
    """Dispatch by function."""
    match v.state.x[A6]:
        case Hsm.HART_STOP:
            end(v, 0)
            return RESCHEDULE
        case Hsm.HART_SUSPEND:
            if (v.state.x[A0] & WORD) != RETENTIVE:
                return not_supported(v)
            reply(v, 0)
            if not arch.interrupt_current():
                v.run = WAITING
            return RESCHEDULE
        case Hsm.HART_START:
            if v.state.x[A0] != 0:
                return fail(v, u64(Error.INVALID_PARAM))
            return fail(v, u64(Error.ALREADY_AVAILABLE))
        case Hsm.HART_GET_STATUS:
            if v.state.x[A0] != 0:
                return fail(v, u64(Error.INVALID_PARAM))
            return reply(v, HartState.STARTED)
        case _:
            return not_supported(v)
