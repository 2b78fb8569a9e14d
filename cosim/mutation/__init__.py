"""Faults seeded into the hardware one by one: what the tests do not notice, they do not test."""
