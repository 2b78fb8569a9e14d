"""The hart as the hypervisor's own: VMX operation, clock, timers and idling."""

from firmware.bootinfo import FLAG_NO_VPID
from firmware.hypervisor.options import HOSTED
from firmware.hypervisor.pool import take_page
from firmware.hypervisor.vmx.fields import EXIT_CTLS, PIN_CTLS, PREEMPT_TIMER
from firmware.lang import csr, fw, static, store32, u32, u64, vmwrite, vmxon, wfi
from rtl.isa.causes import INTERRUPT_BIT, Interrupt
from rtl.isa.csrs import CSRS
from rtl.isa.xvmx import PREEMPT_TIMER_BITS, REVISION, ExitControl, PinControl, ProcControl

__all__ = [
    "HOST_INTERRUPTS",
    "has_vpid",
    "host_cause",
    "host_defer",
    "host_external",
    "host_pc",
    "host_served",
    "host_time",
    "host_timer",
    "host_wait",
    "host_window",
    "slice_timer",
    "start_hart",
]

HOST_INTERRUPTS = 1 << Interrupt.STI | 1 << Interrupt.SEI
SSTATUS_SIE = CSRS["sstatus"].mask("SIE")
CAPABILITIES_AT = 32
"""PROC_CTLS in svmxcap."""
NEVER = (1 << 64) - 1
LONGEST = (1 << PREEMPT_TIMER_BITS) - 1

asked = static(u64)
"""The flags that the hypervisor was started with."""


@fw
def start_hart(flags: u64) -> None:
    """Enter VMX operation. Delegation, and who updates A and D bits, is the monitor's choice here."""
    asked.value = flags
    region = take_page()
    store32(region, u32(REVISION))
    vmxon(region)
    csr.satp = 0
    csr.stimecmp = u64(NEVER)
    csr.sie = HOST_INTERRUPTS


@fw
def has_vpid() -> bool:
    """Whether translations are to be tagged with the guest they belong to."""
    if (asked.value & FLAG_NO_VPID) != 0:
        return False
    return ((csr.svmxcap >> CAPABILITIES_AT) & ProcControl.VPID) != 0


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
    """When the hypervisor wants the hart back from the guest; all ones for never.

    The preemption timer of the current VMCS: it counts while the guest runs.
    """
    csr.stimecmp = u64(NEVER)
    if deadline == NEVER:
        vmwrite(PIN_CTLS, PinControl.EXTINT)
        vmwrite(EXIT_CTLS, u64(0))
        return
    ticks = u64(0)
    now = csr.time
    if deadline > now:
        ticks = deadline - now
    if ticks > LONGEST:
        ticks = LONGEST
    vmwrite(PREEMPT_TIMER, ticks)
    vmwrite(PIN_CTLS, PinControl.EXTINT | PinControl.PREEMPT)
    vmwrite(EXIT_CTLS, ExitControl.SAVE_PREEMPT)


@fw
def host_wait() -> None:
    """Idle until an interrupt of the hypervisor's is pending."""
    if HOSTED:
        csr.sie = HOST_INTERRUPTS
    wfi()


@fw
def host_window() -> None:
    """Let a host kernel's interrupts come that have waited while the guest ran or left."""
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
    """The external interrupt has been served: nobody has to know."""


@fw
def host_pc() -> u64:
    """Where the hypervisor itself trapped."""
    return csr.sepc


@fw
def host_cause() -> u64:
    """Why it did."""
    return csr.scause
