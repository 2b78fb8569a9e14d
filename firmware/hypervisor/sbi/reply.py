"""Answers to SBI calls: where they go, and the usual ones."""

from firmware.hypervisor.outcome import RESUME
from firmware.hypervisor.vm import VCPU
from firmware.lang import fw, ptr, u64
from firmware.sbi import Error

__all__ = ["A0", "A1", "A2", "A6", "A7", "WORD", "fail", "not_supported", "reply"]

A0, A1, A2, A6, A7 = 10, 11, 12, 16, 17
WORD = 0xFFFF_FFFF
"""Arguments that SBI declares as uint32_t count with their low half only."""


@fw
def reply(v: ptr[VCPU], value: u64) -> u64:
    """Success and a value."""
    v.state.x[A0] = Error.SUCCESS
    v.state.x[A1] = value
    return RESUME


@fw
def fail(v: ptr[VCPU], error: u64) -> u64:
    """An error and no value."""
    v.state.x[A0] = error
    v.state.x[A1] = 0
    return RESUME


@fw
def not_supported(v: ptr[VCPU]) -> u64:
    """There is no such function."""
    return fail(v, u64(Error.NOT_SUPPORTED))
