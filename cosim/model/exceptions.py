"""The two ways in which an instruction or an access fails to complete."""

from rtl.isa.causes import Cause

__all__ = ["Access", "Stop", "Trap"]


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


class Trap(Exception):
    """A synchronous exception.

    Attributes
    ----------
    cause: exception code
    tval: value for the ``xtval`` register
    tval2: value for ``mtval2``/``htval``: guest physical address >> 2, for guest-page faults
    pseudo: pseudoinstruction for ``mtinst``/``htinst`` (a fault of an implicit access), else 0
    gva: whether ``tval`` is a guest virtual address (``mstatus.GVA``, ``hstatus.GVA``)
    """

    def __init__(self, cause: int, tval: int = 0, tval2: int = 0, pseudo: int = 0, gva: bool = False):
        super().__init__(cause)
        self.cause = cause
        self.tval = tval
        self.tval2 = tval2
        self.pseudo = pseudo
        self.gva = gva


class Stop(Exception):
    """The program ended the machine, through tohost or the finisher; ``status`` is its exit status."""

    def __init__(self, status: int):
        super().__init__(status)
        self.status = status
