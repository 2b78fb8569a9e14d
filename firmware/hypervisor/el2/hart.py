"""The hart as the hypervisor's own: set-up, clock, timer and idling."""

from firmware.bootinfo import FLAG_HARDWARE_AD
from firmware.hypervisor.el2.services import Service
from firmware.hypervisor.options import HOSTED, SHADOW, SPLIT
from firmware.lang import csr, ecall, fw, hfence_gvma, hfence_vvma, u64, wfi
from rtl.isa.causes import INTERRUPT_BIT, VS_INTERRUPTS, Cause, Interrupt
from rtl.isa.csrs import CSRS

__all__ = [
    "HEDELEG",
    "HEDELEG_HOST",
    "HOST_INTERRUPTS",
    "HSTATUS_GUEST",
    "HSTATUS_HOST",
    "STCE",
    "guest_environment",
    "host_cause",
    "host_defer",
    "host_external",
    "host_pc",
    "host_served",
    "host_time",
    "host_timer",
    "host_wait",
    "host_window",
    "prepare",
    "slice_timer",
    "start_hart",
]

GUEST_EXCEPTIONS = (
    Cause.FETCH_MISALIGNED,
    Cause.FETCH_ACCESS,
    Cause.ILLEGAL_INSTRUCTION,
    Cause.BREAKPOINT,
    Cause.LOAD_MISALIGNED,
    Cause.LOAD_ACCESS,
    Cause.STORE_MISALIGNED,
    Cause.STORE_ACCESS,
    Cause.ECALL_U,
    Cause.FETCH_PAGE_FAULT,
    Cause.LOAD_PAGE_FAULT,
    Cause.STORE_PAGE_FAULT,
)
"""Exceptions that a guest takes by itself; with shadow paging the hypervisor sees its page faults first."""
PAGE_FAULTS = (Cause.FETCH_PAGE_FAULT, Cause.LOAD_PAGE_FAULT, Cause.STORE_PAGE_FAULT)
HEDELEG_HOST = sum(1 << cause for cause in GUEST_EXCEPTIONS)
"""A host kernel in VS mode has no shadow page tables below it."""
HEDELEG = sum(1 << cause for cause in GUEST_EXCEPTIONS if not (SHADOW and cause in PAGE_FAULTS))
HOST_INTERRUPTS = 1 << Interrupt.STI | 1 << Interrupt.SEI

SSTATUS_SIE = CSRS["sstatus"].mask("SIE")
HSTATUS = CSRS["hstatus"]
TRAPPED = ("VTW", "VTVM") if SHADOW else ("VTW",)
HSTATUS_GUEST = 2 << HSTATUS.field("VSXL").lo | HSTATUS.mask("SPVP", "SPV", *TRAPPED)
"""Guests are RV64, their WFI exits (with shadow paging satp and fences, too), and `sret` enters them."""
HSTATUS_HOST = 2 << HSTATUS.field("VSXL").lo | HSTATUS.mask("SPVP", "SPV")
"""A host kernel's: in HS mode none of it matters; one in VS mode is entered with it, and may wait by WFI."""
STCE = CSRS["henvcfg"].mask("STCE")
ADUE = CSRS["henvcfg"].mask("ADUE")


@fw
def guest_environment(flags: u64) -> u64:
    """henvcfg while a guest runs."""
    environment = u64(STCE)
    if (flags & FLAG_HARDWARE_AD) != 0:
        environment |= ADUE
    return environment


@fw
def prepare(flags: u64) -> None:
    """In HS mode: delegate to guests what they handle themselves, and give them their timer and counters."""
    csr.hstatus = HSTATUS_GUEST
    csr.hedeleg = HEDELEG
    csr.hideleg = VS_INTERRUPTS
    csr.hcounteren = u64(0xFFFF_FFFF)
    csr.henvcfg = guest_environment(flags)
    csr.hgeie = 0
    csr.satp = 0
    csr.stimecmp = u64(-1)
    hfence_gvma()
    hfence_vvma()


@fw
def start_hart(flags: u64) -> None:
    """The hart as the hypervisor needs it, and its own interrupts: the type-1 design only waits for them.

    In the split design the lowvisor has prepared it; what follows are the host kernel's own registers.
    """
    if not SPLIT:
        prepare(flags)
    csr.stimecmp = u64(-1)
    csr.sie = HOST_INTERRUPTS


@fw
def host_time() -> u64:
    """Now, in ticks."""
    return csr.time


@fw
def host_timer(deadline: u64) -> None:
    """Until when the hypervisor idles at most; all ones for ever."""
    csr.stimecmp = deadline


@fw
def slice_timer(deadline: u64) -> None:
    """When the hypervisor wants the hart back from the guest; all ones for never."""
    csr.stimecmp = deadline


@fw
def host_wait() -> None:
    """Idle until an interrupt of the hypervisor's is pending."""
    if HOSTED:
        csr.sie = HOST_INTERRUPTS
    host_served()
    wfi()


@fw
def host_window() -> None:
    """Let a host kernel's interrupts come that have waited while the guest ran or left."""
    if SPLIT:
        csr.sie = HOST_INTERRUPTS
    csr.sstatus |= SSTATUS_SIE
    csr.sstatus &= ~SSTATUS_SIE


@fw
def host_external() -> bool:
    """Whether it is the external interrupt that the host kernel has just taken."""
    return csr.scause == INTERRUPT_BIT | Interrupt.SEI


@fw
def host_defer() -> None:
    """Leave its timer pending: the next guest that it lets run leaves for it."""
    csr.sie &= ~(1 << Interrupt.STI)


@fw
def host_served() -> None:
    """The external interrupt has been served. It is the lowvisor that passes the next one on (`SPLIT`)."""
    if SPLIT:
        ecall(u64(Service.WATCH), 0)


@fw
def host_pc() -> u64:
    """Where the hypervisor itself trapped."""
    return csr.sepc


@fw
def host_cause() -> u64:
    """Why it did."""
    return csr.scause
