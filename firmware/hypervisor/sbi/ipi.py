"""IPI (SBI chapter 7): the VM's one hart can interrupt itself."""

from firmware.hart_mask import INVALID_MASK, SELECTS_HART, hart_mask
from firmware.hypervisor import arch
from firmware.hypervisor.sbi.reply import A0, A1, A6, fail, not_supported, reply
from firmware.hypervisor.vm import VCPU
from firmware.lang import fw, ptr, u64
from firmware.sbi import Error, Ipi

__all__ = ["ipi"]


@fw
def ipi(v: ptr[VCPU]) -> u64:
    """send_ipi."""
    if v.state.x[A6] != Ipi.SEND_IPI:
        return not_supported(v)
    selected = hart_mask(v.state.x[A0], v.state.x[A1])
    if selected == INVALID_MASK:
        return fail(v, u64(Error.INVALID_PARAM))
    if selected == SELECTS_HART:
        arch.set_software(True)
    return reply(v, 0)
