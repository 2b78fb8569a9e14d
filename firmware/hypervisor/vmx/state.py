"""What a vCPU keeps while another one runs: its VMCS holds nearly everything.

Beside the general registers, which are software's, the state repeats the few fields that the scheduler
and the devices ask for while the VMCS is not the current one.
"""

from firmware.hypervisor.options import SHADOW
from firmware.hypervisor.pool import take_page
from firmware.hypervisor.vmx.fields import (
    EPTP,
    EXCEPTION_BITMAP,
    G_PC,
    G_PRIV,
    G_SATP,
    G_SCOUNTEREN,
    G_SIE,
    G_STIMECMP,
    H_PC,
    H_SIE,
    H_SP,
    H_STIMECMP,
    H_STVEC,
    PROC_CTLS,
    TIME_OFFSET,
    VIRQ,
)
from firmware.hypervisor.vmx.hart import HOST_INTERRUPTS, has_vpid
from firmware.lang import (
    array,
    csr,
    fw,
    ptr,
    store32,
    struct,
    symbol,
    u32,
    u64,
    vmclear,
    vmptrld,
    vmread,
    vmwrite,
)
from rtl.isa.causes import Cause
from rtl.isa.csrs import CSRS
from rtl.isa.privilege import Privilege
from rtl.isa.xvmx import REVISION, ProcControl

__all__ = ["State", "load", "reset_state", "save", "set_satp", "set_satp_saved"]

USER_COUNTERS = CSRS["scounteren"].mask("CY", "TM", "IR")
"""What a guest's U mode reads from the start: Linux leaves scounteren as firmware set it."""
CONTROLS = ProcControl.WFI | ProcControl.TIMEOFF
SHADOW_CONTROLS = CONTROLS | ProcControl.SATPW | ProcControl.SATPR | ProcControl.SFENCE
NESTED_CONTROLS = CONTROLS | ProcControl.EPT
PAGE_FAULTS = 1 << Cause.FETCH_PAGE_FAULT | 1 << Cause.LOAD_PAGE_FAULT | 1 << Cause.STORE_PAGE_FAULT


@struct
class State:
    """A vCPU's registers. ``x`` comes first: the stubs address it from the vCPU's address, which is also the
    state's own. ``vmcs`` is the host address of its VMCS."""

    x: array[u64, 32]
    vmcs: u64
    virq: u64
    sie: u64
    stimecmp: u64
    time_offset: u64
    padding: u64


@fw
def host_fields(s: ptr[State]) -> None:
    """Where exits go, and with what."""
    vmwrite(H_PC, symbol("guest_exit"))
    vmwrite(H_SP, u64(s))
    vmwrite(H_STVEC, symbol("host_trap"))
    vmwrite(H_SIE, HOST_INTERRUPTS)
    vmwrite(H_STIMECMP, u64(-1))


@fw
def control_fields(space: u64) -> None:
    """What exits: PIN_CTLS are set with the time slice."""
    controls = u64(NESTED_CONTROLS)
    if SHADOW:
        controls = u64(SHADOW_CONTROLS)
        vmwrite(EXCEPTION_BITMAP, PAGE_FAULTS)
    if has_vpid():
        controls |= ProcControl.VPID
    vmwrite(PROC_CTLS, controls)
    vmwrite(EPTP, space)


@fw
def reset_state(s: ptr[State], space: u64, pc: u64, argument: u64) -> bool:
    """First instruction at ``pc`` in non-root S mode, with a0 = 0 (the hart) and a1 = ``argument``.

    The statics and the VMCS start zeroed. The guest's `time` starts near 0, and its timer is off. False if
    there is no page for the VMCS.
    """
    page = take_page()
    if page == 0:
        return False
    s.vmcs = page
    s.x[11] = argument
    s.time_offset = 0 - csr.time
    s.stimecmp = u64(-1)
    store32(page, u32(REVISION))
    vmclear(page)
    vmptrld(page)
    host_fields(s)
    control_fields(space)
    vmwrite(TIME_OFFSET, s.time_offset)
    vmwrite(G_PC, pc)
    vmwrite(G_PRIV, Privilege.S)
    vmwrite(G_STIMECMP, u64(-1))
    vmwrite(G_SCOUNTEREN, USER_COUNTERS)
    return True


@fw(noinline=True)
def save(s: ptr[State]) -> None:
    """Keep what may be asked of the vCPU that leaves the hart."""
    s.virq = vmread(VIRQ)
    s.sie = vmread(G_SIE)
    s.stimecmp = vmread(G_STIMECMP)


@fw(noinline=True)
def load(s: ptr[State]) -> None:
    """Make the vCPU's VMCS the current one; the next entry runs it."""
    vmptrld(s.vmcs)
    vmwrite(VIRQ, s.virq)


@fw
def set_satp(value: u64) -> None:
    """The satp that the vCPU on the hart is translated with."""
    vmwrite(G_SATP, value)


@fw
def set_satp_saved(s: ptr[State], value: u64) -> None:
    """The same of a vCPU that has not been on the hart; its VMCS becomes the current one."""
    vmptrld(s.vmcs)
    vmwrite(G_SATP, value)
