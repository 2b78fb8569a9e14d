"""Tests of the firmware language."""
