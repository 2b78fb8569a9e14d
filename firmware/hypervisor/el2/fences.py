"""Translations that the hart remembers of the running guest."""

from firmware.lang import fw, hfence_gvma, hfence_vvma, u64

__all__ = ["forget_address", "forget_page", "forget_virtual", "unstaged_space"]


@fw
def forget_page(gpa: u64) -> None:
    """Drop what is cached of a guest physical page (the operand is its address shifted right by 2)."""
    hfence_gvma(gpa >> 2)


@fw
def forget_virtual() -> None:
    """Drop the running VM's own translations, of every address space."""
    hfence_vvma()


@fw
def forget_address(address: u64) -> None:
    """Drop what is cached of one guest virtual address."""
    hfence_vvma(address)


@fw
def unstaged_space(number: u64) -> u64:
    """The context word of a VM without a second stage: hgatp Bare, whose other fields must be zero."""
    return 0
