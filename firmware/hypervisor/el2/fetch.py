"""The instruction that a guest left at, read through the guest's own translation."""

from firmware.hypervisor.el2.hart import HSTATUS_GUEST
from firmware.hypervisor.el2.services import Service
from firmware.hypervisor.el2.state import State, running
from firmware.hypervisor.options import HOSTED, SPLIT
from firmware.lang import csr, csr_swap, ecall, fw, hlvx_hu, ptr, u64
from rtl.isa.csrs import CSRS

__all__ = ["fetch_for", "guest_word"]

SPP = CSRS["sstatus"].mask("SPP")
SPVP = CSRS["hstatus"].mask("SPVP")


@fw
def word_at(pc: u64) -> u64:
    """16 or 32 bits, as hstatus.SPVP says from the guest's S or U mode."""
    word = u64(hlvx_hu(pc))
    if (word & 3) == 3:
        word |= u64(hlvx_hu(pc + 2)) << 16
    return word


@fw
def fetch_for(s: ptr[State]) -> u64:
    """The same in a host kernel's context: hstatus is not as the exit left it."""
    wanted = u64(HSTATUS_GUEST & ~SPVP)
    if (s.sstatus & SPP) != 0:
        wanted |= SPVP
    own = csr_swap("hstatus", wanted)
    word = word_at(s.sepc)
    csr.hstatus = own
    return word


@fw
def guest_word() -> u64:
    """The instruction at the guest's place."""
    if SPLIT:
        word, _ = ecall(u64(Service.FETCH), 0)
        return word
    if HOSTED:
        return fetch_for(running.value)
    return word_at(csr.sepc)
