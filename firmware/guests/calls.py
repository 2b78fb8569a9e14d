"""Checks the SBI that the guest is given, call by call; runs under the hypervisor and the monitor alike."""

from firmware.guests.report import finish_report, report
from firmware.guests.runtime import code, guest_image
from firmware.guests.stress_probes import NOWHERE, SOFTWARE, probes, seen, trap
from firmware.lang import addr_of, array, csr, ecall, fw, module_asm, static, u8, u64, wfi
from firmware.sbi import (
    Base,
    Dbcn,
    Error,
    Extension,
    HartState,
    Hsm,
    Ipi,
    Legacy,
    Rfence,
    Srst,
    Time,
)
from rtl.isa.causes import Interrupt
from rtl.isa.csrs import CSRS

__all__ = ["image"]

SIE = CSRS["sstatus"].mask("SIE")
SSIP = 1 << Interrupt.SSI
STIP = 1 << Interrupt.STI
UNKNOWN = 0x535441
"""An extension (STA) that neither the monitor nor the hypervisor has."""

text = static(array[u8, 16], b"dbcn write\n")


@fw(noinline=True)
def answers(extension: u64, function: u64, argument: u64, second: u64, error: u64, value: u64) -> bool:
    """Whether an SBI call gives this answer."""
    got_error, got_value = ecall(extension, function, argument, second, 0)
    return got_error == error and got_value == value


@fw
def check_base() -> bool:
    """Version, probing, and what is not there."""
    good = answers(Extension.BASE, Base.GET_SPEC_VERSION, 0, 0, 0, 2 << 24)
    good = answers(Extension.BASE, Base.PROBE_EXTENSION, Extension.DBCN, 0, 0, 1) and good
    good = answers(Extension.BASE, Base.PROBE_EXTENSION, Legacy.SHUTDOWN, 0, 0, 1) and good
    good = answers(Extension.BASE, Base.PROBE_EXTENSION, UNKNOWN, 0, 0, 0) and good
    good = answers(Extension.BASE, 99, 0, 0, u64(Error.NOT_SUPPORTED), 0) and good
    return answers(UNKNOWN, 0, 0, 0, u64(Error.NOT_SUPPORTED), 0) and good


@fw
def check_hsm() -> bool:
    """The one hart runs, and there is no other."""
    good = answers(Extension.HSM, Hsm.HART_GET_STATUS, 0, 0, 0, HartState.STARTED)
    good = answers(Extension.HSM, Hsm.HART_GET_STATUS, 1, 0, u64(Error.INVALID_PARAM), 0) and good
    good = answers(Extension.HSM, Hsm.HART_START, 0, 0, u64(Error.ALREADY_AVAILABLE), 0) and good
    good = answers(Extension.HSM, Hsm.HART_START, 5, 0, u64(Error.INVALID_PARAM), 0) and good
    return answers(Extension.HSM, 9, 0, 0, u64(Error.NOT_SUPPORTED), 0) and good


@fw
def check_rfence() -> bool:
    """Fences of the hart itself, of all harts, of none, and of one that does not exist."""
    good = answers(Extension.RFENCE, Rfence.SFENCE_VMA, 1, 0, 0, 0)
    good = answers(Extension.RFENCE, Rfence.SFENCE_VMA_ASID, 0, u64(-1), 0, 0) and good
    good = answers(Extension.RFENCE, Rfence.FENCE_I, 0, 0, 0, 0) and good
    good = answers(Extension.RFENCE, Rfence.FENCE_I, 2, 0, u64(Error.INVALID_PARAM), 0) and good
    good = answers(Extension.RFENCE, Rfence.FENCE_I, 1, 1, u64(Error.INVALID_PARAM), 0) and good
    return answers(Extension.RFENCE, 7, 1, 0, u64(Error.NOT_SUPPORTED), 0) and good


@fw
def check_srst() -> bool:
    """Reset types and reasons that do not exist."""
    good = answers(Extension.SRST, Srst.SYSTEM_RESET, 77, 0, u64(Error.INVALID_PARAM), 0)
    good = answers(Extension.SRST, Srst.SYSTEM_RESET, 0, 77, u64(Error.INVALID_PARAM), 0) and good
    return answers(Extension.SRST, 1, 0, 0, u64(Error.NOT_SUPPORTED), 0) and good


