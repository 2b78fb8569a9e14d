"""BASE (SBI chapter 4): versions, identities, and which extensions there are."""

from firmware.hypervisor.sbi.reply import A0, A6, not_supported, reply
from firmware.hypervisor.vm import VCPU
from firmware.lang import fw, ptr, u64
from firmware.sbi import IMPLEMENTATION_ID, IMPLEMENTATION_VERSION, SPEC_VERSION, Base, Extension, Legacy

__all__ = ["base"]


@fw
def available(extension: u64) -> bool:
    """Whether guests have the extension."""
    match extension:
        case Extension.BASE | Extension.TIME | Extension.IPI | Extension.RFENCE:
            return True
        case Extension.HSM | Extension.SRST | Extension.DBCN:
            return True
        case _:
            return extension <= Legacy.SHUTDOWN


@fw
def base(v: ptr[VCPU]) -> u64:
    """Dispatch by function. Guests see no vendor: the machine's identity is the host's own."""
    match v.state.x[A6]:
        case Base.GET_SPEC_VERSION:
            return reply(v, SPEC_VERSION)
        case Base.GET_IMPL_ID:
            return reply(v, IMPLEMENTATION_ID)
        case Base.GET_IMPL_VERSION:
            return reply(v, IMPLEMENTATION_VERSION)
        case Base.PROBE_EXTENSION:
            return reply(v, u64(available(v.state.x[A0])))
        case Base.GET_MVENDORID | Base.GET_MARCHID | Base.GET_MIMPID:
            return reply(v, 0)
        case _:
            return not_supported(v)
