"""Emulated devices, one file each, and the decoding of guests' accesses to them."""
