"""SBI 2.0 for the stage that the monitor started (specification chapters 4 to 12, one hart)."""

from firmware.bootinfo import MONITOR_BASE, MONITOR_SIZE
from firmware.finisher import finish, reset
from firmware.hart_mask import INVALID_MASK, SELECTS_HART, hart_mask
from firmware.lang import (
    csr,
    fence_i,
    fw,
    hfence_gvma,
    hfence_vvma,
    load8,
    ptr,
    sfence_vma,
    store8,
    store64,
    u8,
    u64,
    wfi,
)
from firmware.monitor.boot import host
from firmware.sbi import (
    IMPLEMENTATION_ID,
    IMPLEMENTATION_VERSION,
    SPEC_VERSION,
    Base,
    Dbcn,
    Error,
    Extension,
    HartState,
    Hsm,
    Ipi,
    Legacy,
    ResetReason,
    ResetType,
    Rfence,
    Srst,
    Time,
)
from firmware.uart import uart_put, uart_ready, uart_take
from rtl.isa.causes import Interrupt
from rtl.isa.csrs import CSRS
from rtl.isa.memory_map import CLINT, CLINT_MTIMECMP

__all__ = ["STATUS_FAILURE", "call"]

STATUS_FAILURE = 1
"""Exit status of the machine when SRST is called with reason "system failure"."""

A0, A1, A2, A6, A7 = 10, 11, 12, 16, 17
STCE = CSRS["menvcfg"].mask("STCE")


@fw
def answer(x: ptr[u64], error: u64, value: u64) -> None:
    """Give back ``error`` and ``value`` as SBI does."""
    x[A0] = error
    x[A1] = value


@fw(noinline=True)
def set_timer(deadline: u64) -> None:
    """Next timer interrupt: by Sstc where the hart has it, else through mtimecmp and `mip.STIP`."""
    if (csr.menvcfg & STCE) != 0:
        csr.stimecmp = deadline
    else:
        csr.mip &= ~(1 << Interrupt.STI)
        store64(CLINT.base + CLINT_MTIMECMP, deadline)
        csr.mie |= 1 << Interrupt.MTI


@fw
def base(x: ptr[u64]) -> None:
    """BASE."""
    match x[A6]:
        case Base.GET_SPEC_VERSION:
            answer(x, Error.SUCCESS, SPEC_VERSION)
        case Base.GET_IMPL_ID:
            answer(x, Error.SUCCESS, IMPLEMENTATION_ID)
        case Base.GET_IMPL_VERSION:
            answer(x, Error.SUCCESS, IMPLEMENTATION_VERSION)
        case Base.PROBE_EXTENSION:
            answer(x, Error.SUCCESS, u64(known(x[A0])))
        case Base.GET_MVENDORID:
            answer(x, Error.SUCCESS, csr.mvendorid)
        case Base.GET_MARCHID:
            answer(x, Error.SUCCESS, csr.marchid)
        case Base.GET_MIMPID:
            answer(x, Error.SUCCESS, csr.mimpid)
        case _:
            answer(x, u64(Error.NOT_SUPPORTED), 0)


@fw
def known(extension: u64) -> bool:
    """Whether `call` serves the extension."""
    match extension:
        case Extension.BASE | Extension.TIME | Extension.IPI | Extension.RFENCE:
            return True
        case Extension.HSM | Extension.SRST | Extension.DBCN:
            return True
        case Legacy.SET_TIMER | Legacy.PUTCHAR | Legacy.GETCHAR | Legacy.CLEAR_IPI | Legacy.SEND_IPI:
            return True
        case Legacy.REMOTE_FENCE_I | Legacy.REMOTE_SFENCE_VMA | Legacy.REMOTE_SFENCE_VMA_ASID:
            return True
        case Legacy.SHUTDOWN:
            return True
        case _:
            return False


@fw
def time(x: ptr[u64]) -> None:
    """TIME."""
    if x[A6] != Time.SET_TIMER:
        answer(x, u64(Error.NOT_SUPPORTED), 0)
        return
    set_timer(x[A0])
    answer(x, Error.SUCCESS, 0)


@fw
def ipi(x: ptr[u64]) -> None:
    """IPI: the one hart can interrupt itself."""
    if x[A6] != Ipi.SEND_IPI:
        answer(x, u64(Error.NOT_SUPPORTED), 0)
        return
    selected = hart_mask(x[A0], x[A1])
    if selected == INVALID_MASK:
        answer(x, u64(Error.INVALID_PARAM), 0)
        return
    if selected == SELECTS_HART:
        csr.mip |= 1 << Interrupt.SSI
    answer(x, Error.SUCCESS, 0)


