"""SBI 2.0 for guests: one file per extension, and the dispatch by extension number."""

from firmware.hypervisor import arch
from firmware.hypervisor.sbi.base import base
from firmware.hypervisor.sbi.dbcn import dbcn
from firmware.hypervisor.sbi.hsm import hsm
from firmware.hypervisor.sbi.ipi import ipi
from firmware.hypervisor.sbi.legacy import legacy
from firmware.hypervisor.sbi.reply import A7
from firmware.hypervisor.sbi.rfence import rfence
from firmware.hypervisor.sbi.srst import srst
from firmware.hypervisor.sbi.time import time
from firmware.hypervisor.vm import VCPU
from firmware.lang import fw, ptr, u64
from firmware.sbi import Extension

__all__ = ["hypercall"]

ECALL_SIZE = 4


@fw
def hypercall(v: ptr[VCPU]) -> u64:
    """Serve the guest's SBI call; the result is the exit's outcome."""
    arch.skip(ECALL_SIZE)
    match v.state.x[A7]:
        case Extension.BASE:
            return base(v)
        case Extension.TIME:
            return time(v)
        case Extension.IPI:
            return ipi(v)
        case Extension.RFENCE:
            return rfence(v)
        case Extension.HSM:
            return hsm(v)
        case Extension.SRST:
            return srst(v)
        case Extension.DBCN:
            return dbcn(v)
        case _:
            return legacy(v)
