"""Xvmx on the golden model (docs/xvmx.md): ``unit`` is what a hart has of it."""