@fw
def rfence(x: ptr[u64]) -> None:
    """RFENCE: every range is served by a whole fence of its kind."""
    if x[A6] > Rfence.HFENCE_VVMA:
        answer(x, u64(Error.NOT_SUPPORTED), 0)
        return
    selected = hart_mask(x[A0], x[A1])
    if selected == INVALID_MASK:
        answer(x, u64(Error.INVALID_PARAM), 0)
        return
    if selected == SELECTS_HART:
        match x[A6]:
            case Rfence.FENCE_I:
                fence_i()
            case Rfence.SFENCE_VMA | Rfence.SFENCE_VMA_ASID:
                sfence_vma()
            case Rfence.HFENCE_GVMA | Rfence.HFENCE_GVMA_VMID:
                hfence_gvma()
            case _:
                hfence_vvma()
    answer(x, Error.SUCCESS, 0)


@fw
def hsm(x: ptr[u64]) -> None:
    """HSM: hart 0 is running; it can stop, which ends the machine, or suspend retentively."""
    fid = x[A6]
    if fid == Hsm.HART_STOP:
        finish(0)
    if fid == Hsm.HART_SUSPEND:
        if u64(x[A0] & 0xFFFF_FFFF) == 0:
            wfi()
            answer(x, Error.SUCCESS, 0)
        else:
            answer(x, u64(Error.NOT_SUPPORTED), 0)
        return
    if fid > Hsm.HART_SUSPEND:
        answer(x, u64(Error.NOT_SUPPORTED), 0)
    elif x[A0] != 0:
        answer(x, u64(Error.INVALID_PARAM), 0)
    elif fid == Hsm.HART_START:
        answer(x, u64(Error.ALREADY_AVAILABLE), 0)
    else:
        answer(x, Error.SUCCESS, HartState.STARTED)


@fw
def srst(x: ptr[u64]) -> None:
    """SRST."""
    if x[A6] != Srst.SYSTEM_RESET:
        answer(x, u64(Error.NOT_SUPPORTED), 0)
        return
    kind = x[A0] & 0xFFFF_FFFF
    reason = x[A1] & 0xFFFF_FFFF
    if kind > ResetType.WARM_REBOOT or reason > ResetReason.SYSTEM_FAILURE:
        answer(x, u64(Error.INVALID_PARAM), 0)
        return
    if kind != ResetType.SHUTDOWN:
        reset()
    if reason == ResetReason.NONE:
        finish(0)
    finish(STATUS_FAILURE)


@fw
def outside(address: u64, size: u64) -> bool:
    """Whether a caller's buffer touches the monitor or lies outside DRAM."""
    return (
        address < MONITOR_BASE + MONITOR_SIZE
        or size > host.memory_end - address
        or address >= host.memory_end
    )


@fw
def dbcn(x: ptr[u64]) -> None:
    """DBCN on the UART; buffers are physical addresses."""
    size = x[A0]
    address = x[A1]
    match x[A6]:
        case Dbcn.WRITE:
            if x[A2] != 0 or outside(address, size):
                answer(x, u64(Error.INVALID_PARAM), 0)
                return
            for i in range(size):
                uart_put(load8(address + i))
            answer(x, Error.SUCCESS, size)
        case Dbcn.READ:
            if x[A2] != 0 or outside(address, size):
                answer(x, u64(Error.INVALID_PARAM), 0)
                return
            count = u64(0)
            while count < size and uart_ready():
                store8(address + count, u8(uart_take()))
                count += 1
            answer(x, Error.SUCCESS, count)
        case Dbcn.WRITE_BYTE:
            uart_put(u8(size))
            answer(x, Error.SUCCESS, 0)
        case _:
            answer(x, u64(Error.NOT_SUPPORTED), 0)


@fw(noinline=True)
def call(x: ptr[u64]) -> None:
    """Serve the SBI call of registers ``x``."""
    match x[A7]:
        case Extension.BASE:
            base(x)
        case Extension.TIME:
            time(x)
        case Extension.IPI:
            ipi(x)
        case Extension.RFENCE:
            rfence(x)
        case Extension.HSM:
            hsm(x)
        case Extension.SRST:
            srst(x)
        case Extension.DBCN:
            dbcn(x)
        case Legacy.SET_TIMER:
            set_timer(x[A0])
            x[A0] = 0
        case Legacy.PUTCHAR:
            uart_put(u8(x[A0]))
            x[A0] = 0
        case Legacy.GETCHAR:
            if uart_ready():
                x[A0] = uart_take()
            else:
                x[A0] = u64(-1)
        case Legacy.CLEAR_IPI:
            csr.mip &= ~(1 << Interrupt.SSI)
            x[A0] = 0
        case Legacy.SEND_IPI:
            csr.mip |= 1 << Interrupt.SSI
            x[A0] = 0
        case Legacy.REMOTE_FENCE_I:
            fence_i()
            x[A0] = 0
        case Legacy.REMOTE_SFENCE_VMA | Legacy.REMOTE_SFENCE_VMA_ASID:
            sfence_vma()
            x[A0] = 0
        case Legacy.SHUTDOWN:
            finish(0)
        case _:
            answer(x, u64(Error.NOT_SUPPORTED), 0)
