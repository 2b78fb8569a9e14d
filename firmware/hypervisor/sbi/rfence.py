"""RFENCE (SBI chapter 8) for one hart: every range is served by a whole fence of its kind.

A guest has no hypervisor extension, so the hfence functions are not there.
"""

from firmware.hart_mask import INVALID_MASK, SELECTS_HART, hart_mask
from firmware.hypervisor import arch
from firmware.hypervisor.sbi.reply import A0, A1, A6, fail, not_supported, reply
from firmware.hypervisor.vm import VCPU
from firmware.lang import fence_i, fw, ptr, u64
from firmware.sbi import Error, Rfence

__all__ = ["rfence"]


@fw
def rfence(v: ptr[VCPU]) -> u64:
    """remote_fence_i, remote_sfence_vma and remote_sfence_vma_asid."""
    function = v.state.x[A6]
    if function > Rfence.SFENCE_VMA_ASID:
        return not_supported(v)
    selected = hart_mask(v.state.x[A0], v.state.x[A1])
    if selected == INVALID_MASK:
        return fail(v, u64(Error.INVALID_PARAM))
    if selected == SELECTS_HART:
        if function == Rfence.FENCE_I:
            fence_i()
        else:
            arch.forget_virtual()
    return reply(v, 0)
