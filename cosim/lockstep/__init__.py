"""Lockstep: every instruction that the hardware retires is compared with the golden model."""
