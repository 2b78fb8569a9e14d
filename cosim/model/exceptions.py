"""The two ways in which an instruction or an access fails to complete."""

from dataclasses import dataclass

from rtl.isa.causes import Cause

__all__ = ["Access", "SecondStageFault", "Stop", "Trap", "VmExit"]


class Access:
    """Kinds of memory access, and the exceptions that each one reports (privileged spec, "mcause")."""

    FETCH = 0
    LOAD = 1
    STORE = 2

    ACCESS_FAULT = (Cause.FETCH_ACCESS, Cause.LOAD_ACCESS, Cause.STORE_ACCESS)
    PAGE_FAULT = (Cause.FETCH_PAGE_FAULT, Cause.LOAD_PAGE_FAULT, Cause.STORE_PAGE_FAULT)
    GUEST_PAGE_FAULT = (
        Cause.FETCH_GUEST_PAGE_FAULT,
        Cause.LOAD_GUEST_PAGE_FAULT,
        Cause.STORE_GUEST_PAGE_FAULT,
    )


@dataclass(frozen=True, slots=True)
class SecondStageFault:
    """What a walk of the second stage's table found.

    Attributes
    ----------
    gpa: guest physical address that was to be translated
    implicit, write: the access was the walker's own, to a first-stage entry; it was the update of A or D
    permissions: R, W and X of the entry where the walk ended, in bits 0 to 2
    misconfigured: that entry is malformed (docs/xvmx.md, section 7)
    """

    gpa: int
    implicit: bool
    write: bool
    permissions: int
    misconfigured: bool


class Trap(Exception):
    """A synchronous exception.

    Attributes
    ----------
    cause: exception code
    tval: value for the ``xtval`` register
    tval2: value for ``mtval2``/``htval``: guest physical address >> 2, for guest-page faults
    pseudo: pseudoinstruction for ``mtinst``/``htinst`` (a fault of an implicit access), else 0
    gva: whether ``tval`` is a guest virtual address (``mstatus.GVA``, ``hstatus.GVA``)
    second_stage: of a guest-page fault
    """

    second_stage: SecondStageFault | None = None

    def __init__(self, cause: int, tval: int = 0, tval2: int = 0, pseudo: int = 0, gva: bool = False):
        super().__init__(cause)
        self.cause = cause
        self.tval = tval
        self.tval2 = tval2
        self.pseudo = pseudo
        self.gva = gva


class VmExit(Trap):
    """A VM exit of Xvmx in place of an exception.

    Attributes
    ----------
    reason: exit reason; ``cause`` is the same
    qualification, tval, linear, physical: values for the exit's fields
    """

    def __init__(
        self, reason: int, qualification: int = 0, tval: int = 0, *, linear: int = 0, physical: int = 0
    ):
        super().__init__(reason, tval)
        self.reason = reason
        self.qualification = qualification
        self.linear = linear
        self.physical = physical


class Stop(Exception):
    """The program ended the machine, through tohost or the finisher; ``status`` is its exit status."""

    def __init__(self, status: int):
        super().__init__(status)
        self.status = status
