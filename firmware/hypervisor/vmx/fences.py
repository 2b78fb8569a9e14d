"""Translations that the hart remembers of the running guest.

Without VPID every transition forgets them, and there is nothing to do: the instructions then fail, which
changes nothing.
"""

from firmware.hypervisor.vmx.fields import EPTP
from firmware.lang import fw, invvpid, u64, vmread
from rtl.isa.csrs import CSRS
from rtl.isa.xvmx import Invvpid

__all__ = ["forget_address", "forget_page", "forget_virtual", "unstaged_space"]

VMID = CSRS["hgatp"].field("VMID")
VMID_AT = VMID.lo
VMID_MASK = (1 << VMID.width) - 1
VPID_AT = 16


@fw
def vpid() -> u64:
    """The running guest's tag, where invvpid wants it."""
    return ((vmread(EPTP) >> VMID_AT) & VMID_MASK) << VPID_AT


@fw
def forget_page(gpa: u64) -> None:
    """After a page was added: nothing, as in VT-x; an entry that was not valid is not remembered."""


@fw
def forget_virtual() -> None:
    """Drop the running VM's own translations, of every address space."""
    invvpid(Invvpid.CONTEXT | vpid(), u64(0))


@fw
def forget_address(address: u64) -> None:
    """Drop what is remembered of one guest virtual address."""
    invvpid(Invvpid.ADDRESS | vpid(), address)


@fw
def unstaged_space(number: u64) -> u64:
    """The context word of a VM without a second stage: the tag alone."""
    return (number + 1) << VMID_AT
