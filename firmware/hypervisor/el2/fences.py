"""Translations that the hart remembers of the running guest.

In the split design the lowvisor drops them: fences of guests' translations are for HS mode only (H chapter,
"Hypervisor Memory-Management Fence Instructions").
"""

from firmware.hypervisor.el2.services import Service
from firmware.hypervisor.options import SPLIT
from firmware.lang import ecall, fw, hfence_gvma, hfence_vvma, u64

__all__ = ["fence_page", "forget_address", "forget_page", "forget_virtual", "unstaged_space"]


@fw
def fence_page(gpa: u64) -> None:
    """Drop what is cached of a guest physical page (the operand is its address shifted right by 2)."""
    hfence_gvma(gpa >> 2)


@fw
def forget_page(gpa: u64) -> None:
    """The same, in every design."""
    if SPLIT:
        ecall(u64(Service.FORGET_PAGE), 0, gpa)
    else:
        fence_page(gpa)


@fw
def forget_virtual() -> None:
    """Drop the running VM's own translations, of every address space."""
    if SPLIT:
        ecall(u64(Service.FORGET_VIRTUAL), 0)
    else:
        hfence_vvma()


@fw
def forget_address(address: u64) -> None:
    """Drop what is cached of one guest virtual address."""
    if SPLIT:
        ecall(u64(Service.FORGET_ADDRESS), 0, address)
    else:
        hfence_vvma(address)


@fw
def unstaged_space(number: u64) -> u64:
    """The context word of a VM without a second stage: hgatp Bare, whose other fields must be zero."""
    return 0