@fw
def check_dbcn() -> bool:
    """Output, output from nowhere, a byte, and input when none waits."""
    good = answers(Extension.DBCN, Dbcn.WRITE, 11, u64(addr_of(text[0])), 0, 11)
    good = answers(Extension.DBCN, Dbcn.WRITE, 4, NOWHERE, u64(Error.INVALID_PARAM), 0) and good
    good = (
        answers(Extension.DBCN, Dbcn.WRITE, u64(-1), u64(addr_of(text[0])), u64(Error.INVALID_PARAM), 0)
        and good
    )
    good = answers(Extension.DBCN, Dbcn.WRITE_BYTE, b"#"[0], 0, 0, 0) and good
    good = answers(Extension.DBCN, Dbcn.WRITE_BYTE, 10, 0, 0, 0) and good
    good = answers(Extension.DBCN, Dbcn.READ, 4, u64(addr_of(text[0])), 0, 0) and good
    return answers(Extension.DBCN, 3, 0, 0, u64(Error.NOT_SUPPORTED), 0) and good


@fw
def take_interrupt(bit: u64) -> u64:
    """Enable one interrupt, let what is pending come, and tell its cause."""
    seen.cause = 0
    csr.sie = bit
    csr.sstatus |= SIE
    csr.sstatus &= ~SIE
    csr.sie = 0
    return seen.cause


@fw
def check_ipi() -> bool:
    """A software interrupt sent to itself arrives when enabled, not before."""
    before = seen.interrupts
    good = answers(Extension.IPI, Ipi.SEND_IPI, 1, 0, 0, 0)
    good = good and (csr.sip & SSIP) != 0 and seen.interrupts == before
    good = good and take_interrupt(SSIP) == SOFTWARE
    csr.sip &= ~SSIP
    good = answers(Extension.IPI, Ipi.SEND_IPI, 4, 0, u64(Error.INVALID_PARAM), 0) and good
    return good and (csr.sip & SSIP) == 0


@fw
def check_time() -> bool:
    """The timer set by SBI is due when it should be, and setting it again takes it back."""
    deadline = csr.time + 300
    csr.sie = STIP
    good = answers(Extension.TIME, Time.SET_TIMER, deadline, 0, 0, 0)
    wfi()
    good = good and csr.time >= deadline and (csr.sip & STIP) != 0
    good = answers(Extension.TIME, Time.SET_TIMER, u64(-1), 0, 0, 0) and good
    csr.sie = 0
    return good and (csr.sip & STIP) == 0 and answers(Extension.TIME, 1, 0, 0, u64(Error.NOT_SUPPORTED), 0)


@fw
def check_legacy() -> bool:
    """Console output and input, software interrupt, fences: the answer is in a0 alone."""
    good = answers(Legacy.PUTCHAR, 0, b"@"[0], 77, 0, 77)
    good = answers(Legacy.PUTCHAR, 0, 10, 77, 0, 77) and good
    good = answers(Legacy.GETCHAR, 0, 0, 77, u64(-1), 77) and good
    good = answers(Legacy.SEND_IPI, 0, 0, 77, 0, 77) and good
    good = good and (csr.sip & SSIP) != 0
    good = answers(Legacy.CLEAR_IPI, 0, 0, 77, 0, 77) and good
    good = good and (csr.sip & SSIP) == 0
    good = answers(Legacy.REMOTE_FENCE_I, 0, 0, 77, 0, 77) and good
    return answers(Legacy.REMOTE_SFENCE_VMA, 0, 0, 77, 0, 77) and good


@fw(export=True)
def main() -> None:
    """The guest."""
    report(b"base", check_base())
    report(b"hsm", check_hsm())
    report(b"rfence", check_rfence())
    report(b"srst", check_srst())
    report(b"dbcn", check_dbcn())
    report(b"ipi", check_ipi())
    report(b"time", check_time())
    report(b"legacy", check_legacy())
    finish_report()


module_asm(code(main, trap))
module_asm(probes())

image = guest_image("calls", main, trap)
