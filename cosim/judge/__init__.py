"""The outside judge: random programs on QEMU, compared with the golden model."""
