"""Firmware of the machine, written in the typed-Python firmware language."""
