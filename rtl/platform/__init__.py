"""Devices of the platform, at the addresses of QEMU's virt machine."""
